//! Words of ours on a page, in the language of the page.
//!
//! What an owner writes stands beside what we write: labels of a form, what a still leads to, what is wrong with an address. All
//! of ours is in one table (`assets/words.txt`), a section for each language. A page in a language that has none gets English
//! words that are marked as English ([`Ours`]).
//!
//! What is wrong with a field is said by the core in English; here it is found again by that sentence, so that the core need
//! not know of pages. A test has the core say all that it can.

use std::{fmt::Write as _, sync::LazyLock};

use mask_core::bio_page::{
    language::{Direction, Language},
    price::Price,
    social::Platform,
};

use super::form::Why;

const TABLE: &str = include_str!("../../assets/words.txt");

/// Currencies by the signs that all languages know them by, but for those that have another of their own.
const SIGNS: [(&str, &str); 18] = [
    ("USD", "$"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("INR", "₹"),
    ("KRW", "₩"),
    ("AUD", "A$"),
    ("CAD", "CA$"),
    ("NZD", "NZ$"),
    ("BRL", "R$"),
    ("MXN", "MX$"),
    ("HKD", "HK$"),
    ("SGD", "S$"),
    ("CNY", "CN¥"),
    ("TWD", "NT$"),
    ("ILS", "₪"),
    ("VND", "₫"),
    ("PHP", "₱"),
];

macro_rules! words {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What we say in one language. `{}` is what stands in the place of something.
        #[derive(Debug)]
        pub(super) struct Words {
            /// The tags that it is for.
            tags: Vec<&'static str>,
            /// The script that it is written in (ISO 15924).
            script: &'static str,
            habit: Habit,
            /// Currencies that it writes in a way of its own.
            signs: Vec<(&'static str, &'static str)>,
            $($(#[$doc])+ pub(super) $name: &'static str,)+
        }

        impl Words {
            const NAMES: &[&str] = &[$(stringify!($name),)+];

            fn read(section: &Section, said: impl Fn(&str) -> &'static str) -> Self {
                let also = section.said("also").unwrap_or_default().split_ascii_whitespace();
                Self {
                    tags: std::iter::once(section.tag).chain(also).collect(),
                    script: said("script"),
                    habit: Habit::read(said("price")),
                    signs: said("signs").split(", ").filter_map(|sign| sign.split_once(' ')).collect(),
                    $($name: said(stringify!($name)),)+
                }
            }

            fn all(&self) -> [&'static str; Self::NAMES.len()] {
                [$(self.$name,)+]
            }
        }
    };
}

words! {
    /// The label of a name.
    name,
    /// The label of an address.
    email,
    /// The label of a message.
    message,
    /// The label of the field that nobody sees.
    trap,
    /// That an address is to be confirmed by a mailed link.
    confirm,
    /// That a page is a preview.
    preview,
    /// That a form is gone, and what was written in it is kept by nobody.
    lost,
    /// That too much comes from one network, and in how many seconds to try again.
    too_many,
    /// That something cannot be taken at the moment.
    unavailable,
    /// What the still of a video is for, and where the video is.
    play_video,
    /// What the still of music is for.
    play_spotify,
    /// A video of a site, in one word.
    video,
    /// A track.
    song,
    /// An album.
    album,
    /// A playlist.
    playlist,
    /// An artist.
    artist,
    /// A podcast.
    podcast,
    /// An episode of a podcast.
    episode,
    /// One of those, and where it is.
    on_spotify,
    /// A price of nothing.
    free,
    /// A mailbox among profiles.
    mailbox,
    /// A telephone among profiles.
    telephone,
    /// Any other site among profiles.
    website,
    /// What is wrong with an address.
    no_address,
    /// What is wrong with the letters of an address.
    not_latin,
    /// What is wrong with the length of a name.
    name_too_long,
    /// What is wrong with the length of a message.
    message_too_long,
    /// What is wrong with characters that nobody types.
    not_plain,
    /// What is wrong with a message of nothing.
    no_message,
}

static LANGUAGES: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let sections = sections();
    let of = |tag: &str| sections.iter().find(|section| section.tag == tag);
    let read = |section: &Section| {
        let base = section.tag.split_once('-').and_then(|(base, _)| of(base));
        Words::read(section, |name| {
            let english = of("en").and_then(|english| english.said(name));
            section.said(name).or_else(|| base?.said(name)).or(english).unwrap_or_default()
        })
    };
    sections.iter().map(read).collect()
});

/// A section of the table.
struct Section {
    tag: &'static str,
    lines: Vec<(&'static str, &'static str)>,
}

impl Section {
    fn said(&self, name: &str) -> Option<&'static str> {
        self.lines.iter().find(|(of, _)| *of == name).map(|(_, words)| *words)
    }
}

fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        if let Some(tag) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push(Section { tag, lines: Vec::new() });
        } else if let (Some(section), Some(said)) = (sections.last_mut(), line.split_once(" = ")) {
            section.lines.push(said);
        }
    }
    sections
}

impl Words {
    /// The words for pages in this language, if there are any: those of its region, else of its script, else of itself, as long
    /// as they are in the script that the page is said to be in.
    fn on(language: &Language) -> Option<&'static Self> {
        let (name, script) = (language.name(), language.script());
        let tagged = |tag: &str| LANGUAGES.iter().find(|words| words.tags.contains(&tag));
        let by_region = language.region().and_then(|region| tagged(&format!("{name}-{region}")));
        let by_script = || script.and_then(|script| tagged(&format!("{name}-{script}")));
        let fits = |words: &&Self| script.is_none_or(|script| script == words.script);
        by_region.filter(fits).or_else(by_script).or_else(|| tagged(name).filter(fits))
    }

    fn english() -> &'static Self {
        &LANGUAGES[0]
    }

    /// What something is called that is at a place: `{}` in these words.
    fn with(words: &str, place: &str) -> String {
        words.replacen("{}", place, 1)
    }
}

/// Words of ours on one page, and how they are marked there. Where they are English and the page is not, whatever reads it aloud
/// has to know, and their full stops have to stay at their ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours {
    /// The words.
    pub(super) words: &'static Words,
    /// Before such words.
    pub(super) open: &'static str,
    /// Behind them.
    pub(super) close: &'static str,
    /// On an element whose own words are ours.
    pub(super) lang: &'static str,
}

impl Ours {
    /// On a page in this language.
    pub(super) fn on(page: &Language) -> Self {
        match Words::on(page) {
            Some(words) => Self { words, open: "", close: "", lang: "" },
            None => Self { words: Words::english(), open: "<bdi lang=\"en\">", close: "</bdi>", lang: " lang=\"en\"" },
        }
    }

    /// What the still of a video there is for.
    pub(super) fn play_video(self, site: &str) -> String {
        Words::with(self.words.play_video, site)
    }

    /// A video there, where it has no title.
    pub(super) fn video(self, site: &str) -> String {
        Words::with(self.words.video, site)
    }

    /// Something at Spotify, where it has no title.
    pub(super) fn on_spotify(self, kind: &str) -> String {
        Words::with(self.words.on_spotify, kind)
    }

    /// What profiles at a platform are called. Most are called by a name, which is the same everywhere.
    pub(super) fn platform(self, platform: Platform) -> &'static str {
        match platform {
            Platform::Email => self.words.mailbox,
            Platform::Phone => self.words.telephone,
            Platform::Website => self.words.website,
            named => named.title(),
        }
    }

    /// Why something cannot be taken.
    pub(super) fn why(self, why: &Why) -> String {
        match why {
            Why::Refused(refused) => {
                let place = Words::english().all().iter().position(|said| *said == refused.0);
                place.map_or_else(|| refused.to_string(), |place| self.words.all()[place].to_owned())
            }
            Why::TooMany { retry_after_s } => Words::with(self.words.too_many, &retry_after_s.to_string()),
            Why::Unavailable => self.words.unavailable.to_owned(),
        }
    }

    /// A price as people write it, and which way that runs.
    pub(super) fn price(self, price: Price) -> (String, &'static str) {
        if price.smallest_units == 0 {
            return (self.words.free.to_owned(), "auto");
        }
        let runs_back = !self.words.habit.is_before && matches!(self.words.script, "Arab" | "Hebr");
        let direction = if runs_back { Direction::RightToLeft } else { Direction::LeftToRight };
        (self.words.habit.write(price, &self.words.signs), direction.as_str())
    }
}

/// How a language writes prices, as it shows in one.
#[derive(Debug)]
struct Habit {
    /// Whether the currency comes first.
    is_before: bool,
    /// What is between it and the number.
    between: &'static str,
    /// The digit for nothing.
    zero: u32,
    /// Between groups of digits.
    group: char,
    /// Digits of each group but the last, which has three.
    in_group: usize,
    /// Before what is smaller than one.
    point: char,
}

impl Habit {
    /// Reads it from 1234567.89 of a currency.
    fn read(example: &'static str) -> Self {
        let is_before = example.starts_with('¤');
        let amount = example.trim_matches('¤');
        let number = amount.trim();
        let marks: Vec<(usize, char)> =
            number.chars().enumerate().filter(|(_, character)| !character.is_numeric()).collect();
        let mark = |place: Option<&(usize, char)>| place.map_or((0, ','), |mark| *mark);
        let ((first, group), (second, _), (_, point)) = (mark(marks.first()), mark(marks.get(1)), mark(marks.last()));
        Self {
            is_before,
            between: if is_before { &amount[..amount.len() - number.len()] } else { &amount[number.len()..] },
            zero: number.chars().next().map_or(u32::from('0'), |one| u32::from(one) - 1),
            group,
            in_group: second.saturating_sub(first + 1).max(1),
            point,
        }
    }

    fn write(&self, price: Price, signs: &[(&str, &'static str)]) -> String {
        let amount = price.amount();
        let (whole, fraction) = amount.split_once('.').unwrap_or((&amount, ""));
        let mut number = String::with_capacity(2 * amount.len());
        for (place, digit) in whole.chars().enumerate() {
            let left = whole.len() - place;
            if place > 0 && left >= 3 && (left - 3).is_multiple_of(self.in_group) {
                number.push(self.group);
            }
            number.push(self.digit(digit));
        }
        if !fraction.is_empty() {
            number.push(self.point);
            number.extend(fraction.chars().map(|digit| self.digit(digit)));
        }
        let code = price.currency.as_str();
        let Some((_, sign)) = signs.iter().chain(&SIGNS).find(|(of, _)| *of == code) else {
            return format!("{number}\u{a0}{code}");
        };
        let mut written = String::new();
        let _ = if self.is_before {
            // Letters need room before a number.
            let is_word = self.between.is_empty() && sign.ends_with(char::is_alphabetic);
            write!(written, "{sign}{}{number}", if is_word { "\u{a0}" } else { self.between })
        } else {
            write!(written, "{number}{}{sign}", self.between)
        };
        written
    }

    fn digit(&self, digit: char) -> char {
        digit.to_digit(10).and_then(|value| char::from_u32(self.zero + value)).unwrap_or(digit)
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
