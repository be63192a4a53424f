//! Reading query parameters: like [`super::fields`], each by a function of its own, all faults told at once, unknown
//! names refused. A misspelt filter would otherwise show everything, and look like an answer.

use mask_core::{Refused, cursor::Cursor};

use super::error::{ApiError, Detail};

/// Rows of a page when nobody says how many.
pub const DEFAULT_LIMIT: usize = 25;
/// Most rows of a page.
pub const MOST_PER_PAGE: i64 = 100;

/// The parameters of a query that is being read.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    details: Vec<Detail>,
}

impl Parameters {
    /// Splits a query.
    pub fn of(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self {
            pairs: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            details: Vec::new(),
        }
    }

    /// A parameter that may be absent; given twice, it is a fault.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Refused>) -> Option<T> {
        let mut values = Vec::new();
        self.pairs.retain(|(known, value)| {
            let is_it = known == name;
            if is_it {
                values.push(value.clone());
            }
            !is_it
        });
        let result = match values.as_slice() {
            [] => return None,
            [value] => parse(value),
            _ => Err(Refused::because("Must be given once")),
        };
        result.map_err(|why| self.details.push(Detail { field: name.to_owned(), message: why.to_string() })).ok()
    }

    /// A parameter that must be there.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Refused>) -> Option<T> {
        let is_there = self.pairs.iter().any(|(known, _)| known == name);
        if !is_there {
            self.details.push(Detail { field: name.to_owned(), message: "This parameter is required".to_owned() });
        }
        self.optional(name, parse)
    }

    /// `limit`: how many rows of a page.
    pub fn limit(&mut self) -> usize {
        let read = |text: &str| {
            let number = text.parse().ok().filter(|number| (1..=MOST_PER_PAGE).contains(number));
            number.and_then(|number| usize::try_from(number).ok()).ok_or(Refused::because("Must be between 1 and 100"))
        };
        self.optional("limit", read).unwrap_or(DEFAULT_LIMIT)
    }

    /// `cursor`: where the page begins, if `fits` says that it belongs to this list.
    pub fn cursor(&mut self, fits: impl FnOnce(&Cursor) -> bool) -> Option<Cursor> {
        self.optional("cursor", |text| {
            let cursor = Cursor::decode(text)?;
            let foreign = Refused::because("Must be a cursor from a previous page of this list, with the same sort");
            if fits(&cursor) { Ok(cursor) } else { Err(foreign) }
        })
    }

    /// All is well, or an error that says all that is not.
    pub fn end(mut self) -> Result<(), ApiError> {
        for (name, _) in self.pairs {
            self.details.push(Detail { field: name, message: "Unknown parameter".to_owned() });
        }
        if self.details.is_empty() { Ok(()) } else { Err(ApiError::parameters(self.details)) }
    }
}

/// Reads text without NUL, which no stored text has and PostgreSQL cannot be asked for.
pub fn plain(text: &str) -> Result<String, Refused> {
    if text.contains('\0') { Err(Refused::because("Must not contain NUL")) } else { Ok(text.to_owned()) }
}

/// Reads `true` or `false`.
pub fn boolean(text: &str) -> Result<bool, Refused> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refused::because("Must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_at_once() {
        let mut parameters = Parameters::of(Some("limit=0&cursor=x&serach=a&archived=yes&archived=no"));
        assert_eq!(parameters.limit(), DEFAULT_LIMIT);
        assert_eq!(parameters.cursor(|_| true), None);
        assert_eq!(parameters.optional("archived", boolean), None);
        let error = parameters.end().expect_err("faults");
        let fields: Vec<_> = error.details.iter().map(|detail| detail.field.as_str()).collect();
        assert_eq!(fields, ["limit", "cursor", "archived", "serach"]);
    }
}
