//! Reading columns: what [`columns`](super::columns) wrote, found again without a copy.

use std::ops::Range;

use super::columns::{Click, Column, TEXTS, Words};

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

    /// A column of texts, for counting: its words are not even looked at.
    pub(super) fn coded(&self, column: Column) -> Option<Coded<'b>> {
        let data = self.column(column);
        if data.is_none() && column == Column::PART {
            return Some(Coded { words: Listed { data: &[], len: 1 }, codes: Codes::All(0) });
        }
        let (width, rest) = data?.split_first()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (words, rest) = Listed::split(usize::from(u16::from_le_bytes(*count)) + 1, rest)?;
        let codes = match *width {
            0 => Codes::All(u16::from_le_bytes(*rest.first_chunk().filter(|_| rest.len() == 2)?)),
            1 if rest.len() == self.len => Codes::Bytes(rest),
            2 if rest.len() == self.len * 2 => Codes::Pairs(rest.as_chunks().0),
            _ => return None,
        };
        let is_sound = codes.most() < words.len;
        is_sound.then_some(Coded { words, codes })
    }

    /// A column of texts, for reading clicks one by one.
    pub(super) fn texts(&self, column: Column) -> Option<Texts<'b>> {
        let Coded { words, codes } = self.coded(column)?;
        let word = |word: Option<&'b [u8]>| word.map_or(Some(None), |word| std::str::from_utf8(word).ok().map(Some));
        Some(Texts { words: words.each().map(word).collect::<Option<_>>()?, codes })
    }

    /// The links and pages, each with the places of its clicks.
    pub(super) fn visited(&self) -> Option<Vec<(u128, Range<usize>)>> {
        let visited: Vec<_> = self.each_visited()?.collect::<Option<_>>()?;
        let end = visited.last().map_or(0, |(_, places)| places.end);
        (end == self.len).then_some(visited)
    }

    /// The same one by one; `None` where it cannot be read.
    fn each_visited(&self) -> Option<impl Iterator<Item = Option<(u128, Range<usize>)>>> {
        let (entries, odd) = self.column(Column::VISITED)?.as_chunks::<20>();
        let (mut begin, len) = (0, self.len);
        let read = move |entry: &[u8; 20]| {
            let (id, end) = entry.split_first_chunk()?;
            let end = usize::try_from(u32::from_le_bytes(*end.first_chunk()?)).ok()?;
            let places = std::mem::replace(&mut begin, end)..end;
            (places.start < end && end <= len).then(|| (u128::from_le_bytes(*id), places))
        };
        odd.is_empty().then(|| entries.iter().map(read))
    }

    /// Where the clicks of a link or a page lie; nowhere if it has none here.
    pub(super) fn places_of(&self, number: u128) -> Option<Range<usize>> {
        for visited in self.each_visited()? {
            let (is, places) = visited?;
            if is == number {
                return Some(places);
            }
        }
        Some(0..0)
    }

    /// The clicks with all their columns, their words added to a list.
    pub(super) fn clicks(&self, words: &mut Words) -> Option<Vec<Click>> {
        let (at, visitor, owner) =
            (self.numbers(Column::AT)?, self.numbers(Column::VISITOR)?, self.numbers(Column::OWNER)?);
        let flags = self.flags()?;
        let mut clicks = Vec::with_capacity(self.len);
        for (visited, places) in self.visited()? {
            for place in places {
                let (owner, at, visitor) = (owner.at(place), at.at(place), visitor.at(place));
                clicks.push(Click { owner, visited, at, visitor, flags: flags[place], texts: [0; TEXTS] });
            }
        }
        for (text, column) in Column::OF_TEXTS.into_iter().enumerate() {
            let texts = self.texts(column)?;
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

impl<'b> Numbers<'b> {
    /// The smallest, and how far each is above it, where four bytes say that.
    pub(super) fn narrow(self) -> Option<(i64, &'b [[u8; 4]])> {
        if let Above::Narrow(above) = self.above { Some((self.least, above)) } else { None }
    }

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

/// A column of texts as it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded<'b> {
    pub(super) words: Listed<'b>,
    pub(super) codes: Codes<'b>,
}

/// The words of a column: of each its length and itself. The first is none, and is not written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'b> {
    data: &'b [u8],
    /// How many there are, with the first.
    pub(super) len: usize,
}

impl<'b> Listed<'b> {
    /// So many words, and what comes after them.
    fn split(len: usize, data: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let mut rest = data;
        for _ in 1..len {
            rest = first_word(rest)?.1;
        }
        Some((Self { data: &data[..data.len() - rest.len()], len }, rest))
    }

    /// All of them, in the order of their codes.
    pub(super) fn each(self) -> impl Iterator<Item = Option<&'b [u8]>> {
        let mut rest = self.data;
        std::iter::once(None).chain(std::iter::from_fn(move || {
            let (word, after) = first_word(rest)?;
            rest = after;
            Some(Some(word))
        }))
    }
}

fn first_word(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = data.split_first_chunk()?;
    after.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// A column of texts, with its words.
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

impl Codes<'_> {
    /// That of a click.
    pub(super) fn at(self, place: usize) -> usize {
        match self {
            Self::All(code) => usize::from(code),
            Self::Bytes(codes) => codes.get(place).copied().map_or(0, usize::from),
            Self::Pairs(codes) => codes.get(place).map_or(0, |code| usize::from(u16::from_le_bytes(*code))),
        }
    }

    /// The largest that occurs.
    fn most(self) -> usize {
        match self {
            Self::All(code) => usize::from(code),
            Self::Bytes(codes) => codes.iter().copied().max().map_or(0, usize::from),
            Self::Pairs(codes) => codes.iter().map(|code| u16::from_le_bytes(*code)).max().map_or(0, usize::from),
        }
    }
}

impl<'b> Texts<'b> {
    /// The place of a click's word.
    pub(super) fn code(&self, place: usize) -> usize {
        self.codes.at(place)
    }

    /// A click's word.
    pub(super) fn word(&self, place: usize) -> Option<&'b str> {
        self.words[self.code(place)]
    }
}
