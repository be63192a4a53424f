//! Reading what is sent to a door: the members that several of them have in common, all faults at once.

use mask_core::{Refused, mail::Address, password, person};
use serde_json::Value;

use crate::api::{
    error::ApiError,
    fields::{Fields, Problems, text},
};

/// Most characters of a password that is only compared; a longer one is none of ours.
const LONGEST_TYPED: usize = 1024;

/// Reads an object by `read`, which takes its members.
pub(super) fn members<T>(body: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, ApiError> {
    let mut problems = Problems::default();
    let got = Fields::of(body, "", &mut problems).and_then(|mut fields| {
        let got = read(&mut fields);
        fields.end();
        got
    });
    problems.check()?;
    got.ok_or_else(ApiError::internal)
}

/// A text that is only compared with something.
pub(super) fn typed(value: Value) -> Result<String, Refused> {
    text(|text: &str| {
        if text.chars().count() > LONGEST_TYPED {
            return Err(Refused::because("Must be at most 1024 characters"));
        }
        Ok(text.to_owned())
    })(value)
}

pub(super) fn email(fields: &mut Fields<'_>) -> Option<Address> {
    fields.required("email", text(Address::parse))
}

pub(super) fn name(fields: &mut Fields<'_>) -> Option<String> {
    fields.required("name", text(person::parse_name))
}

/// A password that somebody chooses whom these texts name.
pub(super) fn password(fields: &mut Fields<'_>, name: &'static str, about: &[&str]) -> Option<String> {
    fields.required(name, text(|text: &str| password::parse(text, about)))
}
