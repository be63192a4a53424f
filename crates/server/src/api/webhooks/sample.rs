//! Events as they might be, to try a webhook out: each with `"test": true` in its data.

use mask_core::{
    certificate::Standing,
    destination::WebUrl,
    domain::{Domain, DomainName, Status},
    event::EventKind,
    id::{DomainId, EventId, LinkId},
    link::{Content, Link},
    slug::Slug,
    time::Time,
    webhook::PayloadVersion,
    workspace::Owner,
};
use mask_store::TestEvent;
use serde_json::{Value, json};

use crate::{
    api::{
        domains::DomainBody,
        links::LinkBody,
        payload::{self, ViewBody, VisitBody},
    },
    config::Target,
    domains::Records,
    redirect::Hosts,
};

/// Where samples live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) domain: &'a str,
}

/// Such an event, which says that it is none.
pub(super) fn event(id: EventId, kind: EventKind, version: PayloadVersion, now: Time, ours: Ours<'_>) -> TestEvent {
    let mut data = data(kind, now, ours.hosts, ours.domain);
    if let Some(data) = data.as_object_mut() {
        data.insert("test".to_owned(), Value::Bool(true));
    }
    TestEvent { id, kind, version, body: payload::body(id, kind, now, &data) }
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
        EventKind::PageViewed => {
            serde_json::to_value(ViewBody::sample(&hosts.short_url(domain, "spring"))).unwrap_or_default()
        }
        EventKind::PagePublished => json!({
            "id": PAGE, "title": "Spring", "slug": "spring", "description": null, "avatar_url": null, "theme": {},
            "blocks": [], "domain": domain, "views": 0, "published": true, "created_at": now.to_string(),
            "updated_at": now.to_string(),
        }),
        EventKind::DomainVerified => a_domain(now, domain),
    }
}

const PAGE: &str = "bp_00000000000000000000000000";

fn visit(hosts: &Hosts, domain: &str) -> Value {
    serde_json::to_value(VisitBody::sample(&hosts.short_url(domain, "spring"))).unwrap_or_default()
}

/// A domain that leads to this host.
fn a_domain(now: Time, target: &str) -> Value {
    let Ok(name) = DomainName::parse("go.example.com") else { return Value::Null };
    let sample = Domain {
        id: DomainId::from_bits(0),
        owner: Owner { workspace: 0, is_test: false },
        name,
        token: format!("mask-domain={}", "0".repeat(32)),
        content: mask_core::domain::Content::default(),
        status: Status::Verified,
        has_proof: true,
        points_here: true,
        look: None,
        sought_since: now,
        verified_at: Some(now),
        version: 1,
        looks: 1,
        created_at: now,
        updated_at: now,
    };
    let records = Records { target: Target::Name(target.to_owned()), addresses: Vec::new() };
    serde_json::to_value(DomainBody::of(&sample, &records, Standing::OFF)).unwrap_or_default()
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
            let ours = Ours { hosts: &hosts, domain: "go.example" };
            let event = event(EventId::from_bits(1), *kind, PayloadVersion::NEWEST, now, ours);
            let body: Value = serde_json::from_str(&event.body).expect("JSON");
            assert_eq!((&body["type"], &body["data"]["test"]), (&json!(kind.as_str()), &json!(true)), "{kind}");
            assert!(body["data"].as_object().is_some_and(|data| data.len() > 5), "{kind}: {body}");
        }
    }
}
