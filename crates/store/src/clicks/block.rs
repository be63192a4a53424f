//! Blocks: recorded clicks, a batch of them to a row.
//!
//! A row for each click, with an index to find it by, cost several times as much as the redirect itself. A block is
//! written once and read in order, and whoever asks about a link reads the blocks of a span of time. Each fact has the
//! same width; texts, of which a batch has few different ones, stand once in the block's list of words.
//!
//! Layout, little-endian: version (1 byte), number of words (2), each word (length 2, bytes), then the facts: time (8),
//! owner (8), link (16), visitor (8), counted (1), and the places of eight words (2 each; 0 is no word).

use mask_core::{id::LinkId, time::Time, workspace::Owner};

use super::Fact;

const VERSION: u8 = 1;
const WORDS_PER_FACT: usize = 8;
const FACT_BYTES: usize = 8 + 8 + 16 + 8 + 1 + 2 * WORDS_PER_FACT;

/// A click as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded<'b> {
    /// When.
    pub at: Time,
    /// Whose link.
    pub owner: Owner,
    /// Which link.
    pub link: LinkId,
    /// Stands for the visitor for a day.
    pub visitor: i64,
    /// Whether it counts.
    pub is_counted: bool,
    /// Class, reason, choice, device, system, browser, language, referrer.
    pub words: [Option<&'b str>; WORDS_PER_FACT],
}

impl<'b> Recorded<'b> {
    /// What kind of client it was.
    pub(super) fn class(&self) -> &'b str {
        self.words[0].unwrap_or("unknown")
    }
}

/// The words of a block, each once.
#[derive(Default)]
struct Words<'f> {
    places: std::collections::HashMap<&'f str, u16>,
    all: Vec<&'f str>,
}

impl<'f> Words<'f> {
    /// The place of a word; 0 for none, and for words beyond what a block can name.
    fn place(&mut self, word: Option<&'f str>) -> u16 {
        let Some(word) = word else { return 0 };
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let Ok(place) = u16::try_from(self.all.len() + 1) else { return 0 };
        self.all.push(word);
        self.places.insert(word, place);
        place
    }
}

/// The block of these facts.
pub(super) fn write(facts: &[Fact]) -> Vec<u8> {
    let mut words = Words::default();
    let mut body = Vec::with_capacity(facts.len() * FACT_BYTES);
    for fact in facts {
        body.extend(fact.at.unix_millis().to_le_bytes());
        body.extend(fact.owner.number().to_le_bytes());
        body.extend(fact.link.bits().to_le_bytes());
        body.extend(fact.visitor.to_le_bytes());
        body.push(u8::from(fact.is_counted));
        let texts = [
            Some(fact.class),
            Some(fact.reason),
            Some(fact.choice.as_str()),
            Some(fact.device),
            Some(fact.os),
            Some(fact.browser),
            fact.language.as_deref(),
            fact.referrer.as_deref(),
        ];
        for text in texts {
            body.extend(words.place(text).to_le_bytes());
        }
    }
    let mut block = vec![VERSION];
    block.extend(u16::try_from(words.all.len()).unwrap_or(u16::MAX).to_le_bytes());
    for word in words.all {
        // No text of a fact is longer than a header line.
        let word = &word.as_bytes()[..word.len().min(usize::from(u16::MAX))];
        block.extend(u16::try_from(word.len()).unwrap_or(u16::MAX).to_le_bytes());
        block.extend(word);
    }
    block.extend(body);
    block
}

/// The facts of a block; `None` where it is none.
pub(super) fn read(block: &[u8]) -> Option<Vec<Recorded<'_>>> {
    let (version, rest) = block.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut words = Vec::new();
    for _ in 0..u16::from_le_bytes(*count) {
        let (length, after) = rest.split_first_chunk()?;
        let (word, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        words.push(std::str::from_utf8(word).ok()?);
        rest = after;
    }
    let facts = rest.chunks_exact(FACT_BYTES);
    if !facts.remainder().is_empty() {
        return None;
    }
    facts.map(|fact| read_fact(fact, &words)).collect()
}

fn read_fact<'b>(fact: &[u8], words: &[&'b str]) -> Option<Recorded<'b>> {
    let (at, fact) = fact.split_first_chunk()?;
    let (owner, fact) = fact.split_first_chunk()?;
    let (link, fact) = fact.split_first_chunk()?;
    let (visitor, fact) = fact.split_first_chunk()?;
    let (is_counted, fact) = fact.split_first()?;
    let mut texts = [None; WORDS_PER_FACT];
    for (text, place) in texts.iter_mut().zip(fact.chunks_exact(2)) {
        let place = usize::from(u16::from_le_bytes([place[0], place[1]]));
        if let Some(place) = place.checked_sub(1) {
            *text = Some(*words.get(place)?);
        }
    }
    Some(Recorded {
        at: Time::from_unix_millis(i64::from_le_bytes(*at)),
        owner: Owner::from_number(i64::from_le_bytes(*owner)),
        link: LinkId::from_bits(u128::from_le_bytes(*link)),
        visitor: i64::from_le_bytes(*visitor),
        is_counted: *is_counted == 1,
        words: texts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(number: i64) -> Fact {
        Fact {
            at: Time::from_unix_millis(1_700_000_000_000 + number),
            owner: Owner { workspace: number % 3, is_test: number % 2 == 0 },
            link: LinkId::from_bits(u128::MAX - u128::from(number.unsigned_abs())),
            is_counted: number % 5 != 0,
            class: if number % 5 == 0 { "crawler" } else { "person" },
            reason: "browser",
            choice: format!("variant:{}", number % 4),
            device: "mobile",
            os: "iOS",
            browser: "Safari",
            language: (number % 2 == 0).then(|| "de-AT".to_owned()),
            referrer: (number % 7 == 0).then(|| format!("{number}.example.com")),
            visitor: -number,
        }
    }

    #[test]
    fn blocks_read_back() {
        let facts: Vec<_> = (0..1000).map(fact).collect();
        let block = write(&facts);
        let read = read(&block).expect("a block");
        assert_eq!(read.len(), facts.len());
        for (read, fact) in read.iter().zip(&facts) {
            assert_eq!(
                (read.at, read.owner, read.link, read.visitor, read.is_counted),
                (fact.at, fact.owner, fact.link, fact.visitor, fact.is_counted)
            );
            assert_eq!(read.words[0..3], [Some(fact.class), Some(fact.reason), Some(fact.choice.as_str())]);
            assert_eq!(read.words[6..], [fact.language.as_deref(), fact.referrer.as_deref()]);
        }
        assert_eq!(super::read(&write(&[])), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_block_is_refused_and_never_panics() {
        let block = write(&(0..20).map(fact).collect::<Vec<_>>());
        for end in 0..block.len() {
            if let Some(facts) = read(&block[..end]) {
                assert!(facts.len() < 20);
            }
        }
        for place in 0..block.len() {
            let mut broken = block.clone();
            broken[place] ^= 0xff;
            let _ = read(&broken);
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[2, 0, 0]), None);
    }
}
