//! Making a database of countries from the lists that Tor distributes, Debian's package `tor-geoipdb`.
//!
//! They are the freshest data that anybody can have without an account: an export of IPFire's location database, under
//! CC BY-SA 4.0. That licence asks that its source is named and that what is made from it stays under it, so the
//! database says both of itself, and a notice is written beside it. The data is never part of this program.
//!
//! A line is `first,last,code`, IPv4 addresses as numbers; comments at the top say when the export was made. A line that
//! cannot be read is told and nothing is made: half a list would be wrong places, silently.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::Ipv6Addr,
    path::Path,
};

use mask_core::country::Country;

use super::mmdb::{self, About, Range, Value};

/// A database that was made.
#[derive(Debug)]
pub struct Built {
    /// The file.
    pub file: Vec<u8>,
    /// What must stand beside it.
    pub notice: String,
    /// How many ranges of addresses went into it.
    pub ranges: usize,
    /// How many countries they are in.
    pub countries: usize,
    /// How old the data is, in seconds since 1970.
    pub built_at: u64,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line that is none.
    #[error("line {line} of {file} is not «first,last,country»: {text}")]
    Line {
        /// The list.
        file: String,
        /// The line, from 1.
        line: usize,
        /// Its text.
        text: String,
    },
    /// The lists hold nothing.
    #[error("the lists name no countries")]
    Empty,
    /// The lists contradict themselves.
    #[error(transparent)]
    Unwritable(#[from] mmdb::Unwritable),
}

/// A list: its name, and what is in it.
pub struct List<'l> {
    /// The name of its file.
    pub name: String,
    /// Its text.
    pub text: &'l str,
}

/// Makes a database of these lists. `now`, in seconds since 1970, is its age where the lists do not tell theirs.
pub fn build(lists: &[List<'_>], now: u64) -> Result<Built, Error> {
    let mut ranges = Vec::new();
    let mut countries = BTreeMap::new();
    let mut built_at = None;
    for list in lists {
        for (line, text) in (1..).zip(list.text.lines()) {
            if let Some(comment) = text.strip_prefix('#') {
                built_at = built_at.max(generated(comment));
                continue;
            }
            let fault = || Error::Line { file: list.name.clone(), line, text: text.chars().take(100).collect() };
            let (first, last, code) = read(text).ok_or_else(fault)?;
            if let Some(country) = country(code) {
                let next = countries.len();
                let record = match countries.entry(country) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => *new.insert(next),
                };
                ranges.push(Range { first, last, record });
            }
        }
    }
    if ranges.is_empty() {
        return Err(Error::Empty);
    }
    ranges.sort_unstable();
    let built_at = built_at.unwrap_or(now);
    let about = About { kind: "Mask-Country".to_owned(), description: DESCRIPTION.to_owned(), built_at };
    let mut by_record: Vec<_> = countries.into_iter().collect();
    by_record.sort_unstable_by_key(|(_, record)| *record);
    let records: Vec<_> = by_record.iter().map(|(country, _)| record(*country)).collect();
    Ok(Built {
        file: mmdb::write(&ranges, &records, &about)?,
        notice: notice(lists),
        ranges: ranges.len(),
        countries: records.len(),
        built_at,
    })
}

const DESCRIPTION: &str = "Countries of addresses, made from the IPFire Location Database \
    (https://location.ipfire.org), CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)";

/// The shape that every reader of such databases looks for.
fn record(country: Country) -> Value {
    let code = ("iso_code", Value::Text(country.as_str().to_owned()));
    Value::Map(vec![("country", Value::Map(vec![code]))])
}

fn read(line: &str) -> Option<(u128, u128, &str)> {
    let mut parts = line.split(',');
    let (first, last, code) = (address(parts.next()?)?, address(parts.next()?)?, parts.next()?);
    (parts.next().is_none() && first <= last).then_some((first, last, code))
}

/// An IPv4 address as a number, or one of IPv6 as it is written.
fn address(text: &str) -> Option<u128> {
    match text.parse::<u32>() {
        Ok(number) => Some(u128::from(number)),
        Err(_) => text.parse().ok().map(Ipv6Addr::to_bits),
    }
}

/// The lists call the United Kingdom by both of its names; what is no country (`??`, `EU`) is left out.
fn country(code: &str) -> Option<Country> {
    let code = if code == "UK" { "GB" } else { code };
    Country::parse(code.as_bytes())
}

/// The moment in a comment such as ` Generated: Thu, 25 Jun 2026 04:33:59 GMT`.
fn generated(comment: &str) -> Option<u64> {
    let date = comment.trim().strip_prefix("Generated:")?.trim();
    let since = httpdate::parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

fn notice(lists: &[List<'_>]) -> String {
    let mut text = "\
The file places.mmdb beside this one was made from the IPFire Location Database,
(c) IPFire Project, https://location.ipfire.org/, as exported by the Tor Project
(Debian's package tor-geoipdb). It was changed: addresses without a country were left
out, and the rest was written in the MaxMind DB format.

It is licensed under Creative Commons Attribution-ShareAlike 4.0 International:
https://creativecommons.org/licenses/by-sa/4.0/
Whoever passes the file on passes on this notice, and keeps what is made from it under
the same licence. Mask itself is not made from it.

What the lists that it was made from say of themselves:
"
    .to_owned();
    for list in lists {
        let name = Path::new(&list.name).file_name().unwrap_or_default();
        text.push_str(&format!("\n{}\n", name.display()));
        for line in list.text.lines().map_while(|line| line.strip_prefix('#')) {
            text.push_str(&format!("   {}\n", line.trim()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "# Location Database Export\n# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n# License: CC BY-SA 4.0\n\
        16777216,16777471,AU\n16777472,16777727,??\n16777728,16777983,UK\n";
    const V6: &str =
        "# Generated: Fri, 26 Jun 2026 00:00:00 GMT\n2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,AU\n";

    fn list(text: &str) -> List<'_> {
        List { name: "/where/it/was/geoip".to_owned(), text }
    }

    #[test]
    fn lists_become_a_database() {
        let built = build(&[list(V4), list(V6)], 7).expect("a database");
        assert_eq!((built.ranges, built.countries, built.built_at), (3, 2, 1_782_432_000));
        let notice = built.notice;
        assert!(notice.contains("CC BY-SA 4.0") && notice.contains("IPFire") && !notice.contains("/where"), "{notice}");
        let reader = maxminddb::Reader::from_source(built.file).expect("a database");
        reader.verify().expect("a file without a fault");
        for (address, code) in [
            ("1.0.0.0", Some("AU")),
            ("1.0.0.255", Some("AU")),
            ("1.0.1.0", None),
            ("1.0.2.9", Some("GB")),
            ("1.0.3.0", None),
            ("2001:db8::1", Some("AU")),
            ("2001:db9::1", None),
        ] {
            let found = reader.lookup(address.parse().expect("an address")).expect("a look");
            let path = [maxminddb::PathElement::Key("country"), maxminddb::PathElement::Key("iso_code")];
            assert_eq!(found.decode_path::<&str>(&path).expect("a text or nothing"), code, "{address}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for text in ["1,2", "1,2,DE,x", "2,1,DE", "a,b,DE", "<html>", "1.2.3.4,1.2.3.5,DE", "-1,2,DE"] {
            let (name, line) = ("/where/it/was/geoip".to_owned(), 2);
            let expected = Error::Line { file: name, line, text: text.to_owned() };
            assert_eq!(build(&[list(&format!("16777216,16777471,AU\n{text}"))], 7).err(), Some(expected));
        }
        assert_eq!(build(&[list("# nothing\n1,2,??")], 7).err(), Some(Error::Empty));
        let twice = format!("{V4}16777300,16777310,DE\n");
        assert_eq!(build(&[list(&twice)], 7).err(), Some(Error::Unwritable(mmdb::Unwritable::Overlap)));
    }

    #[test]
    fn a_list_without_a_date_is_of_today() {
        assert_eq!(build(&[list("1,2,DE")], 7).expect("a database").built_at, 7);
    }
}
