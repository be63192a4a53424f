//! The reception: what is done with a form that was sent. It is looked at, bounded, and written down.
//!
//! A form on a public page takes what anybody sends. So whatever comes is bounded before the store is asked: the body's length
//! and time (where it is read), how often one address may send for one page ([`Sendings`]), and, in the store, what is mailed
//! to whom. The answer never tells whether an address was known: a sign-up that is there already, one that is new and one that
//! gets no link because there were too many are all answered alike.
//!
//! A page of somebody else may not send a form on behalf of those who visit it: its owner would have as many addresses to
//! send from as he has visitors. Browsers say where a form comes from, and what comes from elsewhere is not taken
//! ([`is_foreign`]). Whoever has no browser needs no such trick.
//!
//! Nothing is lost when mail is away: the letter waits in the outbox beside what it tells of. When the store is away the form
//! is not taken, and the page says so with all that was typed.

use std::{pin::Pin, sync::Arc};

use hyper::{
    HeaderMap,
    header::{HOST, HeaderValue, ORIGIN},
};
use mask_core::{
    bio_page::block::{Data, EmailMode},
    id::SubscriberId,
    mail::Address,
    subscriber::{Kind, parse_message, parse_name},
    time::Time,
};
use mask_store::{NewSubscriber, Post, Store};

use super::{
    form::{EMAIL, Fault, Forms, MESSAGE, NAME, Posted, Sent, Taken, Why},
    sendings::{Sendings, TooMany},
};
use crate::{
    clock::{self, Clock, Ids},
    mail::{About, Letters},
};

/// See the module.
pub struct Reception {
    store: Store,
    clock: Clock,
    ids: Arc<Ids>,
    letters: Arc<Letters>,
    sendings: Sendings,
}

impl std::fmt::Debug for Reception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reception")
    }
}

/// What somebody leaves, once it has been read.
struct Left {
    email: Address,
    name: Option<String>,
    message: Option<String>,
}

impl Reception {
    /// The reception of this process, which takes so many forms a minute from one address for one page.
    pub fn new(store: Store, clock: Clock, ids: Arc<Ids>, letters: Arc<Letters>, forms_per_minute: u32) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&clock::secret()[..16]);
        Self { store, clock, ids, letters, sendings: Sendings::new(key, forms_per_minute) }
    }

    async fn receive(&self, sent: Sent) -> Taken {
        let kind = match sent.mode {
            EmailMode::Signup => Kind::Signup,
            EmailMode::Contact => Kind::Contact,
        };
        let left = match read(kind, &sent.posted) {
            Ok(left) => left,
            Err(faults) => return Taken::Faulty(faults),
        };
        let now = self.clock.now();
        if let Err(TooMany { retry_after_s }) = self.sendings.count(sent.client, sent.page.id, now) {
            return Taken::TooMany { retry_after_s };
        }
        let has_to_confirm = kind == Kind::Signup && self.letters.is_mailing();
        let post = self.post(kind, &sent, &left, now);
        let new = NewSubscriber {
            id: SubscriberId::from_bits(self.ids.next(now)),
            page: sent.page.id,
            block: sent.block,
            kind,
            email: left.email,
            name: left.name,
            message: left.message,
            is_confirmed: !has_to_confirm,
            now,
        };
        match self.store.subscribe(sent.owner, new, post).await {
            Ok(true) if has_to_confirm => Taken::Confirm,
            Ok(true) => Taken::Done,
            // The page went away in this moment.
            Ok(false) => Taken::Unavailable,
            Err(error) => {
                tracing::warn!(%error, "a form of a bio page could not be taken");
                Taken::Unavailable
            }
        }
    }

    /// What is mailed about it, if anything is.
    fn post(&self, kind: Kind, sent: &Sent, left: &Left, now: Time) -> Option<Post> {
        if !self.letters.is_mailing() {
            return None;
        }
        let about = About { title: &sent.page.content.title, url: &sent.address };
        if kind == Kind::Signup {
            return Some(Post::Link(self.letters.confirmation(about, left.email.clone(), now)));
        }
        let Data::Email { notify_email: Some(owner), .. } = &sent.page.block(sent.block)?.data else { return None };
        let written = (&left.email, left.name.as_deref(), left.message.as_deref()?);
        let message = self.letters.message(about, owner.clone(), written, now);
        Some(Post::Message(self.letters.recipient(about, owner, now), message))
    }
}

impl Forms for Reception {
    fn take(&self, sent: Sent) -> Pin<Box<dyn Future<Output = Taken> + Send + '_>> {
        Box::pin(self.receive(sent))
    }
}

/// Whether a browser says that a page of somebody else sent this. A page that keeps its address to itself sends `null`.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_ascii_lowercase).unwrap_or_default();
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(text(site).as_str(), "same-origin" | "none");
    }
    let (Some(origin), Some(host)) = (headers.get(ORIGIN), headers.get(HOST)) else { return false };
    let origin = text(origin);
    origin != "null" && origin.split_once("://").is_none_or(|(_, from)| from != text(host))
}

/// Reads the fields, and tells of every fault at once.
fn read(kind: Kind, posted: &Posted) -> Result<Left, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fault = |field: &'static str, why: mask_core::Refused| {
        faults.push(Fault { field, why: Why::Refused(why) });
    };
    let name = parse_name(&posted.name).map_err(|why| fault(NAME, why)).ok();
    let email = Address::parse(&posted.email).map_err(|why| fault(EMAIL, why)).ok();
    let message = match kind {
        Kind::Signup => Some(None),
        Kind::Contact => parse_message(&posted.message).map_err(|why| fault(MESSAGE, why)).ok().map(Some),
    };
    match (email, name, message) {
        (Some(email), Some(name), Some(message)) => Ok(Left { email, name, message }),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_of_somebody_else_sends() {
        for (headers, is_theirs) in [
            (&[("sec-fetch-site", "same-origin")][..], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("host", "go.example"), ("origin", "https://go.example")], false),
            (&[("host", "go.example:8443"), ("origin", "https://GO.example:8443")], false),
            (&[("host", "go.example"), ("origin", "null")], false),
            (&[("host", "go.example"), ("origin", "https://evil.example")], true),
            (&[("host", "go.example"), ("origin", "https://go.example.evil.example")], true),
            (&[("host", "go.example"), ("origin", "go.example")], true),
            (&[("host", "go.example")], false),
            (&[], false),
        ] {
            let headers = headers.iter().map(|(name, value)| {
                let name: hyper::header::HeaderName = name.parse().expect("a name");
                (name, HeaderValue::from_static(value))
            });
            let headers: HeaderMap = headers.collect();
            assert_eq!(is_foreign(&headers), is_theirs, "{headers:?}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let posted = Posted { email: "ada".into(), name: "a\0".into(), ..Posted::default() };
        let fields =
            |kind| read(kind, &posted).err().map(|faults| faults.iter().map(|fault| fault.field).collect::<Vec<_>>());
        assert_eq!(fields(Kind::Signup), Some(vec![NAME, EMAIL]));
        assert_eq!(fields(Kind::Contact), Some(vec![NAME, EMAIL, MESSAGE]));
        let posted = Posted { email: "ada@example.com".into(), message: " hi ".into(), ..Posted::default() };
        let left = read(Kind::Contact, &posted).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!((left.email.as_str(), left.name, left.message.as_deref()), ("ada@example.com", None, Some("hi")));
        let left = read(Kind::Signup, &posted).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(left.message, None, "who signs up says nothing");
    }
}
