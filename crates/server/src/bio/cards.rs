//! The cards of pages: the pictures that stand for them where their addresses are passed on.
//!
//! A card is drawn when somebody first asks for it, which is mostly the program of a messenger, once for each change of the
//! page. Drawing one takes tens of milliseconds of a core, so it is done in a workshop, and once for all who ask at the same
//! moment. What was drawn stays in a small memory; it can be drawn again at any time.

use bytes::Bytes;
use mask_core::{
    bio_page::{BioPage, theme::Look},
    id::PageId,
};
use mask_picture::card::{Background, Card, Undrawn};
use quick_cache::{Weighter, sync::Cache};

use crate::pictures::workshop::{Swamped, Workshop};

/// Cards that are drawn at once, and those that wait for it.
const AT_ONCE: (usize, usize) = (2, 64);
/// Cards that are kept, and the bytes that they may take together.
const KEPT: usize = 256;
const KEPT_BYTES: u64 = 16 << 20;

/// Draws the cards, and keeps those that were drawn last.
pub struct Cards {
    drawn: Cache<(PageId, i64), Bytes, Size>,
    workshop: Workshop,
}

/// Why there is no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unmade {
    /// It cannot be drawn.
    #[error("a card cannot be drawn")]
    Undrawn(#[from] Undrawn),
    /// There is too much to draw.
    #[error(transparent)]
    Swamped(#[from] Swamped),
}

#[derive(Clone)]
struct Size;

impl Weighter<(PageId, i64), Bytes> for Size {
    fn weight(&self, _: &(PageId, i64), card: &Bytes) -> u64 {
        card.len() as u64 + 128
    }
}

impl Default for Cards {
    fn default() -> Self {
        Self { drawn: Cache::with_weighter(KEPT, KEPT_BYTES, Size), workshop: Workshop::with(AT_ONCE.0, AT_ONCE.1) }
    }
}

impl Cards {
    /// The card of a page as it is. `address` is the page's; `avatar` is asked only for a card that is not there yet.
    pub(super) async fn of(
        &self,
        page: BioPage,
        address: String,
        avatar: impl Future<Output = Option<Bytes>>,
    ) -> Result<Bytes, Unmade> {
        let guard = match self.drawn.get_value_or_guard_async(&(page.id, page.version)).await {
            Ok(card) => return Ok(card),
            Err(guard) => guard,
        };
        let avatar = avatar.await;
        let drawing = self.workshop.work(move || draw(&page, &address, avatar.as_deref()));
        let card = Bytes::from(drawing.await??);
        let _ = guard.insert(card.clone());
        Ok(card)
    }
}

fn draw(page: &BioPage, address: &str, avatar: Option<&[u8]>) -> Result<Vec<u8>, Undrawn> {
    let Look { background, gradient, text, button, .. } = page.content.theme.look();
    let plain_address = address.split_once("://").map_or(address, |(_, rest)| rest);
    mask_picture::card::card(&Card {
        title: &page.content.title,
        description: page.content.description.as_deref().unwrap_or_default(),
        address: plain_address,
        avatar,
        background: gradient.map_or(Background::Plain(background), |ends| Background::Gradient(ends.from, ends.to)),
        foreground: text,
        accent: button,
    })
}
