//! What is written to people, and the links in it.
//!
//! Whoever handles a form or shows a list has one of these. Without a server of mail no letter is written; links can be made
//! all the same, as the owner of a list may mail by other means.

use std::sync::Arc;

use askama::Template;
use mask_core::{
    id::{LetterId, RecipientId, SubscriberId},
    invitation::LASTS_DAYS,
    mail::Address,
    person::User,
    recipient::ANSWERED_WITHIN_DAYS,
    role::Role,
    subscriber::CONFIRMED_WITHIN_DAYS,
    time::Time,
};
use mask_store::{NewLetter, NewRecipient, WriteLetter, WriteToRecipient};

use super::{
    letter::{Letter, one_line},
    link::{Links, Purpose, Unfit},
};
use crate::{clock::Ids, webhooks::seal::Vault};

const DAY: std::time::Duration = std::time::Duration::from_hours(24);
/// Most characters of a page's title within a sentence.
const LONGEST_TITLE: usize = 100;

/// See the module.
#[derive(Debug)]
pub struct Letters {
    /// The links in them.
    pub links: Links,
    vault: Arc<Vault>,
    ids: Arc<Ids>,
    is_mailing: bool,
}

/// A workspace that somebody is invited to.
#[derive(Clone, Copy, Debug)]
pub struct Invited<'a> {
    /// Who invites them, if that is a person.
    pub by: Option<&'a User>,
    /// What it is called.
    pub workspace: &'a str,
    /// As what.
    pub role: Role,
    /// Where they accept.
    pub link: &'a str,
}

/// A bio page, as letters speak of it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What it is called.
    pub title: &'a str,
    /// Its address.
    pub url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/confirm.txt")]
struct ConfirmText<'a> {
    title: &'a str,
    page: &'a str,
    link: &'a str,
    days: u32,
}

#[derive(Template)]
#[template(path = "mail/confirm.html")]
struct ConfirmHtml<'a> {
    subject: &'a str,
    title: &'a str,
    page: &'a str,
    link: &'a str,
    days: u32,
}

#[derive(Template)]
#[template(path = "mail/invitation.txt")]
struct InvitationText<'a> {
    by: Option<&'a str>,
    workspace: &'a str,
    does: &'a str,
    link: &'a str,
    days: u32,
}

#[derive(Template)]
#[template(path = "mail/invitation.html")]
struct InvitationHtml<'a> {
    subject: &'a str,
    by: Option<&'a str>,
    workspace: &'a str,
    does: &'a str,
    link: &'a str,
    days: u32,
}

#[derive(Template)]
#[template(path = "mail/message.txt")]
struct MessageText<'a> {
    name: Option<&'a str>,
    title: &'a str,
    page: &'a str,
    email: &'a str,
    message: &'a str,
    stop: &'a str,
}

#[derive(Template)]
#[template(path = "mail/message.html")]
struct MessageHtml<'a> {
    subject: &'a str,
    name: Option<&'a str>,
    title: &'a str,
    page: &'a str,
    email: &'a str,
    message: &'a str,
    stop: &'a str,
}

#[derive(Template)]
#[template(path = "mail/recipient.txt")]
struct RecipientText<'a> {
    title: &'a str,
    page: &'a str,
    link: &'a str,
    stop: &'a str,
    days: u32,
}

#[derive(Template)]
#[template(path = "mail/recipient.html")]
struct RecipientHtml<'a> {
    subject: &'a str,
    title: &'a str,
    page: &'a str,
    link: &'a str,
    stop: &'a str,
    days: u32,
}

impl Letters {
    /// What an installation with this secret writes; `is_mailing` says whether anybody takes it.
    pub fn new(secret: &[u8], vault: Arc<Vault>, ids: Arc<Ids>, is_mailing: bool) -> Self {
        Self { links: Links::new(secret), vault, ids, is_mailing }
    }

    /// Whether letters are written.
    pub const fn is_mailing(&self) -> bool {
        self.is_mailing
    }

    /// The letter with the link that confirms an address, to be written once it is known whose it is. Nothing in it is of
    /// whoever sent the form, not even a name: it may go to somebody who never asked for it.
    pub fn confirmation(self: &Arc<Self>, about: About<'_>, to: Address, now: Time) -> WriteLetter {
        let (letters, title, page) = (Arc::clone(self), one_line(about.title, LONGEST_TITLE), about.url.to_owned());
        Box::new(move |id| {
            let until = now.after(DAY * CONFIRMED_WITHIN_DAYS);
            let word = letters.links.word(Purpose::Confirm, id.bits(), Some(until));
            let link = format!("{}/-/confirm/{word}", origin(&page));
            let (title, page, link) = (title.as_str(), page.as_str(), link.as_str());
            let subject = format!("Confirm your address for {title}");
            let days = CONFIRMED_WITHIN_DAYS;
            let text = render(&ConfirmText { title, page, link, days });
            let html = render(&ConfirmHtml { subject: &subject, title, page, link, days });
            letters.seal(&Letter::new(&subject, text, html), to, now)
        })
    }

    /// An address that the owner of a page named for messages, and the letter that asks it.
    pub fn recipient(self: &Arc<Self>, about: About<'_>, to: &Address, now: Time) -> NewRecipient {
        let (letters, title, page) = (Arc::clone(self), one_line(about.title, LONGEST_TITLE), about.url.to_owned());
        let (id, email) = (RecipientId::from_bits(self.ids.next(now)), to.clone());
        let to = to.clone();
        let ask = Box::new(move |id: RecipientId| {
            let until = now.after(DAY * ANSWERED_WITHIN_DAYS);
            let link =
                format!("{}/-/receive/{}", origin(&page), letters.links.word(Purpose::Receive, id.bits(), Some(until)));
            let stop = letters.refuse_url(&page, id);
            let subject = format!("Messages from {title} to this address?");
            let (title, page, link, stop) = (title.as_str(), page.as_str(), link.as_str(), stop.as_str());
            let days = ANSWERED_WITHIN_DAYS;
            let text = render(&RecipientText { title, page, link, stop, days });
            let html = render(&RecipientHtml { subject: &subject, title, page, link, stop, days });
            letters.seal(&Letter::new(&subject, text, html), to, now)
        });
        NewRecipient { id, email, ask, now }
    }

    /// The address at which whoever reads the messages of the page at `page` can stop them.
    fn refuse_url(&self, page: &str, id: RecipientId) -> String {
        format!("{}/-/refuse/{}", origin(page), self.links.word(Purpose::Refuse, id.bits(), None))
    }

    /// The letter that brings a message to the owner of a page; an answer to it goes to who wrote the message.
    pub fn message(
        self: &Arc<Self>,
        about: About<'_>,
        to: Address,
        (email, name, message): (&Address, Option<&str>, &str),
        now: Time,
    ) -> WriteToRecipient {
        let (title, page) = (one_line(about.title, LONGEST_TITLE), about.url.to_owned());
        let (email, name, message) = (email.clone(), name.map(str::to_owned), message.to_owned());
        let letters = Arc::clone(self);
        Box::new(move |id| {
            let subject = format!("{} wrote by way of {title}", name.as_deref().unwrap_or("Somebody"));
            let stop = letters.refuse_url(&page, id);
            let (name, from) = (name.as_deref(), email.as_str());
            let (title, page, stop, message) = (title.as_str(), page.as_str(), stop.as_str(), message.as_str());
            let text = render(&MessageText { name, title, page, email: from, message, stop });
            let html = render(&MessageHtml { subject: &subject, name, title, page, email: from, message, stop });
            letters.seal(&Letter::new(&subject, text, html).answered_by(&email), to, now)
        })
    }

    /// The letter that brings an invitation. Who invites is named with their address: a name everybody chooses for themselves.
    pub fn invitation(&self, invited: Invited<'_>, to: Address, now: Time) -> NewLetter {
        let workspace = one_line(invited.workspace, LONGEST_TITLE);
        let by = invited.by.map(|by| format!("{} ({})", one_line(&by.name, LONGEST_TITLE), by.email));
        let by = by.as_deref();
        let (workspace, link, days) = (workspace.as_str(), invited.link, LASTS_DAYS);
        let does = match invited.role {
            Role::Viewer => "see its links, pages and statistics",
            Role::Member => "make and change links, pages and codes",
            Role::Admin => "manage all of it, and who is in it",
            Role::Owner => "do everything with it, as one of its owners",
        };
        let subject = format!("You are invited to {workspace}");
        let text = render(&InvitationText { by, workspace, does, link, days });
        let html = render(&InvitationHtml { subject: &subject, by, workspace, does, link, days });
        self.seal(&Letter::new(&subject, text, html), to, now)
    }

    /// The address at which a subscriber of the page at `page` can end the subscription.
    pub fn unsubscribe_url(&self, page: &str, id: SubscriberId) -> String {
        format!("{}{}", origin(page), self.unsubscribe_path(id))
    }

    /// The same without the host.
    pub fn unsubscribe_path(&self, id: SubscriberId) -> String {
        format!("/-/unsubscribe/{}", self.links.word(Purpose::Unsubscribe, id.bits(), None))
    }

    /// Whom a link's word is about.
    pub fn read(&self, purpose: Purpose, word: &str, now: Time) -> Result<u128, Unfit> {
        self.links.read(purpose, word, now)
    }

    pub(super) fn seal(&self, letter: &Letter, to: Address, now: Time) -> NewLetter {
        let id = LetterId::from_bits(self.ids.next(now));
        let content = serde_json::to_vec(letter).expect("strings always have JSON");
        NewLetter { id, to, sealed: self.vault.seal_letter(id, &content), now }
    }
}

/// Scheme and host of an address.
fn origin(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |place| place + 3);
    let end = url[begin..].find('/').map_or(url.len(), |place| begin + place);
    &url[..end]
}

/// Writing to a string does not fail.
pub(super) fn render(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Arc<Letters> {
        Arc::new(Letters::new(&[1; 32], Arc::new(Vault::with(&[2; 32])), Arc::default(), true))
    }

    fn opened(letters: &Letters, letter: &NewLetter) -> String {
        let content = letters.vault.open_letter(letter.id, &letter.sealed).expect("it opens");
        String::from_utf8(content.to_vec()).expect("text")
    }

    #[test]
    fn a_confirmation_has_a_link_that_is_read() {
        let (letters, now) = (letters(), Time::from_unix_millis(1_774_360_800_000));
        let (to, id) = (Address::parse("ada@example.com").expect("an address"), SubscriberId::from_bits(9));
        let about = About { title: "Bob & <Co>", url: "https://go.example:8443/bob" };
        let letter = letters.confirmation(about, to.clone(), now)(id);
        assert_eq!((&letter.to, letter.now), (&to, now));
        let content = opened(&letters, &letter);
        let link = content.split("https://go.example:8443/-/confirm/").nth(1).expect("a link");
        let word: String =
            link.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
        assert_eq!(letters.read(Purpose::Confirm, &word, now), Ok(id.bits()));
        let week = std::time::Duration::from_hours(7 * 24);
        assert_eq!(letters.read(Purpose::Confirm, &word, now.after(week)), Err(Unfit::Expired));
        assert!(content.contains("Bob & <Co>") && content.contains("Bob &#38; &#60;Co&#62;"), "{content}");
        assert!(!String::from_utf8_lossy(&letter.sealed).contains("confirm"), "what waits is sealed");
    }

    #[test]
    fn a_message_is_text_in_both_forms() {
        let (letters, now) = (letters(), Time::from_unix_millis(0));
        let address = |text| Address::parse(text).expect("an address");
        let about = About { title: "Bob", url: "https://go.example/bob" };
        let said = "<img src=x onerror=alert(1)>\nsecond line";
        let from = address("ada@example.com");
        let written = (&from, Some("A <b>"), said);
        let letter = letters.message(about, address("bob@example.com"), written, now)(RecipientId::from_bits(1));
        let content: serde_json::Value = serde_json::from_str(&opened(&letters, &letter)).expect("JSON");
        assert!(content["text"].as_str().is_some_and(|text| text.contains(said)), "{content}");
        let html = content["html"].as_str().expect("HTML");
        assert!(!html.contains("<img") && !html.contains("<b>") && html.contains("second line"), "{html}");
        assert_eq!(
            (&content["subject"], &content["reply_to"]),
            (&"A <b> wrote by way of Bob".into(), &"ada@example.com".into())
        );
    }

    #[test]
    fn origins() {
        for (url, expected) in [
            ("https://go.example/a/b", "https://go.example"),
            ("http://localhost:8080/a", "http://localhost:8080"),
            ("https://go.example", "https://go.example"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
