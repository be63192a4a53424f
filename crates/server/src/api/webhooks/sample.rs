//! Events as they might be, to try a webhook out: each with `"test": true` in its data.

use mask_core::{
    destination::WebUrl,
    event::EventKind,
    id::{EventId, LinkId},
    link::{Content, Link},
    slug::Slug,
    time::Time,
};
use serde_json::{Value, json};

use crate::{
    api::{
        links::LinkBody,
        payload::{self, VisitBody},
    },
    redirect::Hosts,
};

/// The body of a delivery that tells of such an event, and that it is none.
pub(super) fn body(id: EventId, kind: EventKind, now: Time, hosts: &Hosts, domain: &str) -> String {
    let mut data = data(kind, now, hosts, domain);
    if let Some(data) = data.as_object_mut() {
        data.insert("test".to_owned(), Value::Bool(true));
    }
    payload::body(id, kind, now, &data)
}

fn data(kind: EventKind, now: Time, hosts: &Hosts, domain: &str) -> Value {
    match kind {
        EventKind::LinkCreated | EventKind::LinkUpdated | EventKind::LinkDeleted => link(now, hosts, domain),
        EventKind::LinkClicked => visit(hosts, domain),
        EventKind::QrScanned => {
            let mut data = visit(hosts, domain);
            data["source"] = json!("qr");
            data["qr_code_id"] = json!("qr_00000000000000000000000000");
            data
        }
        EventKind::PageViewed => json!({
            "bio_page_id": PAGE, "slug": "spring", "referrer": "direct", "country": "US", "device": "mobile",
            "browser": "Safari",
        }),
        EventKind::PagePublished => json!({
            "id": PAGE, "title": "Spring", "slug": "spring", "description": null, "avatar_url": null, "theme": {},
            "blocks": [], "domain": domain, "views": 0, "published": true, "created_at": now.to_string(),
            "updated_at": now.to_string(),
        }),
        EventKind::DomainVerified => json!({
            "id": "dom_00000000000000000000000000", "domain": "go.example.com", "status": "verified", "is_default": false,
            "verified_at": now.to_string(), "created_at": now.to_string(), "updated_at": now.to_string(),
        }),
    }
}

const PAGE: &str = "bp_00000000000000000000000000";

fn visit(hosts: &Hosts, domain: &str) -> Value {
    serde_json::to_value(VisitBody::sample(&hosts.short_url(domain, "spring"))).unwrap_or_default()
}

fn link(now: Time, hosts: &Hosts, domain: &str) -> Value {
    let (Ok(url), Ok(slug)) = (WebUrl::parse("https://example.com/spring"), Slug::parse("spring")) else {
        return Value::Null;
    };
    let link = Link {
        id: LinkId::from_bits(0),
        domain: domain.to_owned(),
        slug,
        content: Content::to(url),
        clicks: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    serde_json::to_value(LinkBody::of(&link, hosts)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_sample() {
        let hosts = Hosts::new(&url::Url::parse("https://go.example").expect("a URL"), &[]);
        let now = Time::from_unix_millis(1_700_000_000_000);
        for kind in EventKind::ALL {
            let body: Value =
                serde_json::from_str(&body(EventId::from_bits(1), *kind, now, &hosts, "go.example")).expect("JSON");
            assert_eq!((&body["type"], &body["data"]["test"]), (&json!(kind.as_str()), &json!(true)), "{kind}");
            assert!(body["data"].as_object().is_some_and(|data| data.len() > 5), "{kind}: {body}");
        }
    }
}
