//! What a provider says of somebody, and what of it counts.

use mask_core::{mail::Address, time::Time};
use serde_json::Value;

use super::{
    super::{jwt::Claims, ticket::Ticket},
    Failed, Known, MOST_GROUPS, Provider, SKEW,
};

impl Provider {
    /// Whom signed claims are about, if they are for us, of now, and about this ticket.
    pub(super) fn subject(&self, claims: &Claims, ticket: &Ticket) -> Result<String, Failed> {
        let unsound = |why: &str| Err(Failed::Unsound(why.to_owned()));
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let issuer = self.issuer.as_str().trim_end_matches('/');
        if text("iss").map(|iss| iss.trim_end_matches('/')) != Some(issuer) {
            return unsound("it is another issuer's");
        }
        if !self.is_for_us(claims) {
            return unsound("it is for somebody else");
        }
        let now = self.clock.now();
        let moment = |name: &str| claims.get(name).and_then(seconds);
        if moment("exp").is_none_or(|end| end.after(SKEW) <= now) {
            return unsound("its time is over");
        }
        if moment("iat").is_some_and(|made| made > now.after(SKEW))
            || moment("nbf").is_some_and(|from| from > now.after(SKEW))
        {
            return unsound("its time has not come");
        }
        if text("nonce") != Some(ticket.nonce()) {
            return unsound("it is the answer to another request");
        }
        let Some(subject) = text("sub").filter(|sub| !sub.is_empty() && sub.len() <= 255) else {
            return unsound("it is about nobody");
        };
        Ok(subject.to_owned())
    }

    /// Somebody, by what is said of them.
    pub(super) fn described(&self, subject: String, claims: &Claims) -> Result<Known, Failed> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let is_verified = matches!(claims.get("email_verified"), Some(Value::Bool(true)))
            || text("email_verified").is_some_and(|verified| verified == "true");
        let email = text("email").and_then(|email| Address::parse(email).ok()).filter(|_| is_verified);
        Ok(Known {
            issuer: self.issuer.as_str().trim_end_matches('/').to_owned(),
            subject,
            email: email.ok_or(Failed::Unverified)?,
            name: text("name").and_then(|name| mask_core::person::parse_name(name).ok()),
            groups: self.groups(claims),
        })
    }

    /// Whether a token is for us: of several that it is for, we have to be the one that asked (OpenID Connect Core 1.0 §2).
    fn is_for_us(&self, claims: &Claims) -> bool {
        let is_us = |value: &Value| value.as_str() == Some(&self.client_id);
        let is_meant = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(is_us),
            Some(one) => is_us(one),
            None => false,
        };
        is_meant && claims.get("azp").is_none_or(is_us)
    }

    fn groups(&self, claims: &Claims) -> Vec<String> {
        match claims.get(&self.groups_claim) {
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(str::to_owned).collect()
            }
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        }
    }
}

/// Adds what claims leave out. What is signed is not written over; and an address counts with what is said beside it.
pub(super) fn add_missing(claims: &mut Claims, mut more: Claims) {
    if claims.contains_key("email") {
        more.shift_remove("email_verified");
    } else {
        claims.shift_remove("email_verified");
    }
    for (name, value) in more {
        claims.entry(name).or_insert(value);
    }
}

/// A moment as claims have it: seconds, perhaps with a fraction.
fn seconds(value: &Value) -> Option<Time> {
    // A fraction of a second is of no matter, and no number is one that JSON writes with an exponent here.
    let whole = value.as_i64().or_else(|| value.to_string().split('.').next()?.parse().ok())?;
    Some(Time::from_unix_millis(whole.checked_mul(1000)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Clock, config::Config};

    const NOW: i64 = 1_774_360_800;

    fn provider() -> Provider {
        let flags = [
            ("oidc.issuer", "https://login.example.com/realms/team".to_owned()),
            ("oidc.client_id", "mask".to_owned()),
            ("oidc.client_secret", "s3cr3t".to_owned()),
        ];
        let config = Config::load(None, [], &flags).expect("settings");
        let clock = Clock::by_hand(Time::from_unix_millis(NOW * 1000));
        let redirect_uri = "https://mask.example/auth/oidc/callback".to_owned();
        let made = Provider::of(&config.oidc, &config.outbound, redirect_uri, clock).expect("the system's authorities");
        made.expect("there is an issuer")
    }

    fn claims(ticket: &Ticket) -> Claims {
        let claims = json!({
            "iss": "https://login.example.com/realms/team", "aud": "mask", "sub": "u-1", "nonce": ticket.nonce(),
            "iat": NOW, "exp": NOW + 300, "email": "Ada@Example.com", "email_verified": true, "name": "Ada Lovelace",
            "groups": ["designers", 7, "admins"],
        });
        claims.as_object().expect("an object").clone()
    }

    fn judged(provider: &Provider, claims: &Claims, ticket: &Ticket) -> Result<Known, Failed> {
        provider.described(provider.subject(claims, ticket)?, claims)
    }

    #[test]
    fn what_is_said_beside_a_token_is_added() {
        let added = |claims: Value, more: Value| {
            let object = |value: Value| value.as_object().expect("an object").clone();
            let mut claims = object(claims);
            add_missing(&mut claims, object(more));
            Value::Object(claims)
        };
        for (claims, more, expected) in [
            (json!({"sub": "u"}), json!({"sub": "v", "name": "Ada"}), json!({"sub": "u", "name": "Ada"})),
            (
                json!({"sub": "u", "email_verified": true}),
                json!({"email": "eve@example.com", "email_verified": false}),
                json!({"sub": "u", "email": "eve@example.com", "email_verified": false}),
            ),
            (
                json!({"sub": "u", "email": "ada@example.com"}),
                json!({"email": "eve@example.com", "email_verified": true, "groups": ["a"]}),
                json!({"sub": "u", "email": "ada@example.com", "groups": ["a"]}),
            ),
        ] {
            assert_eq!(added(claims, more), expected);
        }
    }

    #[test]
    fn what_is_said_of_somebody_is_read() {
        let (provider, ticket) = (provider(), Ticket::new("/", Time::from_unix_millis(NOW * 1000)));
        let known = judged(&provider, &claims(&ticket), &ticket).expect("all is well");
        let expected = Known {
            issuer: "https://login.example.com/realms/team".to_owned(),
            subject: "u-1".to_owned(),
            email: Address::parse("Ada@example.com").expect("an address"),
            name: Some("Ada Lovelace".to_owned()),
            groups: vec!["designers".to_owned(), "admins".to_owned()],
        };
        assert_eq!(known, expected);
    }

    #[test]
    fn each_fault_is_one() {
        let (provider, ticket) = (provider(), Ticket::new("/", Time::from_unix_millis(NOW * 1000)));
        let with = |name: &str, value: Value| {
            let mut claims = claims(&ticket);
            claims.insert(name.to_owned(), value);
            judged(&provider, &claims, &ticket)
        };
        for (name, value) in [
            ("iss", json!("https://login.example.com/realms/other")),
            ("iss", json!(null)),
            ("aud", json!("somebody")),
            ("aud", json!(["somebody"])),
            ("aud", json!(null)),
            ("azp", json!("somebody")),
            ("exp", json!(NOW - 121)),
            ("exp", json!("soon")),
            ("exp", json!(null)),
            ("iat", json!(NOW + 121)),
            ("nbf", json!(NOW + 121)),
            ("nonce", json!("another")),
            ("nonce", json!(null)),
            ("sub", json!("")),
            ("sub", json!(null)),
        ] {
            let judged = with(name, value.clone());
            assert!(matches!(judged, Err(Failed::Unsound(_))), "{name} {value}: {judged:?}");
        }
        for (name, value) in [
            ("email_verified", json!(false)),
            ("email_verified", json!(null)),
            ("email_verified", json!("yes")),
            ("email", json!("nobody")),
            ("email", json!(null)),
        ] {
            let judged = with(name, value.clone());
            assert!(matches!(judged, Err(Failed::Unverified)), "{name} {value}: {judged:?}");
        }
        for (name, value) in [
            ("aud", json!(["mask", "somebody"])),
            ("azp", json!("mask")),
            ("exp", json!(NOW - 119)),
            ("iat", json!(1_774_360_800.5)),
            ("email_verified", json!("true")),
            ("groups", json!("designers")),
            ("groups", json!(null)),
            ("name", json!("")),
        ] {
            let judged = with(name, value.clone());
            assert!(judged.is_ok(), "{name} {value}: {judged:?}");
        }
    }
}
