//! The head of a delivery, and the signatures in it by which a receiver knows that we sent it.
//!
//! There are two schemes. `X-Mask-Signature` signs the body alone and is what MASK documents: one value, by the secret that
//! is current. `webhook-signature` is that of Standard Webhooks: it signs the event's id and the time of the attempt too,
//! so that what was overheard cannot be sent again later, and it has room for several values, so that a secret can be
//! changed without a delivery being refused: for a while the secrets before sign as well.
//!
//! What is signed is what is sent, byte for byte; a receiver must check the bytes that it got, and parse them after that.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use mask_core::time::Time;
use mask_store::Claimed;
use sha2::Sha256;

use super::seal::Secrets;
use crate::outbound;

const SIGNATURE: HeaderName = HeaderName::from_static("x-mask-signature");
const EVENT: HeaderName = HeaderName::from_static("x-mask-event");
const DELIVERY: HeaderName = HeaderName::from_static("x-mask-delivery");
const VERSION: HeaderName = HeaderName::from_static("x-mask-payload-version");
const REQUEST: HeaderName = HeaderName::from_static("x-mask-request-id");
const STANDARD_ID: HeaderName = HeaderName::from_static("webhook-id");
const STANDARD_TIME: HeaderName = HeaderName::from_static("webhook-timestamp");
const STANDARD_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Mask-Webhooks/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The headers of an attempt that is made now: the subscription's own, and over them ours.
pub fn headers(secrets: &Secrets, claimed: &Claimed, now: Time) -> HeaderMap {
    let (event, body) = (claimed.event.to_string(), claimed.body.as_bytes());
    let standard = standard_signatures(secrets, &event, body, now);
    let mut headers = HeaderMap::with_capacity(secrets.headers.len() + 11);
    for (name, value) in &secrets.headers {
        // They were checked when they were set; what the rules have forbidden since is left out.
        if let Ok((name, value)) = outbound::custom_header(name, value) {
            headers.append(name, value);
        }
    }
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set(SIGNATURE, plain_signature(&secrets.current, body));
    set(STANDARD_ID, event);
    set(STANDARD_SIGNATURE, standard);
    set(DELIVERY, claimed.id.to_string());
    if let Some(request) = &claimed.request {
        set(REQUEST, request.clone());
    }
    headers.insert(STANDARD_TIME, now.unix_seconds().into());
    headers.insert(EVENT, HeaderValue::from_static(claimed.kind.as_str()));
    headers.insert(VERSION, claimed.version.number().into());
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::USER_AGENT, AGENT);
    headers
}

/// MASK's own: lower-case hexadecimal digits, keyed with the secret's bytes as they are.
fn plain_signature(secret: &str, body: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mac = keyed(secret.as_bytes()).chain_update(body).finalize().into_bytes();
    mac.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Those of Standard Webhooks, one for each secret that signs.
fn standard_signatures(secrets: &Secrets, id: &str, body: &[u8], now: Time) -> String {
    let seconds = now.unix_seconds();
    let mut signatures = standard_signature(&secrets.current, id, seconds, body);
    for (earlier, _) in secrets.earlier_at(now) {
        let signature = standard_signature(earlier, id, seconds, body);
        // Two secrets can be one key, in two spellings.
        if !signatures.split(' ').any(|known| known == signature) {
            signatures.push(' ');
            signatures += &signature;
        }
    }
    signatures
}

fn standard_signature(secret: &str, id: &str, seconds: i64, body: &[u8]) -> String {
    let decoded = secret.strip_prefix("whsec_").and_then(|part| STANDARD.decode(part).ok());
    let mac = keyed(decoded.as_deref().unwrap_or(secret.as_bytes()))
        .chain_update(id)
        .chain_update(".")
        .chain_update(seconds.to_string())
        .chain_update(".")
        .chain_update(body)
        .finalize();
    let mut signature = String::with_capacity(47);
    signature += "v1,";
    STANDARD.encode_string(mac.into_bytes(), &mut signature);
    signature
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use mask_core::{
        event::EventKind,
        id::{DeliveryId, EventId},
        webhook::PayloadVersion,
    };

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: Time = Time::from_unix_millis(1_614_265_330_000);

    fn secrets(current: &str, earlier: &[&str]) -> Secrets {
        let until = NOW.after(std::time::Duration::from_secs(1));
        let own = [("X-Team", "links"), ("Host", "evil"), ("webhook-id", "evil")];
        Secrets {
            current: current.to_owned(),
            earlier: earlier.iter().map(|secret| ((*secret).to_owned(), until)).collect(),
            headers: own.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    fn signed(secrets: &Secrets, now: Time) -> HeaderMap {
        let claimed = Claimed {
            number: 1,
            id: DeliveryId::from_bits(2),
            webhook: 1,
            until: now,
            tries: 0,
            event: EventId::from_bits(1),
            kind: EventKind::LinkClicked,
            version: PayloadVersion::stored(7),
            request: Some("req_5f0c2a9b1e34".to_owned()),
            body: "{}".to_owned(),
        };
        headers(secrets, &claimed, now)
    }

    #[test]
    fn the_example_of_standard_webhooks() {
        let body = br#"{"test": 2432232314}"#;
        let signature = standard_signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_test_case_of_hmac() {
        // RFC 4231 §4.3
        let signature = plain_signature("Jefe", b"what do ya want for nothing?");
        assert_eq!(signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn every_header_is_there_and_is_ours() {
        let headers = signed(&secrets(SECRET, &[]), NOW);
        let shown =
            |name: &str| headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
        for (name, value) in [
            ("content-type", "application/json"),
            ("user-agent", concat!("Mask-Webhooks/", env!("CARGO_PKG_VERSION"))),
            ("webhook-id", "evt_00000000000000000000000001"),
            ("webhook-timestamp", "1614265330"),
            ("x-mask-delivery", "dlv_00000000000000000000000002"),
            ("x-mask-event", "link.clicked"),
            ("x-mask-payload-version", "7"),
            ("x-mask-request-id", "req_5f0c2a9b1e34"),
            ("x-team", "links"),
        ] {
            assert_eq!(shown(name), [value], "{name}");
        }
        assert!(!headers.contains_key("host"));
        assert_eq!(shown("x-mask-signature"), [plain_signature(SECRET, b"{}")]);
        assert_eq!(headers.len(), 11);
    }

    #[test]
    fn both_secrets_sign_for_a_while() {
        let both = signed(&secrets("the-new-secret-0", &[SECRET]), NOW);
        let one = |secret: &str| standard_signature(secret, "evt_00000000000000000000000001", 1_614_265_330, b"{}");
        assert_eq!(both["webhook-signature"], format!("{} {}", one("the-new-secret-0"), one(SECRET)));
        assert_eq!(both["x-mask-signature"], plain_signature("the-new-secret-0", b"{}"));
        let later = signed(&secrets("the-new-secret-0", &[SECRET]), NOW.after(std::time::Duration::from_secs(1)));
        assert!(!later["webhook-signature"].to_str().expect("text").contains(' '));
        let three = signed(&secrets("the-newest-secret", &["the-new-secret-0", SECRET]), NOW);
        let expected = format!("{} {} {}", one("the-newest-secret"), one("the-new-secret-0"), one(SECRET));
        assert_eq!(three["webhook-signature"], expected);
        let spelled = ["whsec_dGhlLW5ldy1zZWNyZXQtMA==", "the-new-secret-0"];
        let same = signed(&secrets("the-newest-secret", &spelled), NOW);
        assert_eq!(same["webhook-signature"], format!("{} {}", one("the-newest-secret"), one("the-new-secret-0")));
    }

    #[test]
    fn a_secret_that_is_no_base64_signs_as_it_is() {
        for secret in ["whsec_not base64 at all", "plain-secret-of-mine", "TUFTS01BU0tNQVNLTUFTSw=="] {
            let mac = keyed(secret.as_bytes()).chain_update("i.1.b").finalize().into_bytes();
            assert_eq!(standard_signature(secret, "i", 1, b"b"), format!("v1,{}", STANDARD.encode(mac)));
        }
    }
}
