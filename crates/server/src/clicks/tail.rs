//! What stands behind the texts of a record that is no plain click of a link: a byte of what is in it, then that.

use mask_core::{
    id::{BlockId, LinkId, PageId},
    token::Token,
    visit::Target,
};

use super::record::{Record, Source};

// What a tail has, in this order: the number of the code, the block, the session. What is visited is a page where the view or
// the block is set.
const FROM_PAGE: u8 = 1;
const CODE: u8 = 1 << 1;
const VIEW: u8 = 1 << 2;
const BLOCK: u8 = 1 << 3;
const SESSION: u8 = 1 << 4;
const KNOWN: u8 = FROM_PAGE | CODE | VIEW | BLOCK | SESSION;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    kinds: u8,
    pub(super) code: Option<u64>,
    block: Option<u128>,
    pub(super) session: Option<[u8; 32]>,
}

impl Tail {
    pub(super) fn of(record: &Record<'_>) -> Self {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let (visited, block) = match record.target {
            Target::Link(_) => (0, None),
            Target::Page(_) => (VIEW, None),
            Target::Block(_, block) => (BLOCK, Some(block.bits())),
        };
        let kinds = flag(record.source == Source::Bio, FROM_PAGE)
            | flag(record.code.is_some(), CODE)
            | flag(record.session.is_some(), SESSION)
            | visited;
        Self { kinds, code: record.code.map(Token::number), block, session: record.session.map(|session| session.0) }
    }

    /// Whether there is nothing to be written.
    pub(super) const fn is_empty(&self) -> bool {
        self.kinds == 0
    }

    /// Whether the visitor came from a page.
    pub(super) const fn is_from_page(&self) -> bool {
        self.kinds & FROM_PAGE != 0
    }

    pub(super) fn bytes(&self) -> usize {
        let session = (self.session.is_some(), 32);
        let each = [(self.kinds != 0, 1), (self.code.is_some(), 8), (self.block.is_some(), 16), session];
        each.into_iter().map(|(is_there, bytes)| if is_there { bytes } else { 0 }).sum()
    }

    /// Writes the tail into exactly [`bytes`](Self::bytes).
    pub(super) fn encode(&self, to: &mut [u8]) {
        let Some((kinds, rest)) = to.split_first_mut() else { return };
        *kinds = self.kinds;
        let (code, rest) = rest.split_at_mut(if self.code.is_some() { 8 } else { 0 });
        let (block, session) = rest.split_at_mut(if self.block.is_some() { 16 } else { 0 });
        if let (Some(number), Some(here)) = (self.code, code.first_chunk_mut()) {
            *here = number.to_le_bytes();
        }
        if let (Some(bits), Some(here)) = (self.block, block.first_chunk_mut()) {
            *here = bits.to_le_bytes();
        }
        if let (Some(hash), Some(here)) = (self.session, session.first_chunk_mut()) {
            *here = hash;
        }
    }

    /// Reads a tail, or that there is none.
    pub(super) fn decode(bytes: &[u8], is_there: bool) -> Option<Self> {
        if !is_there {
            return bytes.is_empty().then(Self::default);
        }
        let (kinds, mut rest) = bytes.split_first()?;
        let mut tail = Self { kinds: *kinds, ..Self::default() };
        if kinds & CODE != 0 {
            let (code, after) = rest.split_first_chunk()?;
            (tail.code, rest) = (Some(u64::from_le_bytes(*code)), after);
        }
        if kinds & BLOCK != 0 {
            let (block, after) = rest.split_first_chunk()?;
            (tail.block, rest) = (Some(u128::from_le_bytes(*block)), after);
        }
        if kinds & SESSION != 0 {
            let (session, after) = rest.split_first_chunk()?;
            (tail.session, rest) = (Some(*session), after);
        }
        (rest.is_empty() && kinds & !KNOWN == 0 && *kinds != 0).then_some(tail)
    }

    /// What was visited: with this number, which is a link's or a page's.
    pub(super) fn target(&self, id: u128) -> Target {
        match self.block {
            Some(block) => Target::Block(PageId::from_bits(id), BlockId::from_bits(block)),
            None if self.kinds & VIEW != 0 => Target::Page(PageId::from_bits(id)),
            None => Target::Link(LinkId::from_bits(id)),
        }
    }
}
