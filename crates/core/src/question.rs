//! What statistics are asked, and what they answer. `Question → Answer` is all that stands between whoever asks (the API,
//! the dashboard) and whatever keeps the facts; both sides know nothing else of each other.
//!
//! A question carries no calendar: whoever asks says where each bucket of time begins (see [`crate::calendar`]), so every
//! store gives the same answer in every time zone. Counts add up: the buckets of a window and the groups of a dimension
//! (but for [tags](Dimension::Tag), of which a link may have several) sum to the total.

use crate::{
    Refused,
    id::{LinkId, PageId},
    time::Time,
    visit::Target,
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Every visit to a short link, scans of its codes too.
    Clicks,
    /// Visits to a short link or a bio page by way of a printed code.
    Scans,
    /// Visits to a bio page.
    Views,
    /// Visits to what a block of a bio page leads to.
    BlockClicks,
}

impl Subject {
    /// Whether it is about links, and not about pages.
    pub const fn is_of_links(self) -> bool {
        matches!(self, Self::Clicks | Self::Scans)
    }

    /// By what visits of this kind can be told apart, in the order of [`Dimension::ALL`].
    pub fn dimensions(self) -> impl Iterator<Item = Dimension> {
        Dimension::ALL.into_iter().filter(move |dimension| dimension.is_of(self))
    }
}

/// What facts can be told apart by, under the names of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named as in the API, and `Dimension::describe` says what it is")]
pub enum Dimension {
    Country,
    Region,
    City,
    Device,
    Browser,
    Os,
    Language,
    Referrer,
    ReferrerUrl,
    Source,
    Variant,
    Bot,
    Link,
    Domain,
    Tag,
    Campaign,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmTerm,
    UtmContent,
    Code,
    Page,
    Block,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Country,
        Self::Region,
        Self::City,
        Self::Device,
        Self::Browser,
        Self::Os,
        Self::Language,
        Self::Referrer,
        Self::ReferrerUrl,
        Self::Source,
        Self::Variant,
        Self::Bot,
        Self::Link,
        Self::Domain,
        Self::Tag,
        Self::Campaign,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
        Self::UtmTerm,
        Self::UtmContent,
        Self::Code,
        Self::Page,
        Self::Block,
    ];

    /// The name in the API: `country`, `referrer_url`, `utm_source`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::Device => "device",
            Self::Browser => "browser",
            Self::Os => "os",
            Self::Language => "language",
            Self::Referrer => "referrer",
            Self::ReferrerUrl => "referrer_url",
            Self::Source => "source",
            Self::Variant => "variant",
            Self::Bot => "bot",
            Self::Link => "link",
            Self::Domain => "domain",
            Self::Tag => "tag",
            Self::Campaign => "campaign",
            Self::UtmSource => "utm_source",
            Self::UtmMedium => "utm_medium",
            Self::UtmCampaign => "utm_campaign",
            Self::UtmTerm => "utm_term",
            Self::UtmContent => "utm_content",
            Self::Code => "code",
            Self::Page => "page",
            Self::Block => "block",
        }
    }

    /// The dimension of this name.
    pub fn parse(name: &str) -> Result<Self, Refused> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == name).ok_or(Refused::because("Unknown dimension"))
    }

    /// What stands where a fact has no value: `direct` for a referrer, `unknown` for what could not be told, `none` for
    /// what the link does not have.
    pub const fn absent(self) -> &'static str {
        match self {
            Self::Referrer | Self::ReferrerUrl => "direct",
            Self::Tag
            | Self::Campaign
            | Self::UtmSource
            | Self::UtmMedium
            | Self::UtmCampaign
            | Self::UtmTerm
            | Self::UtmContent => "none",
            _ => "unknown",
        }
    }

    /// Whether visits of this kind have it: pages have no tags, and only a scan has a code.
    pub const fn is_of(self, subject: Subject) -> bool {
        match self {
            Self::Code => matches!(subject, Subject::Scans),
            Self::Page => !subject.is_of_links(),
            Self::Block => matches!(subject, Subject::BlockClicks),
            Self::Variant
            | Self::Link
            | Self::Tag
            | Self::Campaign
            | Self::UtmSource
            | Self::UtmMedium
            | Self::UtmCampaign
            | Self::UtmTerm
            | Self::UtmContent => subject.is_of_links(),
            _ => true,
        }
    }

    /// Whether it is a property of the link or the page, as it is now, and not of the visit.
    pub const fn is_of_link(self) -> bool {
        matches!(
            self,
            Self::Domain
                | Self::Tag
                | Self::Campaign
                | Self::UtmSource
                | Self::UtmMedium
                | Self::UtmCampaign
                | Self::UtmTerm
                | Self::UtmContent
        )
    }
}

/// Whose visits are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bots {
    /// People's.
    #[default]
    Without,
    /// Everybody's.
    With,
    /// Those of programs.
    Only,
}

/// A span of time: from a moment up to, but without, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Time,
    /// The first moment after.
    pub to: Time,
}

/// A fact must have this value (or [none](Dimension::absent)) in this dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Of what.
    pub dimension: Dimension,
    /// The value, written as answers write it.
    pub value: String,
}

/// How counts are divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// By time: each bucket begins where this says and ends where the next begins, the last one with the window. What lies
    /// before the first counts in the total alone. Ascending.
    Buckets(Vec<Time>),
    /// By hour of the day, 0 to 23: from each moment on, local time is ahead of UTC by so many seconds. Ascending; the
    /// first lies at or before the window's beginning.
    HourOfDay(Vec<(Time, i32)>),
    /// By a dimension: this many values, those with most clicks first.
    Values(Dimension, usize),
}

/// A question to the statistics of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is counted.
    pub subject: Subject,
    /// When.
    pub window: Window,
    /// Of this link, this page or this block alone.
    pub of: Option<Target>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Whose.
    pub bots: Bots,
    /// Divided how.
    pub group: Group,
}

impl Question {
    /// The same question, about one link or one page alone where a condition names it: it is asked in two ways, and answered in
    /// one.
    #[must_use]
    pub fn about_one(mut self) -> Self {
        if self.of.is_none() {
            let named =
                self.conditions.iter().enumerate().find_map(|(place, condition)| Some((place, condition.target()?)));
            if let Some((place, target)) = named {
                self.conditions.remove(place);
                self.of = Some(target);
            }
        }
        self
    }
}

impl Condition {
    /// The link or the page that it names.
    fn target(&self) -> Option<Target> {
        match self.dimension {
            Dimension::Link => LinkId::parse(&self.value).ok().map(Target::Link),
            Dimension::Page => PageId::parse(&self.value).ok().map(Target::Page),
            _ => None,
        }
    }
}

/// A count of visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Visits.
    pub clicks: u64,
    /// Of these, the first by their visitor on that day (UTC): of the owner's links, or of the one link asked about, however
    /// it is named. Views, and clicks on blocks, have firsts of their own, of the owner's pages or of the one asked about. So
    /// visitors add up over any grouping, and never exceed clicks.
    pub visitors: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, more: Self) {
        self.clicks += more.clicks;
        self.visitors += more.visitors;
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// A row for each bucket, each hour of the day, or each value.
    pub rows: Rows,
    /// Of the whole window, whatever the rows show.
    pub total: Count,
}

/// The rows of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// As many as the question named, or 24, zeros too.
    Counts(Vec<Count>),
    /// Values with their counts, most clicks first, the same number of clicks in the order of their text.
    Values(Vec<(String, Count)>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_one_however_it_is_named() {
        let [one, other] = [1, 2].map(LinkId::from_bits);
        let page = PageId::from_bits(3);
        let is = |dimension, value: &str| Condition { dimension, value: value.to_owned() };
        let (by_id, by_other) = (is(Dimension::Link, &one.to_string()), is(Dimension::Link, &other.to_string()));
        let nowhere = is(Dimension::Country, "unknown");
        let nothing = is(Dimension::Link, "unknown");
        for (of, conditions, about, left) in [
            (None, vec![nowhere.clone(), by_id.clone()], Some(Target::Link(one)), vec![nowhere.clone()]),
            (None, vec![is(Dimension::Page, &page.to_string())], Some(Target::Page(page)), vec![]),
            (Some(Target::Link(one)), vec![by_other.clone()], Some(Target::Link(one)), vec![by_other.clone()]),
            (None, vec![by_id, by_other.clone()], Some(Target::Link(one)), vec![by_other]),
            (None, vec![nothing.clone()], None, vec![nothing]),
            (None, vec![nowhere.clone()], None, vec![nowhere]),
        ] {
            let window = Window { from: Time::from_unix_millis(0), to: Time::from_unix_millis(1) };
            let group = Group::Buckets(Vec::new());
            let question = Question { subject: Subject::Clicks, window, of, conditions, bots: Bots::Without, group };
            let wanted = Question { of: about, conditions: left, ..question.clone() };
            assert_eq!(question.about_one(), wanted);
        }
    }

    #[test]
    fn each_kind_of_visit_has_dimensions_of_its_own() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.as_str()), Ok(dimension));
        }
        assert!(Dimension::parse("Page").is_err());
        let has = |subject: Subject, name| subject.dimensions().any(|dimension| dimension.as_str() == name);
        for (name, of) in [
            ("country", [true, true, true, true]),
            ("domain", [true, true, true, true]),
            ("tag", [true, true, false, false]),
            ("link", [true, true, false, false]),
            ("variant", [true, true, false, false]),
            ("code", [false, true, false, false]),
            ("page", [false, false, true, true]),
            ("block", [false, false, false, true]),
        ] {
            let subjects = [Subject::Clicks, Subject::Scans, Subject::Views, Subject::BlockClicks];
            assert_eq!(subjects.map(|subject| has(subject, name)), of, "{name}");
        }
    }
}
