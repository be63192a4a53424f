//! A letter: what it says, and how it travels.
//!
//! It is written as plain text and as simple HTML that say the same. What travels is made of it when it is sent, so that a
//! changed sender holds for letters that wait too; and it is made of nothing else (no clock, no chance), so that a letter
//! which is sent twice is the same twice.

use std::time::{Duration, SystemTime};

use lettre::{
    Message,
    message::{
        Mailbox as LettreMailbox, MultiPart, SinglePart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use mask_core::{
    id::LetterId,
    mail::{Address, Mailbox},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// Most characters of a subject.
const LONGEST_SUBJECT: usize = 150;

/// What a letter says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    subject: String,
    text: String,
    html: String,
    /// Who is answered, where that is not the operator's choice.
    reply_to: Option<String>,
}

/// What a letter says is nobody's business.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(***)")
    }
}

/// A letter's way: what its head says beside its own words.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Its id.
    pub id: LetterId,
    /// When it was written.
    pub written_at: Time,
    /// Who it is from.
    pub from: &'a Mailbox,
    /// To whom it goes.
    pub to: &'a Address,
    /// Who is answered, unless the letter says another.
    pub reply_to: Option<&'a Mailbox>,
    /// The host that its `Message-ID` belongs to.
    pub host: &'a str,
}

/// A letter that cannot be made into what travels: a defect.
#[derive(Debug, thiserror::Error)]
#[error("a letter cannot be put together: {0}")]
pub struct Unmade(String);

/// Says that nobody wrote this by hand, so that no robot answers it (RFC 3834).
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Letter {
    /// A letter that says this.
    pub fn new(subject: &str, text: String, html: String) -> Self {
        Self { subject: one_line(subject, LONGEST_SUBJECT), text, html, reply_to: None }
    }

    /// The same, and who replies answers this address.
    #[must_use]
    pub fn answered_by(self, reply_to: &Address) -> Self {
        Self { reply_to: Some(reply_to.to_string()), ..self }
    }

    /// What travels.
    pub fn message(&self, way: Way<'_>) -> Result<Vec<u8>, Unmade> {
        let unmade = |why: &dyn std::fmt::Display| Unmade(why.to_string());
        let own = self.reply_to.as_deref().map(Mailbox::parse).transpose().map_err(|why| unmade(&why))?;
        let written_at = Duration::from_millis(way.written_at.unix_millis().max(0).unsigned_abs());
        let mut builder = Message::builder()
            .message_id(Some(format!("<{}@{}>", way.id, way.host)))
            .date(SystemTime::UNIX_EPOCH + written_at)
            .from(lettre_mailbox(way.from).map_err(|why| unmade(&why))?)
            .to(lettre_mailbox(&Mailbox { name: None, address: way.to.clone() }).map_err(|why| unmade(&why))?)
            .subject(self.subject.clone())
            .header(AutoSubmitted);
        if let Some(reply_to) = own.as_ref().or(way.reply_to) {
            builder = builder.reply_to(lettre_mailbox(reply_to).map_err(|why| unmade(&why))?);
        }
        // The boundary would be drawn by lot.
        let parts = MultiPart::alternative()
            .boundary(way.id.to_string())
            .singlepart(SinglePart::plain(self.text.clone()))
            .singlepart(SinglePart::html(self.html.clone()));
        builder.multipart(parts).map(|message| message.formatted()).map_err(|why| unmade(&why))
    }
}

fn lettre_mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, lettre::address::AddressError> {
    Ok(LettreMailbox::new(mailbox.name.clone(), mailbox.address.as_str().parse()?))
}

/// The text in one line of at most so many characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let plain = text.replace(char::is_control, " ");
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).expect("an address")
    }

    fn sent(letter: &Letter, from: &str, reply_to: Option<&str>) -> String {
        let from = Mailbox::parse(from).expect("a mailbox");
        let reply_to = reply_to.map(|text| Mailbox::parse(text).expect("a mailbox"));
        let way = Way {
            id: LetterId::from_bits(7),
            written_at: Time::from_unix_millis(1_774_360_814_000),
            from: &from,
            to: &address("ada@example.com"),
            reply_to: reply_to.as_ref(),
            host: "go.example",
        };
        String::from_utf8(letter.message(way).expect("a message")).expect("ASCII")
    }

    #[test]
    fn the_same_letter_is_the_same_twice() {
        let letter = Letter::new("Hello", "Text".to_owned(), "<p>Text</p>".to_owned());
        let once = sent(&letter, "links@go.example", None);
        assert_eq!(once, sent(&letter, "links@go.example", None));
        for line in [
            "Message-ID: <ltr_00000000000000000000000007@go.example>",
            "Date: Tue, 24 Mar 2026 14:00:14 +0000",
            "From: links@go.example",
            "To: ada@example.com",
            "Subject: Hello",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(once.lines().any(|known| known == line), "{line}\n{once}");
        }
        assert!(!once.contains("Reply-To"));
    }

    #[test]
    fn nothing_that_is_said_becomes_a_header() {
        let hostile = "Hi\r\nBcc: bob@example.com\r\n\r\n<script>\u{0}\u{1b}";
        let letter = Letter::new(hostile, hostile.to_owned(), hostile.to_owned());
        let message = sent(&letter, "\"Li,nks\" <links@go.example>", Some("Zoë <zoe@example.com>"));
        let (head, _) = message.split_once("\r\n\r\n").expect("a head");
        let names: Vec<_> = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap_or_default())
            .collect();
        let expected = [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Auto-Submitted",
            "Reply-To",
            "MIME-Version",
            "Content-Type",
        ];
        for name in &names {
            assert!(expected.contains(name), "{name}\n{head}");
        }
        assert!(head.is_ascii() && message.is_ascii());
        assert!(message.lines().all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
    }

    #[test]
    fn who_is_answered() {
        let letter = Letter::new("s", String::new(), String::new());
        let with =
            |letter: &Letter, reply_to| sent(letter, "links@go.example", reply_to).contains("Reply-To: b@example.com");
        assert!(with(&letter, Some("b@example.com")));
        assert!(with(&letter.clone().answered_by(&address("b@example.com")), None));
        assert!(
            with(&letter.answered_by(&address("b@example.com")), Some("help@example.com")),
            "the letter's own counts"
        );
    }

    #[test]
    fn subjects_are_short_and_in_one_line() {
        assert_eq!(one_line(" a\r\n b\tc\u{85}d ", 10), "a b c d");
        assert_eq!(one_line("äöü äöü", 4), "äöü…");
        assert_eq!(one_line("", 4), "");
        assert_eq!(Letter::new(&"x".repeat(1000), String::new(), String::new()).subject.chars().count(), 151);
    }
}
