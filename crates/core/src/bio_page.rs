//! A bio page: one address for all that somebody wants to be found with.
//!
//! It lives where links live, and has an address as they have. Its blocks are a list of its own, never shared, so a block's
//! position is its place in that list: there is no number beside it that could have gaps or be twice.

pub mod block;
pub mod language;
pub mod lead;
pub mod media;
pub mod price;
pub mod social;
pub mod theme;
pub mod words;

use crate::{
    Refused,
    id::{BlockId, PageId},
    picture::Picture,
    slug::Slug,
    time::Time,
};
use block::Block;
use language::Language;
use theme::Theme;

/// Most characters of a title.
pub const TITLE_CHARACTERS: usize = 100;
/// Most characters of a description.
pub const DESCRIPTION_CHARACTERS: usize = 500;
/// Most blocks of one page.
pub const MOST_BLOCKS: usize = 100;

/// A bio page.
#[derive(Clone, Debug, PartialEq)]
pub struct BioPage {
    /// Its id.
    pub id: PageId,
    /// The host that it lives on.
    pub domain: String,
    /// The path that it lives at.
    pub slug: Slug,
    /// What its owner sets.
    pub content: Content,
    /// When it was last published; `None` while it is a draft.
    pub published_at: Option<Time>,
    /// How often people saw it.
    pub views: i64,
    /// Counts its changes (views are none), from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When its owner last changed it.
    pub updated_at: Time,
}

/// What the owner of a page sets, beside where it lives and whether it is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Whose page it is, or what it is about.
    pub title: String,
    /// A few sentences below that.
    pub description: Option<String>,
    /// The picture above that.
    pub avatar: Option<Picture>,
    /// The language that it is in; `None` leaves it to its letters.
    pub language: Option<Language>,
    /// How it looks.
    pub theme: Theme,
    /// What it is made of, from top to bottom.
    pub blocks: Vec<Block>,
}

impl BioPage {
    /// Whether everybody may see it.
    pub const fn is_published(&self) -> bool {
        self.published_at.is_some()
    }

    /// The blocks that visitors see at this moment, from top to bottom.
    pub fn shown(&self, now: Time) -> impl Iterator<Item = &Block> {
        self.content.blocks.iter().filter(move |block| block.is_shown(now))
    }

    /// The first moment after this one at which visitors see other blocks.
    pub fn changes_at(&self, now: Time) -> Option<Time> {
        let visible = self.content.blocks.iter().filter(|block| block.is_visible);
        visible.flat_map(|block| [block.starts_at, block.ends_at]).flatten().filter(|moment| *moment > now).min()
    }

    /// A block by its id.
    pub fn block(&self, id: BlockId) -> Option<&Block> {
        self.content.blocks.iter().find(|block| block.id == id)
    }
}

impl Content {
    /// Puts the blocks in this order, which must have each of them once.
    pub fn order(&mut self, ids: &[BlockId]) -> Result<(), Refused> {
        let mut ordered = Vec::with_capacity(ids.len());
        for id in ids {
            let place = self.blocks.iter().position(|block| block.id == *id);
            ordered.extend(place.map(|place| self.blocks[place].clone()));
        }
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if ordered.len() != ids.len() || sorted.len() != ids.len() || ids.len() != self.blocks.len() {
            return Err(Refused::saying(format!(
                "Must have the ids of the page's blocks, which are {}, each of them once",
                self.blocks.len()
            )));
        }
        self.blocks = ordered;
        Ok(())
    }

    /// Every picture in it.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.avatar.iter().chain(self.blocks.iter().filter_map(|block| block.data.picture()))
    }
}

#[cfg(test)]
mod tests {
    use super::{block::Data, *};

    fn page(blocks: Vec<Block>) -> BioPage {
        let now = Time::from_unix_millis(0);
        BioPage {
            id: PageId::from_bits(1),
            domain: "go.example".to_owned(),
            slug: Slug::parse("ada-page").expect("a slug"),
            content: Content {
                title: "Ada".to_owned(),
                description: None,
                avatar: None,
                language: None,
                theme: Theme::default(),
                blocks,
            },
            published_at: None,
            views: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    fn block(id: u128, starts_at: Option<i64>, ends_at: Option<i64>) -> Block {
        let moment = |millis: Option<i64>| millis.map(Time::from_unix_millis);
        Block {
            id: BlockId::from_bits(id),
            data: Data::Header { text: id.to_string() },
            is_visible: true,
            starts_at: moment(starts_at),
            ends_at: moment(ends_at),
        }
    }

    #[test]
    fn an_order_has_every_block_once() {
        let mut content = page((1..=3).map(|id| block(id, None, None)).collect()).content;
        let ids = |ids: &[u128]| ids.iter().map(|id| BlockId::from_bits(*id)).collect::<Vec<_>>();
        for wrong in [&[1, 2][..], &[1, 2, 2], &[1, 2, 3, 3], &[1, 2, 4], &[1, 2, 3, 4], &[]] {
            let before = content.clone();
            assert!(content.order(&ids(wrong)).is_err(), "{wrong:?}");
            assert_eq!(content, before);
        }
        content.order(&ids(&[3, 1, 2])).expect("an order");
        assert_eq!(content.blocks.iter().map(|block| block.id).collect::<Vec<_>>(), ids(&[3, 1, 2]));
    }

    #[test]
    fn a_page_says_until_when_it_looks_as_it_does() {
        let hidden = Block { is_visible: false, ..block(4, Some(5), None) };
        let page = page(vec![block(1, None, None), block(2, Some(10), Some(20)), block(3, None, Some(30)), hidden]);
        for (now, shown, next) in [(0, 2, Some(10)), (10, 3, Some(20)), (20, 2, Some(30)), (30, 1, None)] {
            let now = Time::from_unix_millis(now);
            assert_eq!(page.shown(now).count(), shown);
            assert_eq!(page.changes_at(now), next.map(Time::from_unix_millis));
        }
    }
}
