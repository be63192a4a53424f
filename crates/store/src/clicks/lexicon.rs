//! The words of a column with very many of them, such as the pages that visitors came from, each once for a whole run, or for
//! all clicks of one link in it.
//!
//! The words of a column are listed in each chunk anew. To find out which of them are the same takes longer than all the
//! counting, and comes to the same for every question. So it is done once, and held: after that a question adds numbers up,
//! and looks at each word of a run once.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use mask_core::question::Count;

use super::{
    chunk::{Coded, Codes},
    count::Marks,
    tally::unpacked,
};

/// Most words that are known by heart, of all runs together: some ten megabytes.
const MOST_WORDS: usize = 1 << 17;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    /// The first is none.
    words: Vec<Option<Arc<str>>>,
    chunks: Vec<OfChunk>,
}

/// What a chunk's clicks have in the column.
#[derive(Debug)]
enum OfChunk {
    /// Which of the run's words each of the chunk's own is, and which of these each click has.
    All { words: Box<[u32]>, codes: OfClicks },
    /// Which of the run's words each click has of those that lie together.
    Part(Box<[u32]>),
}

#[derive(Debug)]
enum OfClicks {
    All(u16),
    Bytes(Box<[u8]>),
    Pairs(Box<[[u8; 2]]>),
}

/// A lexicon that is being made, chunk after chunk.
#[derive(Debug)]
pub(super) struct Making {
    lexicon: Lexicon,
    places: HashMap<Arc<str>, u32, foldhash::fast::RandomState>,
    all: AllWords,
}

/// Words that runs have in common, each once as a rule: then they are told apart by where they lie. Where too many are known
/// it begins anew, and a word may lie in two places.
#[derive(Clone, Debug, Default)]
pub(super) struct AllWords(Arc<Mutex<HashSet<Arc<str>, foldhash::fast::RandomState>>>);

impl AllWords {
    pub(super) fn word(&self, word: &str) -> Arc<str> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get(word) {
            return Arc::clone(there);
        }
        if all.len() >= MOST_WORDS {
            all.clear();
        }
        let word: Arc<str> = word.into();
        all.insert(Arc::clone(&word));
        word
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The counts of words of several runs, by where the words lie; a word that lies in two places comes up twice.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Of clicks that have no word.
    pub(super) none: Count,
    pub(super) words: HashMap<usize, (Arc<str>, Count), foldhash::fast::RandomState>,
}

impl Counted {
    /// Adds what was counted of a run.
    pub(super) fn add(&mut self, lexicon: &Lexicon, counts: &Counts) {
        let counted = || lexicon.words.iter().zip(counts).filter(|(_, count)| **count > 0);
        if self.words.is_empty() {
            self.words.reserve(counted().count());
        }
        for (word, count) in counted() {
            match word {
                Some(word) => {
                    let there = self.words.entry(word.as_ptr().addr());
                    there.or_insert_with(|| (Arc::clone(word), Count::default())).1 += unpacked(*count);
                }
                None => self.none += unpacked(*count),
            }
        }
    }
}

/// What was counted of each word. Clicks are in the lower half of a number, visitors in the upper one.
pub(super) type Counts = Vec<u64>;

impl Making {
    pub(super) fn new(all: AllWords) -> Self {
        Self { lexicon: Lexicon { words: vec![None], chunks: Vec::new() }, places: HashMap::default(), all }
    }

    /// Takes in the next chunk; `None` when it cannot be read.
    pub(super) fn push(&mut self, texts: Coded<'_>) -> Option<()> {
        let words = texts.words.each().map(|word| match word {
            None => Some(0),
            Some(word) => self.place(std::str::from_utf8(word).ok()?),
        });
        let words = words.collect::<Option<_>>()?;
        let codes = match texts.codes {
            Codes::All(code) => OfClicks::All(code),
            Codes::Bytes(codes) => OfClicks::Bytes(codes.into()),
            Codes::Pairs(codes) => OfClicks::Pairs(codes.into()),
        };
        self.lexicon.chunks.push(OfChunk::All { words, codes });
        Some(())
    }

    /// Takes in some clicks of the next chunk, and of its words only those that these have.
    pub(super) fn push_part(&mut self, texts: Coded<'_>, places: Range<usize>) -> Option<()> {
        let mut is_there = vec![false; texts.words.len];
        places.clone().for_each(|place| is_there[texts.codes.at(place)] = true);
        let words = texts.words.each().zip(is_there).map(|(word, is_there)| match word.filter(|_| is_there) {
            None => Some(0),
            Some(word) => self.place(std::str::from_utf8(word).ok()?),
        });
        let words: Vec<u32> = words.collect::<Option<_>>()?;
        let of_clicks = places.map(|place| words[texts.codes.at(place)]).collect();
        self.lexicon.chunks.push(OfChunk::Part(of_clicks));
        Some(())
    }

    fn place(&mut self, word: &str) -> Option<u32> {
        if let Some(place) = self.places.get(word) {
            return Some(*place);
        }
        let place = u32::try_from(self.lexicon.words.len()).ok()?;
        let word = self.all.word(word);
        self.lexicon.words.push(Some(Arc::clone(&word)));
        self.places.insert(word, place);
        Some(place)
    }

    /// What there is so far.
    pub(super) fn so_far(&self) -> &Lexicon {
        &self.lexicon
    }

    pub(super) fn done(self) -> Lexicon {
        self.lexicon
    }
}

impl Lexicon {
    /// Adds the marked clicks of the chunk at this place of the run; `None` when there is no such chunk.
    pub(super) fn add(&self, counts: &mut Counts, chunk: usize, marks: &Marks) -> Option<()> {
        counts.resize(self.words.len(), 0);
        let mut add = |word: u32, count| counts.get_mut(usize::try_from(word).ok()?).map(|there| *there += count);
        match self.chunks.get(chunk)? {
            OfChunk::All { words, codes } => {
                let codes = match codes {
                    OfClicks::All(code) => Codes::All(*code),
                    OfClicks::Bytes(codes) => Codes::Bytes(codes),
                    OfClicks::Pairs(codes) => Codes::Pairs(codes),
                };
                words.iter().zip(marks.by_code(codes, words.len())).try_for_each(|(word, count)| add(*word, count))
            }
            OfChunk::Part(words) => marks.of_part(words).try_for_each(|(word, count)| add(*word, count)),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let of_word = |word: &Option<Arc<str>>| size_of::<Arc<str>>() + word.as_ref().map_or(0, |word| word.len() + 16);
        let of_chunk = |chunk: &OfChunk| {
            let (words, codes) = match chunk {
                OfChunk::All { words, codes: OfClicks::All(_) } | OfChunk::Part(words) => (words, 0),
                OfChunk::All { words, codes: OfClicks::Bytes(codes) } => (words, codes.len()),
                OfChunk::All { words, codes: OfClicks::Pairs(codes) } => (words, codes.len() * 2),
            };
            size_of::<OfChunk>() + words.len() * size_of::<u32>() + codes
        };
        self.words.iter().map(of_word).sum::<usize>() + self.chunks.iter().map(of_chunk).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        super::{
            chunk::Chunk,
            columns::{self, Click, Column, Words},
        },
        *,
    };

    /// A column of these words, one for each click.
    fn column(words: &[Option<&str>]) -> Vec<u8> {
        let mut all = Words::new();
        let place = Column::REFERRER_URL.place().expect("it holds texts");
        let click = |word: Option<&str>| {
            let mut click = Click { owner: 2, visited: 1, at: 0, visitor: 1, flags: 0, texts: [0; columns::TEXTS] };
            click.texts[place] = all.place(word);
            click
        };
        let clicks: Vec<_> = words.iter().copied().map(click).collect();
        let columns = columns::Writer::new(&all).write(&clicks);
        columns.into_iter().find(|(column, _)| *column == Column::REFERRER_URL).expect("it is written").1
    }

    fn count(run: &[Vec<Option<&str>>], all: &AllWords, counted: &mut Counted) {
        let mut making = Making::new(all.clone());
        let mut counts = Counts::new();
        for (place, words) in run.iter().enumerate() {
            let data = column(words);
            let chunk = Chunk::read(words.len(), std::iter::once((Column::REFERRER_URL, data.as_slice())));
            making.push(chunk.and_then(|chunk| chunk.coded(Column::REFERRER_URL)).expect("a column")).expect("words");
            let marks = Marks::of_all(words.len());
            making.so_far().add(&mut counts, place, &marks).expect("a chunk");
        }
        counted.add(&making.done(), &counts);
    }

    #[test]
    fn words_of_several_runs_are_the_same_wherever_they_lie() {
        let many: Vec<String> = (0..400).map(|number| format!("https://example.com/{number}")).collect();
        let many: Vec<Option<&str>> = many.iter().map(|word| Some(word.as_str())).collect();
        let run = [vec![Some("a"), None, Some("b"), Some("a")], vec![Some("a"), Some("a")], many];
        let (all, mut counted) = (AllWords::default(), Counted::default());
        count(&run, &all, &mut counted);
        count(&run, &all, &mut counted);
        assert_eq!(counted.words.len(), 402, "each lies in one place");
        all.clear();
        count(&run, &all, &mut counted);
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (word, count) in counted.words.values() {
            *sums.entry(word).or_default() += count.clicks;
        }
        assert_eq!([sums["a"], counted.none.clicks, sums["b"]], [12, 3, 3]);
        assert_eq!((sums.len(), sums["https://example.com/399"]), (402, 3));
    }
}
