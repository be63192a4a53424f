//! What a row says of its clicks: cells to facts, by the rules of live clicks wherever there is one.
//!
//! What a cell does not tell is unknown, as it is for a live click; what it tells wrongly is a fault of its row. The
//! exceptions are what strangers wrote (a referrer, a language): live clicks must take these as they come, and so do these.
//!
//! **Visitors.** The text of a `visitor` stands for one for a day, as a number does that is made with a key which only
//! those have who have the file: from what is stored nobody can find out whether an address was among the texts. Where
//! nothing tells visitors apart each click is one of its own, since one for all would make a day of a thousand clicks a day
//! of one visitor. Our own export tells of each click whether it was its visitor's first of the day; so whoever was not
//! the first becomes the day's first visitor once more, and the days' visitors come out as they were. Clicks of links, views
//! of pages and clicks on blocks have days of their own there.

use std::{collections::HashSet, sync::Arc};

use mask::{
    clicks::{OWN_VIEW, Referrer},
    clock::Clock,
    redirect::Hosts,
};
use mask_core::{
    agent::{self, BotClass, Device, Signals, Verdict},
    country::Country,
    id::LinkId,
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_store::Fact;
use siphasher::sip::SipHasher13;

use super::{
    columns::Column,
    file::Line,
    names::{Names, shown},
};

/// The most clicks that a row may stand for.
const MOST_COUNT: u64 = 1_000_000;
/// The most bytes of a region or a city, as a redirect keeps of them.
const MOST_PLACE_BYTES: usize = 63;
const DAY_MS: i64 = 86_400_000;
/// There was no web before it: such a time is a mistake.
const EARLIEST: Time = Time::from_unix_millis(631_152_000_000);
/// Unix times above are of milliseconds.
const LATEST_SECONDS: i64 = 100_000_000_000;
/// Why a click has its class where the file says so, or where nothing does.
const IMPORTED: &str = "imported";

/// The clicks of a row.
pub(super) struct Visits {
    /// What they have in common.
    pub(super) fact: Fact,
    /// How many they are.
    pub(super) count: u64,
    /// Whose they are, where each has a visitor of its own.
    strangers: Option<Strangers>,
}

#[derive(Clone, Copy)]
struct Strangers {
    key: [u8; 16],
    row: u64,
}

impl Visits {
    /// One of them, from 0 on.
    pub(super) fn fact(&self, place: u64) -> Fact {
        let mut fact = self.fact.clone();
        if let Some(Strangers { key, row }) = self.strangers {
            fact.visitor = number(&key, b"one", &[row.cast_signed(), place.cast_signed()], "");
        }
        fact
    }
}

/// Whether it is a page that was visited, and whether a block of it.
type Kind = (bool, bool);

/// Reads rows, in order.
pub(super) struct Reader {
    hosts: Arc<Hosts>,
    owner: Owner,
    key: [u8; 16],
    latest: Time,
    names: Names,
    /// Days whose first visitor has come, of people and of programs, and of each kind of visit.
    begun: HashSet<(i64, bool, Kind)>,
}

impl Reader {
    pub(super) fn new(hosts: Arc<Hosts>, owner: Owner, key: [u8; 16]) -> Self {
        // Clocks differ, and so do the zones that a date without one was of.
        let latest = Clock::system().now().after(std::time::Duration::from_hours(24));
        Self { hosts, owner, key, latest, names: Names::default(), begun: HashSet::new() }
    }

    /// The clicks of a row, whose link or page is to be found yet; or why there are none, in words for a person.
    pub(super) fn visits(&mut self, line: &Line<'_>) -> Result<Visits, String> {
        line.check_shape()?;
        let at = self.time(line)?;
        let count = count(line)?;
        let choice = choice(line)?;
        let (class, reason, is_counted) = self.class(line, &choice)?;
        let user_agent = line.cell(Column::UserAgent).unwrap_or_default();
        let referrer = self.referrer(line);
        let mut fact = Fact {
            at,
            request: None,
            owner: self.owner,
            target: Target::Link(LinkId::from_bits(0)),
            code: None,
            is_counted,
            class,
            reason,
            choice,
            device: device(line, &user_agent)?,
            os: self.name(line, Column::Os, agent::os(&user_agent), agent::os_named)?,
            browser: self.name(line, Column::Browser, agent::browser(&user_agent), agent::browser_named)?,
            language: language(line),
            referrer: referrer.host,
            referrer_url: referrer.url,
            source: source(line)?,
            country: country(line)?,
            region: place(line, Column::Region),
            city: place(line, Column::City),
            visitor: 0,
        };
        let strangers = self.visitor(line, &mut fact)?;
        Ok(Visits { fact, count, strangers })
    }

    /// Notes what later rows need to know of one that was imported before.
    pub(super) fn pass(&mut self, line: &Line<'_>) {
        if line.has(Column::IsUnique) {
            // A faulty row tells nothing.
            let _ = self.visits(line);
        }
    }

    fn time(&self, line: &Line<'_>) -> Result<Time, String> {
        let text = line.cell(Column::At).ok_or("there is no time")?;
        let at = time(&text).ok_or_else(|| {
            format!("{:?} is no time: 2026-03-24T14:00:00Z, 2026-03-24, or Unix seconds", shown(&text))
        })?;
        if at < EARLIEST || at > self.latest {
            return Err(format!("{:?} is {at}, which cannot be", shown(&text)));
        }
        Ok(at)
    }

    /// The class, why, and whether it counts. A class that is told holds; then what is said of programs; then the user agent,
    /// where the file has one. A click of which nothing is known is a person's.
    fn class(&mut self, line: &Line<'_>, choice: &str) -> Result<(&'static str, &'static str, bool), String> {
        let mut is_program = flag(line, Column::IsBot)?;
        let mut told = None;
        if let Some(text) = line.cell(Column::Bot) {
            told = BotClass::parse(&text);
            if told.is_none() {
                let classes: Vec<_> = BotClass::ALL.iter().map(|class| class.as_str()).collect();
                let refused = || format!("{:?} is none of {}, true, false", shown(&text), classes.join(", "));
                is_program = Some(truth(&text).ok_or_else(refused)?);
            }
        }
        let user_agent = line.cell(Column::UserAgent);
        let seen = line
            .has(Column::UserAgent)
            .then(|| agent::classify(&Signals { user_agent: user_agent.as_deref(), ..Signals::default() }));
        let imported = |class| Verdict { class, reason: IMPORTED };
        let Verdict { class, reason } = match (told, is_program, seen) {
            (Some(class), ..) => imported(class),
            (None, Some(true), Some(seen)) if !seen.class.is_person() => seen,
            (None, Some(true), _) => imported(BotClass::Unknown),
            (None, None, Some(seen)) => seen,
            (None, Some(false), _) | (None, None, None) => imported(BotClass::Person),
        };
        let reason = match line.cell(Column::Reason) {
            Some(text) => self.names.keep(&text)?,
            None => reason,
        };
        // A limit that a click has used up counts it, whatever it was.
        let is_counted = choice != "ended"
            && reason != OWN_VIEW
            && (class.is_person() || (told.is_some() && is_program == Some(false)));
        Ok((class.as_str(), reason, is_counted))
    }

    /// A family in the spelling that live clicks have of it, if they have it.
    fn name(
        &mut self,
        line: &Line<'_>,
        column: Column,
        otherwise: &'static str,
        named: fn(&str) -> Option<&'static str>,
    ) -> Result<&'static str, String> {
        match line.cell(column) {
            None => Ok(otherwise),
            Some(text) if text.eq_ignore_ascii_case("unknown") => Ok("Other"),
            Some(text) => named(&text).map_or_else(|| self.names.keep(&text), Ok),
        }
    }

    /// An address as a browser sends it, or the name of a site.
    fn referrer(&self, line: &Line<'_>) -> Referrer {
        let cell = |column| line.cell(column).filter(|text| text != "direct" && text != "unknown");
        let read = |text: &str| Referrer::read(text, &self.hosts);
        let (site, page) = (cell(Column::Referrer), cell(Column::ReferrerUrl));
        match (site.as_deref(), page.as_deref()) {
            (_, Some(page)) if read(page).host.is_some() => read(page),
            (Some(site), _) if site.contains("://") => read(site),
            (Some(site), _) => Referrer { url: None, ..read(&format!("https://{site}/")) },
            (None, _) => Referrer::default(),
        }
    }

    /// Sets the visitor, unless each click has its own.
    fn visitor(&mut self, line: &Line<'_>, fact: &mut Fact) -> Result<Option<Strangers>, String> {
        let day = fact.at.unix_millis().div_euclid(DAY_MS);
        let row = line.row.cast_signed();
        if let Some(text) = line.cell(Column::Visitor) {
            fact.visitor = number(&self.key, b"who", &[self.owner.number(), day], &text);
            return Ok(None);
        }
        fact.visitor = match flag(line, Column::IsUnique)? {
            None => return Ok(Some(Strangers { key: self.key, row: line.row })),
            Some(true) if !self.begun.insert((day, fact.is_counted, kind(line))) => {
                number(&self.key, b"new", &[row], "")
            }
            Some(_) => number(&self.key, b"day", &[day, i64::from(fact.is_counted)], ""),
        };
        Ok(None)
    }
}

fn kind(line: &Line<'_>) -> Kind {
    (line.cell(Column::PageId).is_some(), line.cell(Column::BlockId).is_some())
}

fn number(key: &[u8; 16], kind: &[u8], numbers: &[i64], text: &str) -> i64 {
    let mut bytes = kind.to_vec();
    for number in numbers {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(text.as_bytes());
    SipHasher13::new_with_key(key).hash(&bytes).cast_signed()
}

/// RFC 3339, without an offset for UTC, a day for its first moment; or Unix seconds.
fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        let seconds: i64 = whole.parse().ok()?;
        return (seconds < LATEST_SECONDS).then(|| Time::from_unix_millis(seconds * 1000));
    }
    let with_day = format!("{text}T00:00:00Z");
    let with_zone = format!("{text}Z");
    let day = (text.len() == 10).then_some(with_day.as_str());
    [Some(text), day, Some(with_zone.as_str())].into_iter().flatten().find_map(|text| Time::parse(text).ok())
}

fn count(line: &Line<'_>) -> Result<u64, String> {
    let Some(text) = line.cell(Column::Count) else { return Ok(1) };
    let count = text.parse().ok().filter(|count| *count <= MOST_COUNT);
    count.ok_or_else(|| format!("a row stands for 0 to {MOST_COUNT} clicks, not {:?}", shown(&text)))
}

fn choice(line: &Line<'_>) -> Result<String, String> {
    let Some(text) = line.cell(Column::Variant) else { return Ok("url".to_owned()) };
    let numbered = text.strip_prefix("rule:").or_else(|| text.strip_prefix("variant:"));
    if matches!(text.as_str(), "url" | "ios" | "android" | "ended")
        || numbered.is_some_and(|number| number.parse::<u8>().is_ok())
    {
        return Ok(text);
    }
    Err(format!("{:?} is none of url, ios, android, ended, rule:0 and so on, variant:0 and so on", shown(&text)))
}

fn device(line: &Line<'_>, user_agent: &str) -> Result<&'static str, String> {
    let told = match line.cell(Column::Device) {
        None => return Ok(agent::device(user_agent).as_str()),
        Some(text) if text.eq_ignore_ascii_case("unknown") => Device::Other,
        Some(text) => Device::parse(&text).ok_or_else(|| {
            let all: Vec<_> = Device::ALL.iter().map(|device| device.as_str()).collect();
            format!("{:?} is none of {}", shown(&text), all.join(", "))
        })?,
    };
    Ok(told.as_str())
}

fn source(line: &Line<'_>) -> Result<&'static str, String> {
    match line.cell(Column::Source) {
        None => Ok("link"),
        Some(text) if text.eq_ignore_ascii_case("link") => Ok("link"),
        Some(text) if text.eq_ignore_ascii_case("qr") => Ok("qr"),
        Some(text) if text.eq_ignore_ascii_case("bio") => Ok("bio"),
        Some(text) => Err(format!("{:?} is none of link, qr, bio", shown(&text))),
    }
}

/// A code that is no country is a fault: unlike what a live click comes with, a file can be mended.
fn country(line: &Line<'_>) -> Result<Option<String>, String> {
    let Some(text) = line.cell(Column::Country).filter(|text| !text.eq_ignore_ascii_case("unknown")) else {
        return Ok(None);
    };
    let country = Country::parse(text.as_bytes()).map(|country| Some(country.as_str().to_owned()));
    country.ok_or_else(|| format!("{:?} is no country in two letters of ISO 3166-1, nor unknown", shown(&text)))
}

fn language(line: &Line<'_>) -> Option<String> {
    let text = line.cell(Column::Language).filter(|text| text != "unknown")?.replace('_', "-");
    agent::languages(&text).next().and_then(agent::language_named)
}

fn place(line: &Line<'_>, column: Column) -> Option<String> {
    let mut text = line.cell(column).filter(|text| text != "unknown")?;
    text.truncate(text.floor_char_boundary(MOST_PLACE_BYTES));
    Some(text)
}

fn flag(line: &Line<'_>, column: Column) -> Result<Option<bool>, String> {
    let Some(text) = line.cell(column) else { return Ok(None) };
    truth(&text).map(Some).ok_or_else(|| format!("{:?} is neither true nor false", shown(&text)))
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, shown) in [
            ("2026-03-24T14:00:00Z", Some("2026-03-24T14:00:00Z")),
            ("2026-03-24T19:00:00+05:00", Some("2026-03-24T14:00:00Z")),
            ("2026-03-24 14:00:00", Some("2026-03-24T14:00:00Z")),
            ("2026-03-24T14:00:00", Some("2026-03-24T14:00:00Z")),
            ("2026-03-24", Some("2026-03-24T00:00:00Z")),
            ("1774360800", Some("2026-03-24T14:00:00Z")),
            ("1774360800.75", Some("2026-03-24T14:00:00Z")),
            ("1774360800000", None),
            ("24.03.2026", None),
            ("0000-00-00 00:00:00", None),
            ("", None),
            (".", None),
            ("yesterday!", None),
        ] {
            assert_eq!(time(text).map(|at| at.to_string()).as_deref(), shown, "{text}");
        }
    }
}
