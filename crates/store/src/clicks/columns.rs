//! Recorded clicks as columns.
//!
//! A question looks at two or three properties of millions of clicks. So a chunk of clicks is kept property by property,
//! and a reader takes the columns that it needs: that is what makes a question over a month take milliseconds, where a
//! row for each click would take seconds. Clicks in a chunk are sorted by owner, link and time, so all of a link lie
//! together, and a texts' column of a property with few values takes a byte a click, or none.
//!
//! A column is: texts, the list of words that occur and a place in it for each click; links, each once with the place
//! where its clicks end; numbers, eight bytes each, or one number for all. All numbers are little-endian. Reading is
//! total: any bytes give a column or nothing.

use std::{collections::HashMap, fmt::Debug};

use mask_core::{id::LinkId, question::Dimension, workspace::Owner};

use super::Fact;

/// A column, by the number under which it is stored. The first four are not texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Column(pub(super) u8);

impl Column {
    pub(super) const AT: Self = Self(0);
    pub(super) const LINKS: Self = Self(1);
    pub(super) const FLAGS: Self = Self(2);
    pub(super) const VISITOR: Self = Self(3);
    pub(super) const OWNER: Self = Self(4);
    pub(super) const CLASS: Self = Self(5);
    pub(super) const REASON: Self = Self(6);
    pub(super) const CHOICE: Self = Self(7);
    pub(super) const SOURCE: Self = Self(8);
    pub(super) const DEVICE: Self = Self(9);
    pub(super) const OS: Self = Self(10);
    pub(super) const BROWSER: Self = Self(11);
    pub(super) const LANGUAGE: Self = Self(12);
    pub(super) const REFERRER: Self = Self(13);
    pub(super) const REFERRER_URL: Self = Self(14);
    pub(super) const COUNTRY: Self = Self(15);
    pub(super) const REGION: Self = Self(16);
    pub(super) const CITY: Self = Self(17);
    /// Which one each click was in the journal; in the feed alone.
    pub(super) const ORDER: Self = Self(18);

    /// How many numbers are set apart for the columns of a chunk.
    pub(super) const MOST: i64 = 32;
    /// All columns of a small chunk in one piece.
    pub(super) const ALL: Self = Self(31);

    const FIRST_TEXT: u8 = Self::CLASS.0;

    /// The column of what is told apart so; `None` for the link and its properties.
    pub(super) fn of(dimension: Dimension) -> Option<Self> {
        Some(match dimension {
            Dimension::Country => Self::COUNTRY,
            Dimension::Region => Self::REGION,
            Dimension::City => Self::CITY,
            Dimension::Device => Self::DEVICE,
            Dimension::Browser => Self::BROWSER,
            Dimension::Os => Self::OS,
            Dimension::Language => Self::LANGUAGE,
            Dimension::Referrer => Self::REFERRER,
            Dimension::ReferrerUrl => Self::REFERRER_URL,
            Dimension::Source => Self::SOURCE,
            Dimension::Variant => Self::CHOICE,
            Dimension::Bot => Self::CLASS,
            _ => return None,
        })
    }
}

/// How many columns hold texts.
pub(super) const TEXTS: usize = 13;

/// It counts.
pub(super) const IS_COUNTED: u8 = 1;
/// It was made by a program.
pub(super) const IS_BOT: u8 = 1 << 1;
/// It is its visitor's first of the day among the owner's.
pub(super) const IS_FIRST_OF_OWNER: u8 = 1 << 2;
/// It is its visitor's first of the day on this link.
pub(super) const IS_FIRST_OF_LINK: u8 = 1 << 3;

/// A click between facts and columns. Its texts stand in a [`Words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Click {
    pub(super) owner: i64,
    pub(super) link: u128,
    pub(super) at: i64,
    pub(super) visitor: i64,
    pub(super) flags: u8,
    /// Places in the list of words; 0 is none.
    pub(super) texts: [u32; TEXTS],
}

/// Words, each once.
#[derive(Debug)]
pub(super) struct Words {
    places: HashMap<String, u32>,
    all: Vec<String>,
}

impl Words {
    pub(super) fn new() -> Self {
        Self { places: HashMap::new(), all: vec![String::new()] }
    }

    fn place(&mut self, word: Option<&str>) -> u32 {
        let Some(word) = word else { return 0 };
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let place = u32::try_from(self.all.len()).unwrap_or(0);
        self.all.push(word.to_owned());
        self.places.insert(word.to_owned(), place);
        place
    }

    /// The word at a place; `None` at 0.
    pub(super) fn word(&self, place: u32) -> Option<&str> {
        usize::try_from(place).ok().filter(|place| *place > 0).and_then(|place| self.all.get(place)).map(String::as_str)
    }

    /// The click of a fact, which is not told yet from those before it.
    pub(super) fn click(&mut self, fact: &Fact) -> Click {
        let texts = [
            Some(fact.class),
            Some(fact.reason),
            Some(fact.choice.as_str()),
            Some(fact.source),
            Some(fact.device),
            Some(fact.os),
            Some(fact.browser),
            fact.language.as_deref(),
            fact.referrer.as_deref(),
            fact.referrer_url.as_deref(),
            fact.country.as_deref(),
            fact.region.as_deref(),
            fact.city.as_deref(),
        ];
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        Click {
            owner: fact.owner.number(),
            link: fact.link.bits(),
            at: fact.at.unix_millis(),
            visitor: fact.visitor,
            flags: flag(fact.is_counted, IS_COUNTED) | flag(fact.class != "person", IS_BOT),
            texts: texts.map(|text| self.place(text)),
        }
    }
}

/// The columns of these clicks, which are sorted.
pub(super) fn write(clicks: &[Click], words: &Words) -> Vec<(Column, Vec<u8>)> {
    let mut columns = vec![
        (Column::AT, write_numbers(clicks.iter().map(|click| click.at))),
        (Column::LINKS, write_links(clicks)),
        (Column::FLAGS, clicks.iter().map(|click| click.flags).collect()),
        (Column::VISITOR, write_numbers(clicks.iter().map(|click| click.visitor))),
        (Column::OWNER, write_numbers(clicks.iter().map(|click| click.owner))),
    ];
    for (place, column) in (0..TEXTS).zip(Column::FIRST_TEXT..) {
        columns.push((Column(column), write_texts(clicks.iter().map(|click| click.texts[place]), words)));
    }
    columns
}

/// Numbers: a width (0, 4 or 8 bytes), the smallest, and how far each is above it.
pub(super) fn write_numbers(numbers: impl Iterator<Item = i64> + Clone) -> Vec<u8> {
    let (least, most) =
        numbers.clone().fold((i64::MAX, i64::MIN), |(least, most), number| (least.min(number), most.max(number)));
    let span = most.wrapping_sub(least).cast_unsigned();
    let width: u8 = if least >= most {
        0
    } else if u32::try_from(span).is_ok() {
        4
    } else {
        8
    };
    let mut column = vec![width];
    column.extend(least.to_le_bytes());
    for number in numbers {
        let above = number.wrapping_sub(least).to_le_bytes();
        column.extend(&above[..usize::from(width)]);
    }
    column
}

/// Links: of each its id and the place where its clicks end.
fn write_links(clicks: &[Click]) -> Vec<u8> {
    let mut column = Vec::new();
    for (place, click) in clicks.iter().enumerate() {
        if clicks.get(place + 1).is_none_or(|next| (next.owner, next.link) != (click.owner, click.link)) {
            column.extend(click.link.to_le_bytes());
            column.extend(u32::try_from(place + 1).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
    column
}

/// Texts: a width (0, 1 or 2 bytes), the number of words, the words, and each click's place among them (0 is none). Of more
/// words than two bytes can name, those beyond are none: no chunk has as many clicks.
fn write_texts(places: impl Iterator<Item = u32> + Clone, words: &Words) -> Vec<u8> {
    let mut own: HashMap<u32, u16> = HashMap::from([(0, 0)]);
    let mut listed = Vec::new();
    for place in places.clone() {
        if !own.contains_key(&place)
            && let Ok(next) = u16::try_from(listed.len() + 1)
        {
            own.insert(place, next);
            listed.push(place);
        }
    }
    let own = |place| own.get(&place).copied().unwrap_or(0);
    let mut codes = places.clone().map(own);
    let first = codes.next().unwrap_or(0);
    let width: u8 = if codes.all(|code| code == first) {
        0
    } else if listed.len() < 256 {
        1
    } else {
        2
    };
    let mut column = vec![width];
    column.extend(u16::try_from(listed.len()).unwrap_or(u16::MAX).to_le_bytes());
    for place in listed {
        let word = words.word(place).unwrap_or_default().as_bytes();
        let word = &word[..word.len().min(usize::from(u16::MAX))];
        column.extend(u16::try_from(word.len()).unwrap_or(u16::MAX).to_le_bytes());
        column.extend(word);
    }
    if width == 0 {
        column.extend(first.to_le_bytes());
    }
    for place in places {
        column.extend(&own(place).to_le_bytes()[..usize::from(width)]);
    }
    column
}

/// All columns in one piece: of each its number, its length, itself.
pub(super) fn pack(columns: &[(Column, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut packed = Vec::new();
    for (column, data) in columns {
        let data = data.as_ref();
        packed.push(column.0);
        packed.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        packed.extend(data);
    }
    packed
}

/// The columns of a chunk, or those of them that were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk<'b> {
    pub(super) columns: Vec<(Column, &'b [u8])>,
    /// How many clicks it has.
    pub(super) len: usize,
}

impl<'b> Chunk<'b> {
    /// A chunk of these pieces; `None` when they are none.
    pub(super) fn read(len: usize, pieces: impl Iterator<Item = (Column, &'b [u8])>) -> Option<Self> {
        let mut columns = Vec::new();
        for (column, mut data) in pieces {
            if column != Column::ALL {
                columns.push((column, data));
                continue;
            }
            while let Some((number, rest)) = data.split_first() {
                let (length, rest) = rest.split_first_chunk()?;
                let (piece, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
                columns.push((Column(*number), piece));
                data = rest;
            }
        }
        Some(Self { columns, len })
    }

    pub(super) fn column(&self, column: Column) -> Option<&'b [u8]> {
        self.columns.iter().find(|(is, _)| *is == column).map(|(_, data)| *data)
    }

    pub(super) fn flags(&self) -> Option<&'b [u8]> {
        self.column(Column::FLAGS).filter(|flags| flags.len() == self.len)
    }

    pub(super) fn numbers(&self, column: Column) -> Option<Numbers<'b>> {
        let (width, rest) = self.column(column)?.split_first()?;
        let (least, above) = rest.split_first_chunk()?;
        let fits = above.len() == self.len * usize::from(*width);
        let above = match *width {
            0 => Above::Nothing,
            4 => Above::Narrow(above.as_chunks().0),
            8 => Above::Wide(above.as_chunks().0),
            _ => return None,
        };
        fits.then_some(Numbers { least: i64::from_le_bytes(*least), above })
    }

    pub(super) fn texts(&self, column: Column) -> Option<Texts<'b>> {
        let (width, rest) = self.column(column)?.split_first()?;
        let (count, mut rest) = rest.split_first_chunk()?;
        let mut words = vec![None];
        for _ in 0..u16::from_le_bytes(*count) {
            let (length, after) = rest.split_first_chunk()?;
            let (word, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            words.push(Some(std::str::from_utf8(word).ok()?));
            rest = after;
        }
        let codes = match *width {
            0 => Codes::All(u16::from_le_bytes(*rest.first_chunk().filter(|_| rest.len() == 2)?)),
            1 if rest.len() == self.len => Codes::Bytes(rest),
            2 if rest.len() == self.len * 2 => Codes::Pairs(rest.as_chunks().0),
            _ => return None,
        };
        let texts = Texts { words, codes };
        texts.is_sound().then_some(texts)
    }

    /// The links, each with the places of its clicks.
    pub(super) fn links(&self) -> Option<Vec<(LinkId, std::ops::Range<usize>)>> {
        let (entries, odd) = self.column(Column::LINKS)?.as_chunks::<20>();
        let (mut links, mut begin) = (Vec::with_capacity(entries.len()), 0);
        for entry in entries {
            let (link, end) = entry.split_first_chunk()?;
            let end = usize::try_from(u32::from_le_bytes(*end.first_chunk()?)).ok()?;
            if end <= begin || end > self.len {
                return None;
            }
            links.push((LinkId::from_bits(u128::from_le_bytes(*link)), begin..end));
            begin = end;
        }
        (odd.is_empty() && begin == self.len).then_some(links)
    }

    /// The clicks with all their columns, their words added to a list.
    pub(super) fn clicks(&self, words: &mut Words) -> Option<Vec<Click>> {
        let (at, visitor, owner) =
            (self.numbers(Column::AT)?, self.numbers(Column::VISITOR)?, self.numbers(Column::OWNER)?);
        let flags = self.flags()?;
        let mut clicks = Vec::with_capacity(self.len);
        for (link, places) in self.links()? {
            for place in places {
                let (owner, at, visitor) = (owner.at(place), at.at(place), visitor.at(place));
                clicks.push(Click { owner, link: link.bits(), at, visitor, flags: flags[place], texts: [0; TEXTS] });
            }
        }
        for (text, column) in (0..TEXTS).zip(Column::FIRST_TEXT..) {
            let texts = self.texts(Column(column))?;
            let places: Vec<u32> = texts.words.iter().map(|word| words.place(*word)).collect();
            for (place, click) in clicks.iter_mut().enumerate() {
                click.texts[text] = places[texts.code(place)];
            }
        }
        Some(clicks)
    }
}

/// A column of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'b> {
    least: i64,
    above: Above<'b>,
}

/// How far the numbers of a column are above the smallest.
#[derive(Clone, Copy, Debug)]
enum Above<'b> {
    Nothing,
    Narrow(&'b [[u8; 4]]),
    Wide(&'b [[u8; 8]]),
}

impl Numbers<'_> {
    pub(super) fn at(&self, place: usize) -> i64 {
        let above = match self.above {
            Above::Nothing => 0,
            Above::Narrow(above) => above.get(place).map_or(0, |above| u64::from(u32::from_le_bytes(*above))),
            Above::Wide(above) => above.get(place).map_or(0, |above| u64::from_le_bytes(*above)),
        };
        self.least.wrapping_add(above.cast_signed())
    }

    /// Takes the mark from clicks whose number is not from one up to, but without, the other.
    pub(super) fn keep_between(&self, marks: &mut [u8], first: usize, from: i64, to: i64) {
        match self.above {
            Above::Nothing if (from..to).contains(&self.least) => {}
            Above::Nothing => marks.fill(0),
            Above::Narrow(above) => {
                // As far above the smallest as fits; beyond either end of that lies nothing.
                let offset = |end: i64| end.saturating_sub(self.least).clamp(0, i64::from(u32::MAX) + 1);
                let (from, to) = (offset(from), offset(to));
                if let (Ok(from), Ok(last)) = (u32::try_from(from), u32::try_from(to - 1)) {
                    for (keep, above) in marks.iter_mut().zip(&above[first..]) {
                        let above = u32::from_le_bytes(*above);
                        *keep &= u8::from(above >= from) & u8::from(above <= last);
                    }
                } else {
                    marks.fill(0);
                }
            }
            Above::Wide(_) => {
                for (place, keep) in marks.iter_mut().enumerate() {
                    *keep &= u8::from((from..to).contains(&self.at(first + place)));
                }
            }
        }
    }
}

/// A column of texts.
#[derive(Clone, Debug)]
pub(super) struct Texts<'b> {
    /// The words that occur; the first is none.
    pub(super) words: Vec<Option<&'b str>>,
    pub(super) codes: Codes<'b>,
}

/// Which word each click has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Codes<'b> {
    All(u16),
    Bytes(&'b [u8]),
    Pairs(&'b [[u8; 2]]),
}

impl<'b> Texts<'b> {
    /// Whether every code names a word.
    fn is_sound(&self) -> bool {
        let most = match self.codes {
            Codes::All(code) => usize::from(code),
            Codes::Bytes(codes) => codes.iter().copied().max().map_or(0, usize::from),
            Codes::Pairs(codes) => codes.iter().map(|code| u16::from_le_bytes(*code)).max().map_or(0, usize::from),
        };
        most < self.words.len()
    }

    /// The place of a click's word.
    pub(super) fn code(&self, place: usize) -> usize {
        match self.codes {
            Codes::All(code) => usize::from(code),
            Codes::Bytes(codes) => codes.get(place).copied().map_or(0, usize::from),
            Codes::Pairs(codes) => codes.get(place).map_or(0, |code| usize::from(u16::from_le_bytes(*code))),
        }
    }

    /// A click's word.
    pub(super) fn word(&self, place: usize) -> Option<&'b str> {
        self.words[self.code(place)]
    }
}

impl Click {
    pub(super) fn owner(&self) -> Owner {
        Owner::from_number(self.owner)
    }

    /// Takes away what could tell a visitor: his number, the page that he came from, and the minute. The quarter of an hour
    /// stays, as the days of every time zone begin with one. What was counted stays as it was.
    pub(super) fn forget_visitor(&mut self) {
        self.visitor = 0;
        self.at = quarter(self.at);
        self.texts[usize::from(Column::REFERRER_URL.0 - Column::FIRST_TEXT)] = 0;
    }
}

/// The beginning of the quarter of an hour, which is all that stays of a moment once its visitor is forgotten.
pub(super) const fn quarter(at: i64) -> i64 {
    const QUARTER_MS: i64 = 900_000;
    at.div_euclid(QUARTER_MS) * QUARTER_MS
}
