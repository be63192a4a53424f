//! Reading a JSON body, member by member.
//!
//! Each member is read by a function that either makes a value or says what would be right, and all complaints are
//! gathered, so that a caller learns of every fault at once. What is left when all known members are taken is unknown,
//! and that is a fault as well: a misspelt `expiresAt` must not make an eternal link. serde's derive stops at the first
//! fault, which is why it is not used for what comes in.

use mask_core::Refused;
use serde_json::{Map, Value};

use super::error::{ApiError, Detail};

/// Everything that is wrong with a body.
#[derive(Debug, Default)]
pub struct Problems {
    missing: Vec<Detail>,
    invalid: Vec<Detail>,
}

impl Problems {
    /// A required member is not there.
    pub fn miss(&mut self, field: &str) {
        self.missing.push(Detail { field: field.to_owned(), message: "This field is required".to_owned() });
    }

    /// A member is against the rules.
    pub fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.invalid.push(Detail { field: field.into(), message: message.into() });
    }

    /// How many there are so far.
    pub fn count(&self) -> usize {
        self.missing.len() + self.invalid.len()
    }

    /// All is well, or an error that says all that is not. Missing members make it a 400, others a 422.
    pub fn check(self) -> Result<(), ApiError> {
        let Self { missing, invalid } = self;
        if missing.is_empty() && invalid.is_empty() {
            Ok(())
        } else if missing.is_empty() {
            Err(ApiError::validation(invalid))
        } else {
            Err(ApiError::missing(missing.into_iter().chain(invalid).collect()))
        }
    }
}

/// A JSON object that is being read.
#[derive(Debug)]
pub struct Fields<'p> {
    members: Map<String, Value>,
    path: String,
    known: Vec<&'static str>,
    /// Where complaints go.
    pub problems: &'p mut Problems,
}

impl<'p> Fields<'p> {
    /// Reads the object at this path; anything else is a complaint.
    pub fn of(value: Value, path: &str, problems: &'p mut Problems) -> Option<Self> {
        if let Value::Object(members) = value {
            return Some(Self { members, path: path.to_owned(), known: Vec::new(), problems });
        }
        problems.refuse(if path.is_empty() { "body" } else { path }, "Must be an object");
        None
    }

    /// The path of a member.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Whether a member is there, and not null.
    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Takes a member out, as it is.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.members.shift_remove(name)
    }

    /// A member that may be absent, and not null.
    pub fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T, Refused>) -> Option<T> {
        let value = self.nullable(name, read)?;
        if value.is_none() {
            self.problems.refuse(self.path(name), "Must not be null");
        }
        value
    }

    /// A member that may be absent or null.
    pub fn nullable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, Refused>,
    ) -> Option<Option<T>> {
        match self.take(name)? {
            Value::Null => Some(None),
            value => match read(value) {
                Ok(value) => Some(Some(value)),
                Err(why) => {
                    self.problems.refuse(self.path(name), why.to_string());
                    None
                }
            },
        }
    }

    /// A member that must be there.
    pub fn required<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T, Refused>) -> Option<T> {
        if self.has(name) {
            return self.optional(name, read);
        }
        let _ = self.take(name);
        self.problems.miss(&self.path(name));
        None
    }

    /// Makes null an empty list, where that is how a list is cleared.
    pub fn clear(&mut self, name: &str) {
        if let Some(value @ Value::Null) = self.members.get_mut(name) {
            *value = Value::Array(Vec::new());
        }
    }

    /// A list that may be absent, and not null.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        most: usize,
        mut read: impl FnMut(Value, &str, &mut Problems) -> Option<T>,
    ) -> Option<Vec<T>> {
        let path = self.path(name);
        match self.take(name)? {
            Value::Array(items) if items.len() > most => {
                self.problems.refuse(path, format!("Must have at most {most} items"));
                None
            }
            Value::Array(items) => {
                let read: Vec<_> = (0..)
                    .zip(items)
                    .map(|(place, item): (usize, _)| read(item, &format!("{path}[{place}]"), self.problems))
                    .collect();
                read.into_iter().collect()
            }
            _ => {
                self.problems.refuse(path, "Must be a list");
                None
            }
        }
    }

    /// A list of texts that are read one by one.
    pub fn texts<T>(
        &mut self,
        name: &'static str,
        most: usize,
        parse: impl Fn(&str) -> Result<T, Refused>,
    ) -> Option<Vec<T>> {
        self.list(name, most, |item, path, problems| {
            text(&parse)(item).map_err(|why| problems.refuse(path, why.to_string())).ok()
        })
    }

    /// Complains of every member that nobody took.
    pub fn end(self) {
        for name in self.members.keys() {
            let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
            let message = match self.known.iter().find(|known| plain(known) == plain(name)) {
                Some(known) => format!("Unknown field; did you mean {known}?"),
                None => "Unknown field".to_owned(),
            };
            let field = if self.path.is_empty() { name.clone() } else { format!("{}.{name}", self.path) };
            self.problems.invalid.push(Detail { field, message });
        }
    }
}

/// Reads a text by `parse`.
pub fn text<T>(parse: impl Fn(&str) -> Result<T, Refused>) -> impl Fn(Value) -> Result<T, Refused> {
    move |value| match value {
        Value::String(text) => parse(&text),
        _ => Err(Refused::because("Must be a string")),
    }
}

/// Reads a whole number by `parse`.
pub fn integer<T>(parse: impl Fn(i64) -> Result<T, Refused>) -> impl Fn(Value) -> Result<T, Refused> {
    move |value| value.as_i64().ok_or(Refused::because("Must be a whole number")).and_then(&parse)
}

/// Reads true or false.
#[expect(clippy::needless_pass_by_value, reason = "it stands where readers stand, and they take their value")]
pub fn boolean(value: Value) -> Result<bool, Refused> {
    if let Value::Bool(value) = value { Ok(value) } else { Err(Refused::because("Must be true or false")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(mut fields) = Fields::of(body, "", &mut problems) {
            fields.required("url", text(|_| Ok(())));
            fields.nullable("expires_at", text(|_| Err::<(), _>(Refused::because("never"))));
            fields.clear("tags");
            fields.texts("tags", 2, |tag| if tag.is_empty() { Err(Refused::because("empty")) } else { Ok(()) });
            fields.optional("archived", boolean);
            fields.end();
        }
        problems.check()
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let error = read(
            json!({"url": 1, "expires_at": "x", "tags": ["a", ""], "archived": null, "expiresAt": "y", "else": 0}),
        )
        .expect_err("faults");
        let fields: Vec<_> =
            error.details.iter().map(|detail| (detail.field.as_str(), detail.message.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("url", "Must be a string"),
                ("expires_at", "never"),
                ("tags[1]", "empty"),
                ("archived", "Must not be null"),
                ("expiresAt", "Unknown field; did you mean expires_at?"),
                ("else", "Unknown field"),
            ]
        );
        assert_eq!(error.code.status(), 422);
    }

    #[test]
    fn a_missing_field_is_a_bad_request() {
        for body in [json!({}), json!({"url": null})] {
            let error = read(body).expect_err("a fault");
            assert_eq!((error.code.status(), error.details[0].field.as_str()), (400, "url"));
        }
        assert!(read(json!({"url": "x", "expires_at": null, "tags": null})).is_ok());
        assert!(read(json!([])).is_err());
    }
}
