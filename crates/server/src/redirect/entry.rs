//! What is held in memory of an address: a link ready to be followed, or the certainty that there is none.
//!
//! Nearly every link is plain: one destination for everybody, for ever. Of such a link only what the redirect and its
//! record need is kept, with the `Location` already put together; everything else stays in the store. Whatever makes a
//! link less plain hangs behind one pointer ([`Detail`]), so that it costs the plain ones eight bytes.

use std::{borrow::Cow, sync::Arc};

use hyper::{StatusCode, header::HeaderValue};
use mask_core::{
    destination::{Utm, WebUrl, compose},
    id::{LinkId, PageId},
    link::{Content, Link},
    time::Time,
    workspace::Owner,
};

use super::{bio::Page, limits::Used};

/// What the allocator adds to a shared value: two counts.
const COUNTS_BYTES: usize = 16;

/// What is known of an address.
#[derive(Debug)]
pub(super) enum Known {
    /// A link lives there.
    Link(Entry),
    /// A page that everybody may see lives there.
    Page(Box<Page>),
    /// A page lives there that is not published.
    Draft(Draft),
    /// A link lived there.
    Gone,
    /// Nothing ever did.
    Absent,
    /// The store could not say. Told to all who wait, and kept for nobody.
    Unavailable,
}

/// A page of which the world knows nothing yet.
#[derive(Debug)]
pub(super) struct Draft {
    // As bytes, for the reason that is given below.
    id: [u8; 16],
}

impl Draft {
    pub(super) fn of(page: PageId) -> Self {
        Self { id: page.bits().to_ne_bytes() }
    }

    pub(super) fn id(&self) -> PageId {
        PageId::from_bits(u128::from_ne_bytes(self.id))
    }
}

/// A link, ready to be followed.
#[derive(Debug)]
pub(super) struct Entry {
    // The id as bytes: as a number it would have to lie at a multiple of sixteen, and leave gaps.
    id: [u8; 16],
    owner: i64,
    /// Where `url` leads, with the link's own parameters set.
    pub(super) location: Box<str>,
    pub(super) status: StatusCode,
    weight: u32,
    /// `None` for a plain link.
    pub(super) detail: Option<Box<Detail>>,
}

/// What makes a link less than plain.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) link: Link,
    /// The clicks that count against the limit, where there is one.
    pub(super) used: Option<Arc<Used>>,
}

impl Known {
    /// Whether something may be posted here: a password, or the form of a page.
    pub(super) fn takes_posts(&self) -> bool {
        match self {
            Self::Page(_) => true,
            _ => self.has_password(),
        }
    }

    /// Whether it was made for a time that is over.
    pub(super) fn has_ended(&self, now: Time) -> bool {
        matches!(self, Self::Page(page) if page.has_ended(now))
    }

    /// Whether a password may be posted here.
    pub(super) fn has_password(&self) -> bool {
        match self {
            Self::Link(entry) => entry.detail.as_ref().is_some_and(|detail| detail.password_hash().is_some()),
            _ => false,
        }
    }

    /// The bytes behind the pointer to it, as estimated when it was made.
    pub(super) fn heap_bytes(&self) -> u64 {
        match self {
            Self::Link(entry) => u64::from(entry.weight),
            Self::Page(page) => (size_of::<Known>() + COUNTS_BYTES + page.bytes()) as u64,
            Self::Draft(_) => (size_of::<Known>() + COUNTS_BYTES) as u64,
            // One of each is shared by all.
            Self::Gone | Self::Absent | Self::Unavailable => 0,
        }
    }
}

impl Entry {
    /// A link as it is kept; `None` when its destination cannot stand in a header, which no stored link's can.
    pub(super) fn new(link: Link, owner: Owner, used: Option<Arc<Used>>) -> Option<Self> {
        let location = compose(link.content.url.as_str(), &link.content.utm, "").into_boxed_str();
        let location_bytes = location.len();
        HeaderValue::from_str(&location).ok()?;
        let mut entry = Self {
            id: link.id.bits().to_ne_bytes(),
            owner: owner.number(),
            status: StatusCode::from_u16(link.content.redirect_status.number()).unwrap_or(StatusCode::FOUND),
            location,
            weight: 0,
            detail: (!is_plain(&link.content)).then(|| Box::new(Detail { link: stripped(link), used })),
        };
        let own_bytes = size_of::<Known>() + COUNTS_BYTES + rounded(location_bytes);
        let detail_bytes = entry.detail.as_ref().map_or(0, |detail| detail.bytes());
        entry.weight = u32::try_from(own_bytes + detail_bytes).unwrap_or(u32::MAX);
        Some(entry)
    }

    pub(super) fn id(&self) -> LinkId {
        LinkId::from_bits(u128::from_ne_bytes(self.id))
    }

    pub(super) fn owner(&self) -> Owner {
        Owner::from_number(self.owner)
    }

    /// Where the link's own `url` leads a visitor with this query.
    pub(super) fn location_for(&self, query: &str) -> Cow<'_, str> {
        if query.is_empty() {
            return Cow::Borrowed(&self.location);
        }
        // Composed in two steps it is the same as in one: what the link sets is in the location already.
        Cow::Owned(compose(&self.location, &Utm::default(), query))
    }
}

impl Detail {
    pub(super) fn password_hash(&self) -> Option<&str> {
        self.link.content.password_hash.as_deref()
    }

    /// Whether the link has a limit that is reached.
    pub(super) fn is_used_up(&self) -> bool {
        self.limit().is_some_and(|(used, limit)| used.has_reached(limit))
    }

    /// The clicks that count, and how many there may be.
    pub(super) fn limit(&self) -> Option<(&Used, i64)> {
        Some((self.used.as_deref()?, self.link.content.click_limit?))
    }

    fn bytes(&self) -> usize {
        const EACH_TEXT: usize = 24;
        let Link { domain, slug, content, .. } = &self.link;
        let utm = content.utm.pairs().map(|(_, value)| rounded(value.len())).sum::<usize>();
        let urls = content.destinations().map(|url| rounded(url.as_str().len())).sum::<usize>();
        let targets = [&content.ios_target, &content.android_target];
        let targets = targets.into_iter().flatten().map(|target| rounded(target.as_str().len())).sum::<usize>();
        let conditions = content.rules.iter().map(|rule| {
            let when = &rule.when;
            let texts = when.country.len() + when.os.len() + when.browser.len() + when.language.len();
            size_of_val(rule) + texts * (EACH_TEXT + 16) + when.device.len() + when.schedule.as_ref().map_or(0, |_| 64)
        });
        let preview = content.preview.as_ref().map_or(0, |preview| {
            let texts = [
                preview.title.as_deref(),
                preview.description.as_deref(),
                preview.image_url.as_ref().map(WebUrl::as_str),
            ];
            texts.into_iter().flatten().map(|text| rounded(text.len())).sum()
        });
        let password = content.password_hash.as_ref().map_or(0, |hash| rounded(hash.len()));
        size_of::<Self>()
            + rounded(domain.len())
            + rounded(slug.as_str().len())
            + rounded(content.title.as_ref().map_or(0, String::len))
            + (utm + urls + targets + preview + password)
            + conditions.sum::<usize>()
            + size_of_val(content.variants.as_slice())
            + self.used.as_ref().map_or(0, |_| COUNTS_BYTES + size_of::<Used>())
    }
}

/// A composed address as a header's value. It is always one, as the core's tests show; should that ever be wrong, the
/// visitor stays where they are.
pub(super) fn header_value(address: &str) -> HeaderValue {
    HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("#"))
}

/// Whether there is one destination for everybody, for ever.
fn is_plain(content: &Content) -> bool {
    content.expires_at.is_none()
        && content.password_hash.is_none()
        && content.click_limit.is_none()
        && content.ios_target.is_none()
        && content.android_target.is_none()
        && content.rules.is_empty()
        && content.variants.is_empty()
        && content.preview.is_none()
}

/// Without what only its owner looks at.
fn stripped(mut link: Link) -> Link {
    link.content.tags = Vec::new();
    link.content.external_id = None;
    if link.content.preview.is_none() {
        link.content.title = None;
    }
    link
}

/// What an allocator hands out for so many bytes.
fn rounded(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mask_core::{slug::Slug, time::Time};

    pub(crate) const OWNER: Owner = Owner { workspace: 1, is_test: false };

    pub(crate) fn link(change: impl FnOnce(&mut Content)) -> Link {
        let mut content = Content::to(WebUrl::parse("https://example.com/some/where?to=go").expect("a url"));
        change(&mut content);
        let now = Time::from_unix_millis(0);
        Link {
            id: LinkId::from_bits(7),
            domain: "s.example".into(),
            slug: Slug::parse("AbCd").expect("a slug"),
            content,
            clicks: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn only_a_plain_link_is_plain() {
        let entry = |change: fn(&mut Content)| Entry::new(link(change), OWNER, None).expect("an entry");
        assert!(entry(|_| ()).detail.is_none());
        assert!(entry(|content| content.title = Some("A title".into())).detail.is_none());
        assert!(entry(|content| content.expired_url = WebUrl::parse("https://e.com").ok()).detail.is_none());
        assert!(entry(|content| content.click_limit = Some(1)).detail.is_some());
        assert!(entry(|content| content.expires_at = Some(Time::from_unix_millis(1))).detail.is_some());
        assert!(entry(|content| content.password_hash = Some("x".into())).detail.is_some());
    }

    proptest::proptest! {
        #[test]
        fn composing_in_two_steps_is_composing_in_one(
            rest in "[a-z%&=?#+0-9]{0,40}", source in proptest::option::of(".{0,10}"), query in "[a-z%&=#+0-9é]{1,30}",
        ) {
            let utm = Utm { source, ..Utm::default() };
            let link = link(|content| {
                content.url = WebUrl::parse(&format!("https://example.com/{rest}")).expect("a url");
                content.utm = utm.clone();
            });
            let once = compose(link.content.url.as_str(), &utm, &query);
            let entry = Entry::new(link, OWNER, None).expect("an entry");
            proptest::prop_assert_eq!(entry.location_for(&query), once);
        }
    }
}
