//! Where a button of a page leads: onto the web, to a mailbox, or to a telephone.

use super::social::{mailto, tel};
use crate::{Refused, destination::WebUrl};

/// An address that a button may lead to: `https:`, or `mailto:` or `tel:` with one address and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead(String);

impl Lead {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if begins("mailto:") {
            mailto(text).map(Self)
        } else if begins("tel:") {
            tel(text).map(Self)
        } else {
            WebUrl::parse(text).map(|url| Self(url.as_str().to_owned()))
        }
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<WebUrl> for Lead {
    fn from(url: WebUrl) -> Self {
        Self(url.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_a_mailbox_or_a_telephone() {
        for (text, fits) in [
            ("https://example.com/a?b#c", true),
            ("mailto:ada@example.com", true),
            ("tel:+44-20-7946-0000", true),
            ("http://example.com", false),
            ("javascript:alert(1)", false),
            ("mailto:ada@example.com?bcc=x@example.com", false),
            ("mailto:ada@example.com,eve@example.com", false),
            ("mailto:ada@example.com%0d%0abcc:x@example.com", false),
            ("MAILTO:ada@example.com", false),
            ("mailto:", false),
            ("tel:", false),
            ("tel:*#06#", false),
            ("tel:+44;ext=1", false),
            ("tel:javascript:alert(1)", false),
            ("sms:+442079460000", false),
            ("", false),
        ] {
            assert_eq!(Lead::parse(text).is_ok(), fits, "{text}");
        }
    }
}
