//! base64 = "0.22", hmac = "0.13", serde_json = "1", sha2 = "0.11"

use std::{error::Error, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;

const TOLERANCE_SECONDS: u64 = 300;

/// The event, or why not. `header` finds a header by its name in lower case; `body` is what came, before any parsing.
fn verify<'h>(secret: &str, header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Result<Value, Box<dyn Error>> {
    let header = |name| header(name).ok_or("a header is missing");
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    if now.abs_diff(timestamp.parse()?) > TOLERANCE_SECONDS {
        return Err("too old, or from the future".into());
    }
    let decoded = secret.strip_prefix("whsec_").and_then(|part| STANDARD.decode(part).ok());
    let key = decoded.as_deref().unwrap_or(secret.as_bytes());
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key)?.chain_update(format!("{id}.{timestamp}.")).chain_update(body);
    // While a secret is being changed there are several signatures, separated by spaces.
    let given = header("webhook-signature")?.split(' ').filter_map(|given| given.strip_prefix("v1,"));
    if !given.filter_map(|given| STANDARD.decode(given).ok()).any(|given| mac.clone().verify_slice(&given).is_ok()) {
        return Err("not signed with this secret".into());
    }
    Ok(serde_json::from_slice(body)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let [secret, headers, body] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "three arguments")?;
    let headers: Value = serde_json::from_slice(&std::fs::read(headers)?)?;
    let event = verify(&secret, |name| headers[name].as_str(), &std::fs::read(body)?)?;
    println!("{} {}", event["id"], event["type"]);
    Ok(())
}
