//! Changes to a link: what a request asks to be different, and nothing else.
//!
//! Creating is changing a plain link, so the three ways to write one (create, patch, upsert) share this type.

use crate::{
    destination::{AppTarget, WebUrl},
    link::{Content, Preview, RedirectStatus, Tag, Variant},
    rule::Rule,
    slug::Slug,
    time::Time,
};

/// A value that a request sets or clears. Absent is `Option::None` around it.
pub type Set<T> = Option<Option<T>>;

/// What a request asks to change; `None` leaves a part as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The host.
    pub domain: Option<String>,
    /// The path.
    pub slug: Option<Slug>,
    /// The destination.
    pub url: Option<WebUrl>,
    /// See [`Content::title`].
    pub title: Set<String>,
    /// See [`Content::tags`].
    pub tags: Option<Vec<Tag>>,
    /// `utm_source`
    pub utm_source: Set<String>,
    /// `utm_medium`
    pub utm_medium: Set<String>,
    /// `utm_campaign`
    pub utm_campaign: Set<String>,
    /// `utm_term`
    pub utm_term: Set<String>,
    /// `utm_content`
    pub utm_content: Set<String>,
    /// See [`Content::expires_at`].
    pub expires_at: Set<Time>,
    /// See [`Content::ios_target`].
    pub ios_target: Set<AppTarget>,
    /// See [`Content::android_target`].
    pub android_target: Set<AppTarget>,
    /// See [`Content::password_hash`].
    pub password_hash: Set<String>,
    /// See [`Content::redirect_status`].
    pub redirect_status: Option<RedirectStatus>,
    /// See [`Content::click_limit`].
    pub click_limit: Set<i64>,
    /// See [`Content::expired_url`].
    pub expired_url: Set<WebUrl>,
    /// See [`Content::external_id`].
    pub external_id: Set<String>,
    /// See [`Content::is_archived`].
    pub is_archived: Option<bool>,
    /// See [`Content::rules`].
    pub rules: Option<Vec<Rule>>,
    /// See [`Content::variants`].
    pub variants: Option<Vec<Variant>>,
    /// See [`Content::preview`]. What is absent in it stays too (RFC 7396 §2).
    pub preview: Set<PreviewChange>,
}

/// What a request asks to change of a [`Preview`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewChange {
    /// See [`Preview::title`].
    pub title: Set<String>,
    /// See [`Preview::description`].
    pub description: Set<String>,
    /// See [`Preview::image_url`].
    pub image_url: Set<WebUrl>,
}

impl PreviewChange {
    fn apply(&self, preview: &mut Preview) {
        put(self.title.as_ref(), &mut preview.title);
        put(self.description.as_ref(), &mut preview.description);
        put(self.image_url.as_ref(), &mut preview.image_url);
    }
}

fn put<T: Clone>(new: Option<&T>, place: &mut T) {
    if let Some(new) = new {
        place.clone_from(new);
    }
}

impl Change {
    /// Makes the changes to what the owner sets; where the link lives is the store's to change.
    pub fn apply(&self, content: &mut Content) {
        put(self.url.as_ref(), &mut content.url);
        put(self.title.as_ref(), &mut content.title);
        put(self.tags.as_ref(), &mut content.tags);
        put(self.utm_source.as_ref(), &mut content.utm.source);
        put(self.utm_medium.as_ref(), &mut content.utm.medium);
        put(self.utm_campaign.as_ref(), &mut content.utm.campaign);
        put(self.utm_term.as_ref(), &mut content.utm.term);
        put(self.utm_content.as_ref(), &mut content.utm.content);
        put(self.expires_at.as_ref(), &mut content.expires_at);
        put(self.ios_target.as_ref(), &mut content.ios_target);
        put(self.android_target.as_ref(), &mut content.android_target);
        put(self.password_hash.as_ref(), &mut content.password_hash);
        put(self.redirect_status.as_ref(), &mut content.redirect_status);
        put(self.click_limit.as_ref(), &mut content.click_limit);
        put(self.expired_url.as_ref(), &mut content.expired_url);
        put(self.external_id.as_ref(), &mut content.external_id);
        put(self.is_archived.as_ref(), &mut content.is_archived);
        put(self.rules.as_ref(), &mut content.rules);
        put(self.variants.as_ref(), &mut content.variants);
        match &self.preview {
            None => {}
            Some(None) => content.preview = None,
            Some(Some(change)) => change.apply(content.preview.get_or_insert_default()),
        }
    }

    /// The content of a new link with these changes; `None` without a destination.
    pub fn content(&self) -> Option<Content> {
        let mut content = Content::to(self.url.clone()?);
        self.apply(&mut content);
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_stays_and_null_clears() {
        let url = WebUrl::parse("https://e.com").expect("a url");
        let mut content = Content { title: Some("old".into()), click_limit: Some(3), ..Content::to(url) };
        Change { title: Some(None), ..Change::default() }.apply(&mut content);
        assert_eq!((content.title, content.click_limit), (None, Some(3)));
        assert_eq!(Change::default().content(), None);
    }

    #[test]
    fn so_it_is_within_a_preview() {
        let mut content = Content::to(WebUrl::parse("https://e.com").expect("a url"));
        let mut apply = |preview| {
            Change { preview, ..Change::default() }.apply(&mut content);
            content.preview.clone().map(|preview| (preview.title, preview.description))
        };
        let text = |text: &str| Some(Some(text.to_owned()));
        let whole = PreviewChange { title: text("T"), description: text("D"), ..PreviewChange::default() };
        assert_eq!(apply(Some(Some(whole))), Some((Some("T".into()), Some("D".into()))));
        let another = PreviewChange { title: text("U"), ..PreviewChange::default() };
        assert_eq!(apply(Some(Some(another))), Some((Some("U".into()), Some("D".into()))));
        let cleared = PreviewChange { description: Some(None), ..PreviewChange::default() };
        assert_eq!(apply(Some(Some(cleared))), Some((Some("U".into()), None)));
        assert_eq!(apply(Some(None)), None);
    }
}
