//! A letter of a few words: what happened, perhaps a link, and what to do about it.

use std::borrow::Cow;

use askama::Template;

use super::{letter::Letter, letters::render};

/// What it says.
pub(super) struct Words<'a> {
    pub(super) subject: Cow<'static, str>,
    pub(super) first: String,
    /// What the button says, and where it leads.
    pub(super) link: Option<(&'static str, &'a str)>,
    pub(super) last: &'static str,
}

#[derive(Template)]
#[template(path = "mail/words.txt")]
struct Text<'a> {
    words: &'a Words<'a>,
}

#[derive(Template)]
#[template(path = "mail/words.html")]
struct Html<'a> {
    words: &'a Words<'a>,
}

impl Words<'_> {
    /// As text, and as HTML.
    pub(super) fn written(&self) -> (String, String) {
        (render(&Text { words: self }), render(&Html { words: self }))
    }

    /// The letter that says so.
    pub(super) fn letter(&self) -> Letter {
        let (text, html) = self.written();
        Letter::new(&self.subject, text, html)
    }
}
