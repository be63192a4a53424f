//! Recorded visits as columns: clicks of links, views of bio pages and clicks on their blocks, all called clicks here.
//!
//! A question looks at two or three properties of millions of clicks. So a chunk of clicks is kept property by property,
//! and a reader takes the columns that it needs: that is what makes a question over a month take milliseconds, where a
//! row for each click would take seconds. Clicks in a chunk are sorted by owner, link or page, and time, so all of a link
//! lie together, and a texts' column of a property with few values takes a byte a click, or none.
//!
//! A column is: texts, the list of words that occur and a place in it for each click; links and pages, each once with the
//! place where its clicks end; numbers, eight bytes each, or one number for all. All numbers are little-endian. Reading is
//! total: any bytes give a column or nothing.
//!
//! What was visited is told by two flags, so that clicks of links, which were all that there was at first, are what they
//! were. The column of [parts](Column::PART) is left out where there are none, and one that is not there has none.

use std::{collections::HashMap, fmt::Debug};

use mask_core::{
    id::{BlockId, LinkId, PageId},
    question::{Dimension, Subject},
    token::Token,
    visit::Target,
    workspace::Owner,
};

use super::Fact;

/// A column, by the number under which it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Column(pub(super) u8);

impl Column {
    pub(super) const AT: Self = Self(0);
    /// Which link or page was visited.
    pub(super) const VISITED: Self = Self(1);
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
    /// Of a click on a block which one, of a scan which code.
    pub(super) const PART: Self = Self(19);

    /// How many numbers are set apart for the columns of a chunk.
    pub(super) const MOST: i64 = 32;
    /// All columns of a small chunk in one piece.
    pub(super) const ALL: Self = Self(31);

    /// Those that hold texts.
    pub(super) const OF_TEXTS: [Self; TEXTS] = [
        Self::CLASS,
        Self::REASON,
        Self::CHOICE,
        Self::SOURCE,
        Self::DEVICE,
        Self::OS,
        Self::BROWSER,
        Self::LANGUAGE,
        Self::REFERRER,
        Self::REFERRER_URL,
        Self::COUNTRY,
        Self::REGION,
        Self::CITY,
        Self::PART,
    ];

    /// Its place among those that hold texts.
    pub(super) fn place(self) -> Option<usize> {
        Self::OF_TEXTS.iter().position(|column| *column == self)
    }

    /// The column of what is told apart so; `None` for the link, the page and their properties.
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
            Dimension::Code | Dimension::Block => Self::PART,
            _ => return None,
        })
    }
}

/// How many columns hold texts.
pub(super) const TEXTS: usize = 14;

/// It counts.
pub(super) const IS_COUNTED: u8 = 1;
/// It was made by a program.
pub(super) const IS_BOT: u8 = 1 << 1;
/// It is its visitor's first of the day among the owner's of its kind.
pub(super) const IS_FIRST_OF_OWNER: u8 = 1 << 2;
/// It is its visitor's first of the day and its kind on this link or page.
pub(super) const IS_FIRST_OF_VISITED: u8 = 1 << 3;
/// It was a page that was visited.
pub(super) const IS_VIEW: u8 = 1 << 4;
/// It was a block of a page.
pub(super) const IS_OF_BLOCK: u8 = 1 << 5;
/// What tells the kinds of visits apart: neither is set for a link.
pub(super) const KIND: u8 = IS_VIEW | IS_OF_BLOCK;

/// The flags in [`KIND`] that visits have of which a question is about.
pub(super) const fn kind_of(subject: Subject) -> u8 {
    match subject {
        Subject::Clicks | Subject::Scans => 0,
        Subject::Views => IS_VIEW,
        Subject::BlockClicks => IS_OF_BLOCK,
    }
}

/// What was visited, by the number of the link or the page, these flags, and the part; `None` when they do not fit.
pub(super) fn target(visited: u128, flags: u8, part: Option<&str>) -> Option<Target> {
    Some(match flags & KIND {
        0 => Target::Link(LinkId::from_bits(visited)),
        IS_VIEW => Target::Page(PageId::from_bits(visited)),
        _ => Target::Block(PageId::from_bits(visited), BlockId::parse(part?).ok()?),
    })
}

/// The code that was scanned, by the same.
pub(super) fn code(flags: u8, part: Option<&str>) -> Option<Token> {
    part.filter(|_| flags & IS_OF_BLOCK == 0).and_then(|part| Token::parse(part).ok())
}

/// A click between facts and columns. Its texts stand in a [`Words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Click {
    pub(super) owner: i64,
    /// The number of the link or the page.
    pub(super) visited: u128,
    pub(super) at: i64,
    pub(super) visitor: i64,
    pub(super) flags: u8,
    /// Places in the list of words; 0 is none.
    pub(super) texts: [u32; TEXTS],
}

/// Words, each once.
#[derive(Debug)]
pub(super) struct Words {
    places: HashMap<String, u32, foldhash::fast::RandomState>,
    all: Vec<String>,
}

impl Words {
    pub(super) fn new() -> Self {
        Self { places: HashMap::default(), all: vec![String::new()] }
    }

    /// The place of a word, which is added where it is new; 0 for none.
    pub(super) fn place(&mut self, word: Option<&str>) -> u32 {
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
        let part = fact.part();
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
            part.as_deref(),
        ];
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let kind = match fact.target {
            Target::Link(_) => 0,
            Target::Page(_) => IS_VIEW,
            Target::Block(..) => IS_OF_BLOCK,
        };
        Click {
            owner: fact.owner.number(),
            visited: fact.target.bits(),
            at: fact.at.unix_millis(),
            visitor: fact.visitor,
            flags: flag(fact.is_counted, IS_COUNTED) | flag(fact.class != "person", IS_BOT) | kind,
            texts: texts.map(|text| self.place(text)),
        }
    }
}

/// Writes clicks as columns, chunk after chunk.
pub(super) struct Writer<'w> {
    words: &'w Words,
    /// A nought for each word of all, between one column and the next: a table by places takes a fraction of the time that one by
    /// keys does, and is made once for all chunks.
    codes: Vec<u16>,
}

impl<'w> Writer<'w> {
    pub(super) fn new(words: &'w Words) -> Self {
        Self { words, codes: vec![0; words.all.len()] }
    }

    /// The columns of these clicks, which are sorted.
    pub(super) fn write(&mut self, clicks: &[Click]) -> Vec<(Column, Vec<u8>)> {
        let mut columns = vec![
            (Column::AT, write_numbers(clicks.iter().map(|click| click.at))),
            (Column::VISITED, write_visited(clicks)),
            (Column::FLAGS, clicks.iter().map(|click| click.flags).collect()),
            (Column::VISITOR, write_numbers(clicks.iter().map(|click| click.visitor))),
            (Column::OWNER, write_numbers(clicks.iter().map(|click| click.owner))),
        ];
        for (place, column) in Column::OF_TEXTS.into_iter().enumerate() {
            let texts = clicks.iter().map(|click| click.texts[place]);
            if column != Column::PART || texts.clone().any(|text| text != 0) {
                columns.push((column, self.write_texts(texts)));
            }
        }
        columns
    }

    /// Texts: a width (0, 1 or 2 bytes), the number of words, the words, and each click's place among them (0 is none). Of more
    /// words than two bytes can name, those beyond are none: no chunk has as many clicks.
    fn write_texts(&mut self, places: impl Iterator<Item = u32> + Clone) -> Vec<u8> {
        let Self { words, codes } = self;
        let places = places.map(|place| place as usize);
        let mut listed = Vec::new();
        for place in places.clone().filter(|place| *place > 0) {
            if codes[place] == 0
                && let Ok(next) = u16::try_from(listed.len() + 1)
            {
                codes[place] = next;
                listed.push(place);
            }
        }
        let code = |place: usize| codes[place];
        let first = places.clone().next().map_or(0, code);
        let width: u8 = if places.clone().all(|place| code(place) == first) {
            0
        } else if listed.len() < 256 {
            1
        } else {
            2
        };
        let mut column = vec![width];
        column.extend(u16::try_from(listed.len()).unwrap_or(u16::MAX).to_le_bytes());
        for place in &listed {
            let word = words.all[*place].as_bytes();
            let word = &word[..word.len().min(usize::from(u16::MAX))];
            column.extend(u16::try_from(word.len()).unwrap_or(u16::MAX).to_le_bytes());
            column.extend(word);
        }
        if width == 0 {
            column.extend(first.to_le_bytes());
        }
        match width {
            0 => {}
            1 => column.extend(places.map(|place| code(place).to_le_bytes()[0])),
            _ => column.extend(places.flat_map(|place| code(place).to_le_bytes())),
        }
        for place in listed {
            codes[place] = 0;
        }
        column
    }
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

/// Links and pages: of each its id and the place where its clicks end.
fn write_visited(clicks: &[Click]) -> Vec<u8> {
    let mut column = Vec::new();
    for (place, click) in clicks.iter().enumerate() {
        if clicks.get(place + 1).is_none_or(|next| (next.owner, next.visited) != (click.owner, click.visited)) {
            column.extend(click.visited.to_le_bytes());
            column.extend(u32::try_from(place + 1).unwrap_or(u32::MAX).to_le_bytes());
        }
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

impl Click {
    pub(super) fn owner(&self) -> Owner {
        Owner::from_number(self.owner)
    }

    /// Takes away what could tell a visitor: his number, the page that he came from, and the minute. The quarter of an hour
    /// stays, as the days of every time zone begin with one. What was counted stays as it was.
    pub(super) fn forget_visitor(&mut self) {
        self.visitor = 0;
        self.at = quarter(self.at);
        if let Some(place) = Column::REFERRER_URL.place() {
            self.texts[place] = 0;
        }
    }
}

/// The days and hours of every time zone begin with a quarter of an hour.
pub(super) const QUARTER_MS: i64 = 900_000;

/// The beginning of the quarter of an hour, which is all that stays of a moment once its visitor is forgotten.
pub(super) const fn quarter(at: i64) -> i64 {
    at.div_euclid(QUARTER_MS) * QUARTER_MS
}
