//! What is asked for on the command line: pairs of a name and a value.

use std::{error::Error, str::FromStr};

/// Why something cannot be done, for whoever typed it.
pub type Trouble = Box<dyn Error>;

/// The pairs, in order.
pub struct Options(Vec<(String, String)>);

impl Options {
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Trouble> {
        let mut pairs = Vec::new();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} has no value"))?;
            let name = name.strip_prefix("--").ok_or_else(|| format!("`{name}` is no --name"))?;
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, Trouble> {
        let parse = |text: &str| text.parse().map_err(|_| format!("--{name} cannot be `{text}`").into());
        self.all(name).last().map(parse).transpose()
    }

    pub fn required<T: FromStr>(&self, name: &str) -> Result<T, Trouble> {
        self.optional(name)?.ok_or_else(|| format!("--{name} is missing").into())
    }
}
