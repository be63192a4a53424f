//! One attempt: signed, sent, and what came of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Method, header};
use mask_core::{
    time::Time,
    webhook::{Fate, Outcome, judge},
};
use mask_store::{Attempt, Claimed, Settled};

use super::{lane::Address, sign};
use crate::{
    clock::Clock,
    outbound::{Answered, Outbound, Outgoing},
};

/// What is kept of an answer's head, and of its body.
const KEPT_BYTES: usize = 4096;

/// Makes an attempt; how it is to be settled.
pub(super) async fn make(
    outbound: Arc<Outbound>,
    clock: Clock,
    address: Arc<Address>,
    mut claimed: Claimed,
) -> Settled {
    let at = clock.now();
    let started = tokio::time::Instant::now();
    let result = match &address.reach {
        Ok((target, secrets)) => {
            let headers = sign::headers(secrets, &claimed, at);
            let body = Bytes::from(std::mem::take(&mut claimed.body));
            let (method, keep_bytes) = (&Method::POST, KEPT_BYTES);
            let outgoing = Outgoing { method, target, headers: &headers, body: &body, keep_bytes };
            outbound.send(outgoing).await.map_err(|failure| failure.written())
        }
        Err(code) => Err(*code),
    };
    let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    let now = clock.now();
    let outcome = match &result {
        Ok(answer) => Outcome::Answered { status: answer.status.as_u16(), retry_after: retry_after(answer, now) },
        Err(_) => Outcome::Unanswered,
    };
    let verdict = judge(claimed.tries + 1, outcome, now, fastrand::u64(..));
    count(verdict.fate);
    Settled {
        number: claimed.number,
        webhook: claimed.webhook,
        until: claimed.until,
        verdict,
        attempt: logged(at, duration_ms, result),
    }
}

fn count(fate: Fate) {
    let result = match fate {
        Fate::Succeeded => "succeeded",
        Fate::Due(_) => "retried",
        Fate::Failed => "failed",
    };
    metrics::counter!("mask_webhook_attempts_total", "result" => result).increment(1);
}

fn logged(at: Time, duration_ms: u32, result: Result<Answered, &'static str>) -> Attempt {
    match result {
        Ok(answer) => Attempt {
            at,
            duration_ms,
            status: Some(answer.status.as_u16()),
            failure: None,
            head: Some(head(&answer)),
            body: Some(answer.body.to_vec()),
        },
        Err(code) => Attempt { at, duration_ms, status: None, failure: Some(code), head: None, body: None },
    }
}

/// The headers of an answer, a line each, as far as they are kept.
fn head(answer: &Answered) -> String {
    let mut head = String::new();
    for (name, value) in &answer.headers {
        let line = format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
        if head.len() + line.len() > KEPT_BYTES {
            break;
        }
        head.push_str(&line);
    }
    head
}

/// How long an answer asks to be left alone: seconds, or a date (RFC 9110 §10.2.3). What is neither asks nothing.
fn retry_after(answer: &Answered, now: Time) -> Option<Duration> {
    let value = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    wait(value, now)
}

fn wait(value: &str, now: Time) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let until = date.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.unix_millis()).ok()?);
    Some(until.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 2015-10-21T07:28:00Z
        let now = Time::from_unix_millis(1_445_412_480_000);
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:30 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
