//! Events: what happened, as webhooks and streams tell of it.

use crate::{Refused, visit::Target};

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// What kind of thing happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum EventKind { $($(#[$doc])+ $name,)+ }

        impl EventKind {
            /// Every kind there is, in the order in which they are shown. A kind's place is what is stored: new ones come
            /// at the end.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As written in requests and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

kinds! {
    /// A link was made.
    LinkCreated = "link.created",
    /// Somebody followed a link.
    LinkClicked = "link.clicked",
    /// A link was changed.
    LinkUpdated = "link.updated",
    /// A link was deleted.
    LinkDeleted = "link.deleted",
    /// Somebody saw a bio page.
    PageViewed = "page.viewed",
    /// A bio page was published.
    PagePublished = "page.published",
    /// Somebody scanned a QR code.
    QrScanned = "qr.scanned",
    /// A domain was shown to belong to the workspace.
    DomainVerified = "domain.verified",
}

impl EventKind {
    /// Reads one kind.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            Refused::saying(format!("Unknown event {text:?}; the events are {}", known.join(", ")))
        })
    }

    /// What a visit is told as, that came this way: to a link by a printed code it is a scan. Of what a block leads to
    /// nobody is told: where that is a short link, the visit there is told.
    pub fn of_visit(target: Target, source: &str) -> Option<Self> {
        match target {
            Target::Link(_) if source == "qr" => Some(Self::QrScanned),
            Target::Link(_) => Some(Self::LinkClicked),
            Target::Page(_) => Some(Self::PageViewed),
            Target::Block(..) => None,
        }
    }

    /// The number that is stored.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|place| Self::ALL.get(place)).copied()
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventKinds(u32);

impl EventKinds {
    /// Exactly these.
    pub fn of(kinds: &[EventKind]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | 1 << kind.number()))
    }

    /// What a visit can be told as.
    pub fn of_visits() -> Self {
        Self::of(&[EventKind::LinkClicked, EventKind::QrScanned, EventKind::PageViewed])
    }

    /// The set with these bits; bits that stand for no kind are left out.
    pub fn from_bits(bits: i64) -> Self {
        let known = Self::of(EventKind::ALL).0;
        Self(u32::try_from(bits & i64::from(known)).unwrap_or_default())
    }

    /// A bit for each kind, as stored.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }

    /// Whether this kind is in the set.
    pub const fn has(self, kind: EventKind) -> bool {
        self.0 & (1 << kind.number()) != 0
    }

    /// Whether any kind is in both sets.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of the set, in the order of [`EventKind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(move |kind| self.has(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{BlockId, LinkId, PageId};

    #[test]
    fn every_kind_reads_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Ok(*kind));
            assert_eq!(EventKind::from_number(i64::from(kind.number())), Some(*kind));
        }
        assert!(EventKind::parse("link.flown").expect_err("no such event").to_string().contains("qr.scanned"));
        assert_eq!((EventKind::from_number(-1), EventKind::from_number(8)), (None, None));
    }

    #[test]
    fn visits_are_told_as_what_they_were() {
        let (link, page) = (Target::Link(LinkId::from_bits(1)), PageId::from_bits(2));
        let block = Target::Block(page, BlockId::from_bits(3));
        for (target, source, kind) in [
            (link, "qr", Some(EventKind::QrScanned)),
            (link, "link", Some(EventKind::LinkClicked)),
            (link, "bio", Some(EventKind::LinkClicked)),
            (Target::Page(page), "link", Some(EventKind::PageViewed)),
            (Target::Page(page), "qr", Some(EventKind::PageViewed)),
            (block, "link", None),
        ] {
            assert_eq!(EventKind::of_visit(target, source), kind, "{target:?} {source}");
        }
    }

    #[test]
    fn sets_read_back() {
        let some = EventKinds::of(&[EventKind::QrScanned, EventKind::LinkCreated]);
        assert_eq!(EventKinds::from_bits(some.bits()), some);
        assert_eq!(some.iter().collect::<Vec<_>>(), [EventKind::LinkCreated, EventKind::QrScanned]);
        assert_eq!(EventKinds::from_bits(-1), EventKinds::of(EventKind::ALL));
        assert!(EventKinds::default().is_empty());
    }
}
