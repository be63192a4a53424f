//! A short link, and the rules for what may stand in it.

use crate::{
    Refused,
    destination::{AppTarget, Utm, WebUrl},
    id::LinkId,
    rule::Rule,
    slug::Slug,
    time::Time,
};

/// A short link.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The host that it lives on.
    pub domain: String,
    /// The path that it lives at.
    pub slug: Slug,
    /// What its owner sets.
    pub content: Content,
    /// How often people followed it.
    pub clicks: i64,
    /// Counts its changes (clicks are none), from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When its owner last changed it.
    pub updated_at: Time,
}

/// What the owner of a link sets, beside where it lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Where it leads.
    pub url: WebUrl,
    /// What its owner calls it.
    pub title: Option<String>,
    /// Its tags, in the owner's order, no two alike.
    pub tags: Vec<Tag>,
    /// Campaign parameters, set on the destination.
    pub utm: Utm,
    /// From when on it no longer leads to its destination.
    pub expires_at: Option<Time>,
    /// Where iOS devices are sent.
    pub ios_target: Option<AppTarget>,
    /// Where Android devices are sent.
    pub android_target: Option<AppTarget>,
    /// The Argon2id hash (PHC string) of the password that opens it.
    pub password_hash: Option<String>,
    /// How it redirects.
    pub redirect_status: RedirectStatus,
    /// After how many clicks by people it stops.
    pub click_limit: Option<i64>,
    /// Where it leads when it has expired or its clicks are used up.
    pub expired_url: Option<WebUrl>,
    /// The owner's own id for it, unique among the owner's links.
    pub external_id: Option<String>,
    /// Whether it is out of sight in lists; it still redirects.
    pub is_archived: bool,
    /// Conditions under which it leads elsewhere.
    pub rules: Vec<Rule>,
    /// Destinations among which visitors are divided.
    pub variants: Vec<Variant>,
    /// What link-preview crawlers are shown.
    pub preview: Option<Preview>,
}

impl Content {
    /// A plain link to this address.
    pub fn to(url: WebUrl) -> Self {
        Self {
            url,
            title: None,
            tags: Vec::new(),
            utm: Utm::default(),
            expires_at: None,
            ios_target: None,
            android_target: None,
            password_hash: None,
            redirect_status: RedirectStatus::Found,
            click_limit: None,
            expired_url: None,
            external_id: None,
            is_archived: false,
            rules: Vec::new(),
            variants: Vec::new(),
            preview: None,
        }
    }

    /// Every web address that the link may lead to.
    pub fn destinations(&self) -> impl Iterator<Item = &WebUrl> {
        std::iter::once(&self.url)
            .chain(&self.expired_url)
            .chain(self.rules.iter().map(|rule| &rule.url))
            .chain(self.variants.iter().map(|variant| &variant.url))
    }
}

/// The status of a redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u16)]
pub enum RedirectStatus {
    /// 301 Moved Permanently (RFC 9110 §15.4.2).
    MovedPermanently = 301,
    /// 302 Found (RFC 9110 §15.4.3): what a link does unless told otherwise.
    #[default]
    Found = 302,
    /// 307 Temporary Redirect (RFC 9110 §15.4.8).
    Temporary = 307,
    /// 308 Permanent Redirect (RFC 9110 §15.4.9).
    Permanent = 308,
}

impl RedirectStatus {
    /// The status with this number.
    pub fn parse(number: i64) -> Result<Self, Refused> {
        match number {
            301 => Ok(Self::MovedPermanently),
            302 => Ok(Self::Found),
            307 => Ok(Self::Temporary),
            308 => Ok(Self::Permanent),
            _ => Err(Refused::because("Must be 301, 302, 307 or 308")),
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// One of several destinations among which visitors are divided by weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Where it leads.
    pub url: WebUrl,
    /// Its share, against the sum of all; 0 rests.
    pub weight: u32,
}

/// Most variants of one link.
pub const MOST_VARIANTS: usize = 20;

/// Checks a variant's weight: 0–10,000.
pub fn parse_weight(number: i64) -> Result<u32, Refused> {
    u32::try_from(number)
        .ok()
        .filter(|weight| *weight <= 10_000)
        .ok_or(Refused::because("Must be a whole number from 0 to 10000"))
}

/// What link-preview crawlers are shown in place of the destination's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The headline.
    pub title: Option<String>,
    /// The text below it.
    pub description: Option<String>,
    /// The picture.
    pub image_url: Option<WebUrl>,
}

/// A tag: 1–50 characters, compared as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Most tags of one link.
pub const MOST_TAGS: usize = 20;

impl Tag {
    /// Reads a tag; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        if !(1..=50).contains(&text.chars().count()) {
            return Err(Refused::because("Tag must be between 1 and 50 characters"));
        }
        check_text(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a title: at most 255 characters.
pub fn parse_title(text: &str) -> Result<String, Refused> {
    parse_text(text, 255)
}

/// Checks one line of text of at most so many characters.
pub fn parse_text(text: &str, most: usize) -> Result<String, Refused> {
    if text.chars().count() > most {
        return Err(Refused::saying(format!("Must be at most {most} characters")));
    }
    check_text(text)?;
    Ok(text.to_owned())
}

/// Checks an owner's own id: 1–255 characters.
pub fn parse_external_id(text: &str) -> Result<String, Refused> {
    if text.is_empty() { Err(Refused::because("Must be between 1 and 255 characters")) } else { parse_text(text, 255) }
}

/// Checks a password before it is hashed: 1–128 characters.
pub fn parse_password(text: &str) -> Result<(), Refused> {
    if (1..=128).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(Refused::because("Password must be between 1 and 128 characters"))
    }
}

/// Checks a limit of clicks: 1 to 10^15.
pub fn parse_click_limit(number: i64) -> Result<i64, Refused> {
    if (1..=1_000_000_000_000_000).contains(&number) {
        Ok(number)
    } else {
        Err(Refused::because("Must be a whole number of at least 1"))
    }
}

/// Checks an end: it must lie in the future.
pub fn parse_expiry(text: &str, now: Time) -> Result<Time, Refused> {
    let time = Time::parse(text)?;
    if time > now { Ok(time) } else { Err(Refused::because("Must lie in the future")) }
}

// NUL cannot be stored as text by PostgreSQL, and none of these belongs into a line of text.
fn check_text(text: &str) -> Result<(), Refused> {
    if text.chars().any(char::is_control) {
        Err(Refused::because("Must not contain control characters"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (text, fits) in [
            ("news", true),
            ("  spring  ", true),
            ("", false),
            ("   ", false),
            (&"ü".repeat(50), true),
            (&"u".repeat(51), false),
            ("a\0b", false),
            ("a\nb", false),
        ] {
            assert_eq!(Tag::parse(text).is_ok(), fits, "{text:?}");
        }
        assert_eq!(Tag::parse(" news ").expect("a tag").as_str(), "news");
    }

    #[test]
    fn numbers() {
        assert_eq!(RedirectStatus::parse(308).map(RedirectStatus::number), Ok(308));
        assert!(RedirectStatus::parse(303).is_err() && RedirectStatus::parse(-1).is_err());
        assert!(parse_click_limit(1).is_ok() && parse_click_limit(0).is_err() && parse_click_limit(i64::MAX).is_err());
        assert!(
            parse_weight(0).is_ok()
                && parse_weight(10_000).is_ok()
                && parse_weight(-1).is_err()
                && parse_weight(10_001).is_err()
        );
    }

    #[test]
    fn an_end_lies_in_the_future() {
        let now = Time::parse("2026-03-24T14:00:00Z").expect("a time");
        assert!(parse_expiry("2026-03-24T14:00:01Z", now).is_ok());
        assert!(parse_expiry("2026-03-24T14:00:00Z", now).is_err());
    }
}
