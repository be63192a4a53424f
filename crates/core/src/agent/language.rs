//! What languages a browser asks for, most wanted first.
//!
//! `Accept-Language` is a list of language ranges with weights (RFC 9110, section 12.5.4). Faulty members are
//! skipped, not the whole header: half of what is wrong on the web is one stray comma. Nothing is allocated; a list
//! longer than any browser sends is cut, so that no header can make a redirect slow.

/// The most languages that are handed out.
const LANGUAGES_MAX: usize = 10;
/// The most members of the header that are looked at.
const MEMBERS_MAX: usize = 32;
/// The longest language tag that RFC 5646 asks an implementation to hold.
const TAG_BYTES_MAX: usize = 35;

/// A weight that nobody could read: the language was named, so it counts, after all others.
const WEIGHT_UNREADABLE: u16 = 1;
/// No weight given, or `q=1`.
const WEIGHT_FULL: u16 = 1000;

/// The languages of an `Accept-Language` header by preference, at most ten; of equal weight, in the order given.
///
/// Left out are languages that are refused (`q=0`), the wildcard (it names no language), and what is not a tag.
pub fn languages(accept_language: &str) -> impl Iterator<Item = &str> {
    let mut found: [(&str, u16); LANGUAGES_MAX] = [("", 0); LANGUAGES_MAX];
    let mut len = 0;
    for (tag, weight) in accept_language.split(',').take(MEMBERS_MAX).filter_map(member) {
        let place = found[..len].iter().position(|&(_, other)| other < weight).unwrap_or(len);
        if place == LANGUAGES_MAX {
            continue;
        }
        len = (len + 1).min(LANGUAGES_MAX);
        found[place..len].rotate_right(1);
        found[place] = (tag, weight);
    }
    found.into_iter().take(len).map(|(tag, _)| tag)
}

/// Whether a language that a rule names takes in a language that a browser asks for: basic filtering of RFC 4647,
/// section 3.3.1. `pt` takes in `pt-BR`, `pt-BR` does not take in `pt`, `*` takes in all. Case does not matter, and
/// `_` counts as `-`, as some programs write it.
pub fn language_matches(range: &str, wanted: &str) -> bool {
    if range == "*" {
        return !wanted.is_empty();
    }
    let (range, wanted) = (range.as_bytes(), wanted.as_bytes());
    !range.is_empty()
        && wanted.len() >= range.len()
        && range.iter().zip(wanted).all(|(&a, &b)| folded(a) == folded(b))
        && wanted.get(range.len()).is_none_or(|&next| folded(next) == b'-')
}

/// A language in the one spelling that statistics have of it: `pt-BR` for `PT-br` and `pt_BR`, `zh-Hant` for `zh-hant`
/// (RFC 5646, section 2.1.1). `None` for what has not the shape of a tag.
pub fn language_named(tag: &str) -> Option<String> {
    let tag = tag.trim_ascii();
    if !is_tag(tag) {
        return None;
    }
    let mut name = tag.replace('_', "-").to_ascii_lowercase();
    let (mut begin, mut is_extended) = (0, false);
    for part in tag.split(['-', '_']) {
        let end = begin + part.len();
        // What follows a single letter is nobody's country or script.
        is_extended |= part.len() == 1;
        let capitals = match part.len() {
            2 if begin > 0 && !is_extended => 2,
            4 if begin > 0 && !is_extended => 1,
            _ => 0,
        };
        name[begin..begin + capitals].make_ascii_uppercase();
        begin = end + 1;
    }
    Some(name)
}

/// One member of the list, if it is a language that is wanted at all.
fn member(member: &str) -> Option<(&str, u16)> {
    let mut parts = member.split(';');
    let tag = parts.next()?.trim_ascii();
    let weight = parts.find_map(weight_value).map_or(WEIGHT_FULL, weight);
    (weight > 0 && is_tag(tag)).then_some((tag, weight))
}

/// The text after `q=`, if this parameter is the weight.
fn weight_value(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.trim_ascii().eq_ignore_ascii_case("q").then(|| value.trim_ascii())
}

/// A weight in thousandths. More than one is one; digits after the third are not read.
fn weight(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() < 1 + usize::from(whole.is_empty()) || !digits(whole) || !digits(fraction) {
        return WEIGHT_UNREADABLE;
    }
    if whole.bytes().any(|byte| byte != b'0') {
        return WEIGHT_FULL;
    }
    let digit = |at: usize| fraction.as_bytes().get(at).map_or(0, |&byte| u16::from(byte - b'0'));
    digit(0) * 100 + digit(1) * 10 + digit(2)
}

/// Whether this has the shape of a language tag: subtags of one to eight letters or digits, the first of letters
/// and at least two of them.
fn is_tag(tag: &str) -> bool {
    let bytes = tag.as_bytes();
    let primary = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let subtag = |part: &[u8]| matches!(part.len(), 1..=8) && part.iter().all(u8::is_ascii_alphanumeric);
    primary >= 2
        && bytes.len() <= TAG_BYTES_MAX
        && bytes.get(primary).is_none_or(|&next| folded(next) == b'-')
        && bytes.split(|&byte| folded(byte) == b'-').all(subtag)
}

const fn folded(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::{language_matches, language_named, languages};

    fn all(header: &str) -> Vec<&str> {
        languages(header).collect()
    }

    #[test]
    fn languages_come_by_preference() {
        let table: &[(&str, &[&str])] = &[
            ("en-US,en;q=0.9,de;q=0.8", &["en-US", "en", "de"]),
            ("da, en-gb;q=0.8, en;q=0.7", &["da", "en-gb", "en"]),
            ("fr;q=0.2,pt-BR;q=0.95,pt;q=0.9,*;q=0.1", &["pt-BR", "pt", "fr"]),
            ("de;q=0,en", &["en"]),
            ("a,en", &["en"]),
            ("es;q=0.5,it;q=0.5,nl;q=0.5", &["es", "it", "nl"]),
            ("zh-Hant-TW ; q = 0.7 , zh ;Q=0.9", &["zh", "zh-Hant-TW"]),
            ("en;level=1;q=0.3,sv;q=0.4", &["sv", "en"]),
            ("en_US", &["en_US"]),
            ("ur;q=1.000,en;q=0.999", &["ur", "en"]),
            ("ur;q=7,en", &["ur", "en"]),
            ("ja;q=high,en;q=0.2", &["en", "ja"]),
            ("ja;q=,en;q=.5", &["en", "ja"]),
            ("ja;q=.,en;q=-1", &["ja", "en"]),
            ("x;q=0.0001", &[]),
            ("", &[]),
            (",,;;==,;q=1,*", &[]),
            ("<script>,en\u{0},日本,de", &["de"]),
            ("en--US,-en,en-,en-toolongsubtag,nb", &["nb"]),
        ];
        for (header, wanted) in table {
            assert_eq!(&all(header), wanted, "{header}");
        }
    }

    #[test]
    fn a_language_has_one_spelling() {
        for (tag, name) in [
            ("pt-BR", Some("pt-BR")),
            ("PT_br", Some("pt-BR")),
            (" EN ", Some("en")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("ES-419", Some("es-419")),
            ("sl-ROZAJ-biske", Some("sl-rozaj-biske")),
            ("en-CA-x-CA", Some("en-CA-x-ca")),
            ("e", None),
            ("en-", None),
            ("en us", None),
            ("", None),
        ] {
            assert_eq!(language_named(tag).as_deref(), name, "{tag}");
            assert!(name.is_none_or(|name| language_named(name).as_deref() == Some(name)), "{tag}");
        }
    }

    #[test]
    fn the_ten_most_wanted_are_kept() {
        let header: Vec<String> = (0..25).map(|n| format!("a{};q=0.{:02}", char::from(b'a' + n), n + 1)).collect();
        let header = header.join(",");
        assert_eq!(all(&header), ["ay", "ax", "aw", "av", "au", "at", "as", "ar", "aq", "ap"]);
        assert_eq!(all(&"en,".repeat(4000)).len(), 10);
        assert_eq!(all(&"q".repeat(10_000)).len(), 0);
    }

    #[test]
    fn a_rule_takes_in_more_exact_tags() {
        let table = [
            ("pt", "pt-BR", true),
            ("PT", "pt-br", true),
            ("pt-BR", "pt-BR", true),
            ("pt-br", "pt_BR", true),
            ("pt-BR", "pt", false),
            ("pt-BR", "pt-PT", false),
            ("p", "pt", false),
            ("en", "eng", false),
            ("zh-Hant", "zh-Hant-TW", true),
            ("*", "en", true),
            ("*", "", false),
            ("", "en", false),
            ("", "", false),
        ];
        for (range, wanted, matches) in table {
            assert_eq!(language_matches(range, wanted), matches, "{range} {wanted}");
        }
    }
}
