//! Reading query parameters: like [`super::fields`], each by a function of its own, all faults told at once, unknown
//! names refused. A misspelt filter would otherwise show everything, and look like an answer.

use mask_core::{Refused, calendar::Zone, cursor::Cursor, time::Time};
use percent_encoding::percent_decode_str;

use super::error::{ApiError, Detail};

/// Rows of a page when nobody says how many.
pub const DEFAULT_LIMIT: usize = 25;
/// Most rows of a page.
pub const MOST_PER_PAGE: i64 = 100;

/// The parameters of a query that is being read.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, Result<String, Refused>)>,
    details: Vec<Detail>,
}

impl Parameters {
    /// Splits a query.
    pub fn of(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter_map(read_pair);
        Self { pairs: pairs.collect(), details: Vec::new() }
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
            [Ok(value)] => parse(value),
            [Err(why)] => Err(why.clone()),
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

/// A name and its value. The standard's reader puts U+FFFD for what is no text, and a filter by that finds nothing, which
/// would look like an answer; so it is looked at before.
fn read_pair(pair: &str) -> Option<(String, Result<String, Refused>)> {
    let (name, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    let is_text = percent_decode_str(pair).decode_utf8().is_ok();
    let value = is_text.then(|| value.into_owned()).ok_or(Refused::because("Must be percent-encoded UTF-8"));
    Some((name.into_owned(), value))
}

/// Reads the moment at which a span begins: an RFC 3339 timestamp, or a date, which means the beginning of that day in UTC.
pub fn from(text: &str) -> Result<Time, Refused> {
    Zone::default().start(text)
}

/// Reads the moment before which a span ends: an RFC 3339 timestamp, or a date, which means the end of that day in UTC.
pub fn to(text: &str) -> Result<Time, Refused> {
    Zone::default().until(text)
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

    #[test]
    fn what_is_no_text_is_a_fault_of_its_parameter() {
        for query in ["tag=%ff", "tag=a%C3", "tag=%ED%A0%80", "tag=%c3%28&", "&tag=x%80y", "%74ag=%fe"] {
            let mut parameters = Parameters::of(Some(query));
            assert_eq!(parameters.required("tag", plain), None, "{query}");
            let error = parameters.end().expect_err("a fault");
            let faults: Vec<_> = error.details.iter().map(|fault| (fault.field.as_str(), &*fault.message)).collect();
            assert_eq!(faults, [("tag", "Must be percent-encoded UTF-8")], "{query}");
        }
        for (query, value) in [("tag=%EF%BF%BD", "\u{fffd}"), ("tag=a+b%2b%C3%BC", "a b+ü"), ("tag=100%", "100%")] {
            let mut parameters = Parameters::of(Some(query));
            assert_eq!(parameters.optional("tag", plain).as_deref(), Some(value), "{query}");
            parameters.end().expect("no fault");
        }
        assert!(Parameters::of(Some("%ff=1")).end().is_err(), "a name that is no text is an unknown one");
    }
}
