//! Bio pages as people see them: the document, its looks, and what is sent with its forms.
//!
//! Here a [`BioPage`](mask_core::bio_page::BioPage) becomes bytes ([`render`]), and nothing here knows of requests: who asks,
//! what is counted and what is remembered is the redirect's (`redirect/bio.rs`), which holds the bytes in memory and serves
//! them like any short link.
//!
//! **What must stay true.** A page is complete without JavaScript, asks nobody else for anything before it is told to, and
//! has at most [`MOST_BYTES`] before pictures. What users typed is text, or harmless markup from [`markdown`]; addresses of
//! theirs are `https:`, `mailto:` and `tel:` and nothing else, which the core has seen to (within a text `http:` too).
//!
//! **What was rejected.** Rendering in the browser (nothing to see without a script, nothing to find for a search engine);
//! templates of users (a hostile one shares its address with the neighbours); a style file of its own (a second round trip
//! before the first paint, for visitors who see one page once).

mod assets;
mod blocks;
mod cards;
mod compose;
mod fonts;
pub mod form;
mod head;
mod icons;
mod leads;
mod markdown;
mod page;
pub mod preview;
pub mod reception;
pub(crate) mod sendings;
mod sitemap;
mod style;
mod theme;
mod words;

pub use assets::{card_address, picture_address, routes};
pub use cards::Cards;
pub use leads::leads;
pub use page::{Audience, MOST_BYTES, Rendered, Showing, render, weight};
pub use sitemap::Sitemaps;
