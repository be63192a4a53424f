//! Many words looked for at once, in one pass, without a copy on the heap.
//!
//! The redirect asks who is calling before it answers, so this runs for every click. A loop over a few hundred
//! words that searches the whole text for each costs microseconds; a regular-expression set of the same words
//! costs megabytes and a start-up. Here the compiler sorts the words of a table into buckets by their first three
//! bytes, and a search looks once at each position of the text. Eight kilobytes of flags say where no word can
//! start, which is nearly everywhere.
//!
//! What must stay true: **the earliest row of a table wins**, wherever in the text its word stands. So a table
//! reads from the most telling word to the least, and adding a word is adding one line in the right place.

/// How much of a user agent is read. Real ones are 20 to 400 bytes long; noise after that names nobody.
const READ_BYTES: usize = 512;

/// A power of two, a few times the number of rows of the largest table, so that a bucket rarely holds two words.
const BUCKETS: usize = 1024;

/// Eight times as many keys, so that a flag set for another word is rare: a wrong guess costs as much as ten lookups.
const KEYS: usize = BUCKETS * 8;

/// Positions that are looked at in one go: the bits of a `u64`.
const CHUNK: usize = 64;

/// How many bytes of a word are compared at once.
const HEAD_BYTES: usize = 8;

/// How many bytes of a word choose its bucket.
const KEY_BYTES: usize = 3;

/// The beginning of a header value in lower-case ASCII, on the stack. Other bytes stay as they are.
pub(super) struct Text {
    /// Zeros follow the text, so that eight bytes can be read from each of its positions.
    bytes: [u8; READ_BYTES + HEAD_BYTES],
    len: usize,
}

impl Text {
    pub(super) fn lower(value: &str) -> Self {
        let value = value.trim_ascii().as_bytes();
        let len = value.len().min(READ_BYTES);
        let mut bytes = [0; READ_BYTES + HEAD_BYTES];
        bytes[..len].copy_from_slice(&value[..len]);
        bytes[..len].make_ascii_lowercase();
        Self { bytes, len }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// What starts in this chunk, with what follows it far enough to read its last key.
    fn chunk(&self, at: usize) -> &[u8; CHUNK + KEY_BYTES] {
        self.bytes[at..].first_chunk().unwrap_or(&[0; CHUNK + KEY_BYTES])
    }

    /// The eight bytes that start here.
    fn head(&self, at: usize) -> u64 {
        let head = self.bytes[at..].first_chunk();
        head.map_or(0, |head| u64::from_le_bytes(*head))
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.bytes().windows(word.len()).any(|window| window == word.as_bytes())
    }
}

/// A word to look for, with marks that say where it may stand:
/// `^word` only at the start of the text, `<word` only where a word begins (no letter or digit before it),
/// `word>` only where a word ends (no letter after it).
#[derive(Clone, Copy)]
pub(super) struct Row<T: 'static> {
    /// The word without its marks, in lower case, three bytes or longer.
    pub(super) word: &'static str,
    pub(super) value: T,
    /// The first eight bytes of the word and which of them count: one comparison rules out most texts.
    head: u64,
    head_mask: u64,
    at_start: bool,
    at_word_start: bool,
    at_word_end: bool,
}

impl<T> Row<T> {
    /// Whether the word only counts at the start of the text.
    pub(super) const fn is_at_start(&self) -> bool {
        self.at_start
    }

    fn fits(&self, text: &Text, at: usize) -> bool {
        text.head(at) & self.head_mask == self.head && self.fits_wholly(text.bytes(), at)
    }

    fn fits_wholly(&self, text: &[u8], at: usize) -> bool {
        let end = at + self.word.len();
        text[at..].starts_with(self.word.as_bytes())
            && !(self.at_start && at > 0)
            && !(self.at_word_start && at > 0 && text[at - 1].is_ascii_alphanumeric())
            && !(self.at_word_end && end < text.len() && text[end].is_ascii_alphabetic())
    }
}

/// Reads a word with its marks into a row. Only for tables that the compiler builds: a fault in one does not compile.
pub(super) const fn row<T: Copy>(marked: &'static str, value: T) -> Row<T> {
    let bytes = marked.as_bytes();
    let at_start = bytes[0] == b'^';
    let at_word_start = bytes[0] == b'<';
    let at_word_end = bytes[bytes.len() - 1] == b'>';
    let (_, rest) = marked.split_at((at_start || at_word_start) as usize);
    let (word, _) = rest.split_at(rest.len() - at_word_end as usize);
    let (mut head, mut head_mask) = (0, 0);
    let mut i = 0;
    while i < word.len() {
        let byte = word.as_bytes()[i];
        assert!(!byte.is_ascii_uppercase(), "words of a table are in lower case");
        if i < HEAD_BYTES {
            head |= (byte as u64) << (8 * i);
            head_mask |= 0xFF << (8 * i);
        }
        i += 1;
    }
    assert!(word.len() >= KEY_BYTES, "a word of a table is at least as long as its key");
    Row { word, value, head, head_mask, at_start, at_word_start, at_word_end }
}

/// Rows and the buckets that find them.
pub(super) struct Table<T: 'static, const N: usize> {
    rows: [Row<T>; N],
    /// Whether some word starts with a key.
    starters: [bool; KEYS],
    /// Where in `order` each bucket starts; the next bucket's start is its end.
    starts: [u16; BUCKETS + 1],
    /// Row numbers by bucket, rising within each.
    order: [u16; N],
}

impl<T, const N: usize> Table<T, N> {
    /// Sorts rows into buckets. Meant for a `static`, where the compiler does the work.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a table has far fewer than 65,536 rows, and a test of N stands first"
    )]
    pub(super) const fn new(rows: [Row<T>; N]) -> Self {
        assert!(N < u16::MAX as usize, "row numbers are 16 bits wide");
        let mut starters = [false; KEYS];
        let mut starts = [0_u16; BUCKETS + 1];
        let mut i = 0;
        while i < N {
            let key = key_of(rows[i].word.as_bytes());
            starters[key] = true;
            starts[key / (KEYS / BUCKETS) + 1] += 1;
            i += 1;
        }
        let mut b = 0;
        while b < BUCKETS {
            starts[b + 1] += starts[b];
            b += 1;
        }
        let mut next = starts;
        let mut order = [0_u16; N];
        let mut i = 0;
        while i < N {
            let bucket = key_of(rows[i].word.as_bytes()) / (KEYS / BUCKETS);
            order[next[bucket] as usize] = i as u16;
            next[bucket] += 1;
            i += 1;
        }
        Self { rows, starters, starts, order }
    }

    /// The earliest row of the table whose word stands somewhere in the text.
    pub(super) fn first(&self, text: &Text) -> Option<&Row<T>> {
        let mut best = N;
        for chunk_start in (0..text.len).step_by(CHUNK) {
            let mut candidates = self.candidates(text.chunk(chunk_start));
            while candidates != 0 {
                let at = chunk_start + candidates.trailing_zeros() as usize;
                candidates &= candidates - 1;
                best = self.earlier_row(text, at, best);
            }
        }
        self.rows.get(best)
    }

    /// What the rows stand for, in their order.
    pub(super) fn values(&self) -> impl Iterator<Item = T>
    where
        T: Copy,
    {
        self.rows.iter().map(|row| row.value)
    }

    /// A bit for each position of a chunk where some word may start. Free of branches, which text as
    /// irregular as this would mispredict: looking and finding are two loops for that reason.
    /// Eight positions at once, so that the compiler lays them out in a row.
    fn candidates(&self, chunk: &[u8; CHUNK + KEY_BYTES]) -> u64 {
        let mut found = 0;
        for group in (0..CHUNK).step_by(8) {
            let mut eight = 0;
            for lane in 0..8 {
                let starts_word = self.starters[key_of(&chunk[group + lane..])];
                eight |= u64::from(starts_word) << lane;
            }
            found |= eight << group;
        }
        found
    }

    /// The earliest row whose word stands here, if it is earlier than the best so far.
    fn earlier_row(&self, text: &Text, at: usize, best: usize) -> usize {
        let bucket = key_of(&text.bytes[at..]) / (KEYS / BUCKETS);
        let (start, end) = (self.starts[bucket], self.starts[bucket + 1]);
        let rows = self.order[usize::from(start)..usize::from(end)].iter().map(|&row| usize::from(row));
        rows.take_while(|&row| row < best).find(|&row| self.rows[row].fits(text, at)).unwrap_or(best)
    }

    /// Words that never decide, as a looser word of an earlier row stands in each text that they stand in.
    #[cfg(test)]
    pub(super) fn unreachable_words(&self) -> Vec<String> {
        let hidden_by = |number: usize| {
            let word = self.rows[number].word.as_bytes();
            self.rows[..number].iter().find(|row| {
                let loose = !row.at_start && !row.at_word_start && !row.at_word_end;
                loose && (0..word.len()).any(|at| row.fits_wholly(word, at))
            })
        };
        let name = |number: usize| hidden_by(number).map(|by| format!("{} behind {}", self.rows[number].word, by.word));
        (0..N).filter_map(name).collect()
    }
}

/// The key of what starts with these three bytes. The factor spreads letters, which differ in few bits.
const fn key_of(text: &[u8]) -> usize {
    let bytes = u32::from_le_bytes([text[0], text[1], text[2], 0]);
    (bytes.wrapping_mul(0x9E37_79B1) >> (u32::BITS - KEYS.trailing_zeros())) as usize
}
