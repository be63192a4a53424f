//! Cursors: where a page of a list ended.
//!
//! A cursor is the key of the last row, as unpadded base64url of a JSON object: `{"id":"lnk_…"}`, and where the list is
//! sorted by something else than creation, that value too: `{"id":"lnk_…","clicks":42}`. Only the exact text that we
//! would write is read back, so there is one spelling of each and nothing to guess about the rest.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::Refused;

/// The key of the last row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's id: prefix, underscore and letters.
    pub id: String,
    /// The value that the list is sorted by before the id, under its field's name.
    pub sort: Option<(String, i64)>,
}

const LONGEST: usize = 256;

impl Cursor {
    /// The cursor's text.
    pub fn encode(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.json())
    }

    /// Reads a cursor that [`Cursor::encode`] wrote; anything else is refused.
    pub fn decode(text: &str) -> Result<Self, Refused> {
        Self::read(text)
            .filter(|cursor| cursor.encode() == text)
            .ok_or(Refused::because("Must be a cursor from a previous page of this list"))
    }

    fn json(&self) -> String {
        match &self.sort {
            None => format!("{{\"id\":\"{}\"}}", self.id),
            Some((field, value)) => format!("{{\"id\":\"{}\",\"{field}\":{value}}}", self.id),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let json = (text.len() <= LONGEST).then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())??;
        let json = String::from_utf8(json).ok()?;
        let (id, rest) = json.strip_prefix("{\"id\":\"")?.split_once('"')?;
        let sort = if rest == "}" {
            None
        } else {
            let (field, value) = rest.strip_prefix(",\"")?.strip_suffix('}')?.split_once("\":")?;
            Some((is_word(field).then(|| field.to_owned())?, value.parse().ok()?))
        };
        Some(Self { id: is_word(id).then(|| id.to_owned())?, sort })
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example() {
        let cursor = Cursor { id: "lnk_def456".into(), sort: None };
        assert_eq!(cursor.encode(), "eyJpZCI6Imxua19kZWY0NTYifQ");
        assert_eq!(Cursor::decode("eyJpZCI6Imxua19kZWY0NTYifQ"), Ok(cursor));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for text in [
            "",
            "e30",
            "eyJpZCI6Imxua19kZWY0NTYifQ==",
            "eyJpZCI6Imxua19kZWY0NTYifR",
            "not a cursor",
            "é",
            &"A".repeat(10_000),
            &BASE64_URL_SAFE_NO_PAD.encode(br#"{"id": "lnk_1"}"#),
            &BASE64_URL_SAFE_NO_PAD.encode(br#"{"id":"lnk_1","clicks":01}"#),
            &BASE64_URL_SAFE_NO_PAD.encode(br#"{"id":"a\"b"}"#),
        ] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_cursor_reads_back(id in "[a-z]{2,4}_[0-9a-z]{1,40}", sort in proptest::option::of(("[a-z_]{1,12}", proptest::prelude::any::<i64>()))) {
            let cursor = Cursor { id, sort };
            proptest::prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn nothing_panics(text in ".{0,300}") {
            if let Ok(cursor) = Cursor::decode(&text) {
                proptest::prop_assert_eq!(cursor.encode(), text);
            }
        }
    }
}
