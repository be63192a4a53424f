//! What a request's headers say of who asks: a person or a program, with which device, in which language.
//!
//! Totals count people, so a program taken for a person is a lie in every chart, and a person taken for a program
//! is a click that a customer paid for and does not see. Nothing is thrown away: each click is stored with its class
//! and the reason, and a better rule later can be told from an older one.
//!
//! The order of [`classify`] is part of the meaning. The method comes first, as a HEAD shows nobody anything; then
//! what the browser itself says of a prefetch; then the words of the user agent, most telling first. **Person is
//! what is left**, and only for what names a browser's engine: a program must not become a person by an odd name.
//!
//! A browser's name can be borrowed, so what has one is looked at twice more. Whoever opens many links of one owner
//! within seconds is a scanner: that is seen where the requests come in, which says so in [`Signals`]. And what comes
//! without the `Sec-Fetch-*` headers that the browser always sends is not that browser but a library with its name
//! ([`FetchMetadata`]): a tool, as that is all that is certain.
//!
//! This runs before the answer to each redirect: no allocation, one pass over at most 512 bytes, any input. Rejected:
//! regular-expression lists (four microseconds and 26 MB for the well-known one), a lower-cased copy on the heap,
//! and the client hints `Sec-CH-UA`, which only some browsers send and programs copy as easily as the rest.

mod families;
mod fetch;
mod language;
mod table;
mod words;

#[cfg(test)]
mod tests;

pub use families::{Device, browser, browser_named, browsers, device, is_android, is_ios, os, os_named, systems};
pub use language::{language_matches, language_named, languages};

use table::Text;

/// Who asks. Only [`BotClass::Person`] is counted in totals; the others can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BotClass {
    /// A person in a browser, or in an app's browser.
    Person,
    /// A fetcher that makes the picture and title shown beside a shared link.
    Preview,
    /// A search engine, archive, monitor or trainer of models.
    Crawler,
    /// A mail gateway or security scanner that opens links to judge them.
    Scanner,
    /// A browser that loads ahead of a click that may never come.
    Prefetch,
    /// A HEAD request: somebody checks that the link is there.
    Head,
    /// A command-line tool, a library, or a browser driven by a program.
    Tool,
    /// Nothing that could be told.
    Unknown,
}

impl BotClass {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::Preview,
        Self::Crawler,
        Self::Scanner,
        Self::Prefetch,
        Self::Head,
        Self::Tool,
        Self::Unknown,
    ];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Preview => "preview",
            Self::Crawler => "crawler",
            Self::Scanner => "scanner",
            Self::Prefetch => "prefetch",
            Self::Head => "head",
            Self::Tool => "tool",
            Self::Unknown => "unknown",
        }
    }

    /// The class of a name in the API, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether this counts in totals.
    pub const fn is_person(self) -> bool {
        matches!(self, Self::Person)
    }
}

/// Whether `Sec-Fetch-*` headers came. That some did decides nothing: programs can send them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FetchMetadata {
    /// None came, which may be for many reasons: plain HTTP, or something on the way that does not pass them on.
    #[default]
    Absent,
    /// Some came.
    Sent,
    /// None came, and from a browser that sends them they would have: over HTTPS, by a way that passes them on.
    Missing,
}

/// What of a request bears on who asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals<'a> {
    /// The method is HEAD.
    pub is_head: bool,
    /// It is one of many links of their owner that its network opened within seconds.
    pub opens_many_links: bool,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// `Sec-Purpose`, or else `Purpose`, `X-Purpose` or `X-Moz`: why the browser asks, where it says so.
    pub purpose: Option<&'a str>,
    /// Whether `Sec-Fetch-*` headers came.
    pub fetch_metadata: FetchMetadata,
}

/// Who asks, and what gave it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who asks.
    pub class: BotClass,
    /// A word of the user agent (`googlebot`), or one of `head`, `purpose`, `no-user-agent`, `browser`,
    /// `program-name`, `not-a-browser`, `many-links`, `no-fetch-metadata`. Few and short: it can be grouped by.
    pub reason: &'static str,
}

/// Tells who asks.
pub fn classify(signals: &Signals<'_>) -> Verdict {
    if signals.is_head {
        return verdict(BotClass::Head, "head");
    }
    if signals.purpose.is_some_and(is_ahead_of_a_click) {
        return verdict(BotClass::Prefetch, "purpose");
    }
    match signals.user_agent.map(str::trim_ascii) {
        None | Some("") => verdict(BotClass::Unknown, "no-user-agent"),
        Some(user_agent) => match classify_user_agent(&Text::lower(user_agent)) {
            Verdict { class: BotClass::Person, .. } if signals.opens_many_links => {
                verdict(BotClass::Scanner, "many-links")
            }
            Verdict { class: BotClass::Person, .. }
                if signals.fetch_metadata == FetchMetadata::Missing && fetch::is_always_sent_by(user_agent) =>
            {
                verdict(BotClass::Tool, "no-fetch-metadata")
            }
            verdict => verdict,
        },
    }
}

/// A word that names a program decides. A word that names a browser still has to stand in a browser's user agent.
fn classify_user_agent(text: &Text) -> Verdict {
    match words::WORDS.first(text) {
        Some(row) if row.value != BotClass::Person => verdict(row.value, row.word),
        Some(row) if row.is_at_start() || text.bytes().starts_with(b"mozilla/") => verdict(BotClass::Person, "browser"),
        _ if is_program_name(text.bytes()) => verdict(BotClass::Tool, "program-name"),
        _ => verdict(BotClass::Unknown, "not-a-browser"),
    }
}

fn is_ahead_of_a_click(purpose: &str) -> bool {
    let purpose = Text::lower(purpose);
    ["prefetch", "prerender", "preview"].iter().any(|word| purpose.has(word))
}

/// `name/1`: how a program that follows RFC 9110 names itself, and no browser does.
fn is_program_name(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
    let version = text.get(name + 1);
    name > 0
        && text.get(name) == Some(&b'/')
        && version.is_some_and(u8::is_ascii_digit)
        && !text.starts_with(b"mozilla/")
}

const fn verdict(class: BotClass, reason: &'static str) -> Verdict {
    Verdict { class, reason }
}
