//! A visit: all that a decision about a redirect may depend on.

use crate::{
    id::{BlockId, LinkId, PageId},
    time::Time,
};

/// What was visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A short link.
    Link(LinkId),
    /// A bio page.
    Page(PageId),
    /// What a block of a bio page leads to.
    Block(PageId, BlockId),
}

impl Target {
    /// The number behind the id of the link or the page. No link's is a page's.
    pub const fn bits(self) -> u128 {
        match self {
            Self::Link(link) => link.bits(),
            Self::Page(page) | Self::Block(page, _) => page.bits(),
        }
    }

    /// The link, where it is one.
    pub const fn link(self) -> Option<LinkId> {
        match self {
            Self::Link(link) => Some(link),
            Self::Page(_) | Self::Block(..) => None,
        }
    }

    /// The page, also that of a block.
    pub const fn page(self) -> Option<PageId> {
        match self {
            Self::Link(_) => None,
            Self::Page(page) | Self::Block(page, _) => Some(page),
        }
    }

    /// The block, where it is one.
    pub const fn block(self) -> Option<BlockId> {
        match self {
            Self::Block(_, block) => Some(block),
            Self::Link(_) | Self::Page(_) => None,
        }
    }
}

/// One request for a short link, as far as the choice of a destination is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// When it came.
    pub now: Time,
    /// The `User-Agent` header, or nothing.
    pub user_agent: &'a str,
    /// The `Accept-Language` header, or nothing.
    pub accept_language: &'a str,
    /// Where it came from, ISO 3166-1 alpha-2 in upper case; `None` while unknown.
    pub country: Option<&'a str>,
    /// A number that stays the same for one visitor and one link, and is evenly spread over visitors.
    pub visitor: u64,
    /// Whether the visitor has shown that they know the link's password.
    pub is_unlocked: bool,
    /// Whether the link's clicks are used up.
    pub is_used_up: bool,
}
