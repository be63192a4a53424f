//! Requests, made from templates and values.
//!
//! A template is a whole request in which `{1}`, `{2}` … stand for the fields of a line of the file of values (tabs are
//! between them), and `{length}` for the length of its last field in bytes. With several templates (browsers differ) a
//! value always goes with the same one.

use std::fs;

use crate::options::{Options, Trouble};

/// Values that requests are made from.
pub struct Requests {
    templates: Vec<Vec<Part>>,
    text: Vec<u8>,
    /// Where each value begins and ends in the text.
    places: Vec<(usize, usize)>,
}

enum Part {
    Bytes(Vec<u8>),
    /// The field of this number, from 0.
    Field(usize),
    Length,
}

impl Requests {
    pub fn read(options: &Options) -> Result<Self, Trouble> {
        let read = |path: &str| fs::read(path).map_err(|error| format!("cannot read {path}: {error}"));
        let templates: Vec<_> =
            options.all("template").map(|path| read(path).map(|text| parts(&text))).collect::<Result<_, _>>()?;
        let text = read(&options.required::<String>("values")?)?;
        let places = lines(&text);
        if templates.is_empty() || places.is_empty() {
            return Err("there must be a --template and at least one value".into());
        }
        Ok(Self { templates, text, places })
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Writes the request for the value of this number.
    pub fn write(&self, number: usize, out: &mut Vec<u8>) {
        let (from, to) = self.places[number];
        let fields = || self.text[from..to].split(|byte| *byte == b'\t');
        out.clear();
        for part in &self.templates[number % self.templates.len()] {
            match part {
                Part::Bytes(bytes) => out.extend_from_slice(bytes),
                Part::Field(place) => out.extend_from_slice(fields().nth(*place).unwrap_or_default()),
                Part::Length => {
                    let length = fields().next_back().map_or(0, <[u8]>::len);
                    out.extend_from_slice(length.to_string().as_bytes());
                }
            }
        }
    }
}

fn lines(text: &[u8]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut from = 0;
    for line in text.split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            places.push((from, from + line.len()));
        }
        from += line.len() + 1;
    }
    places
}

fn parts(template: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((at, length, part)) = first_mark(rest) {
        parts.push(Part::Bytes(rest[..at].to_vec()));
        parts.push(part);
        rest = &rest[at + length..];
    }
    parts.push(Part::Bytes(rest.to_vec()));
    parts
}

/// Where the first mark is, how long it is, and what it stands for.
fn first_mark(text: &[u8]) -> Option<(usize, usize, Part)> {
    (0..text.len()).find_map(|at| match &text[at..] {
        [b'{', digit @ b'1'..=b'9', b'}', ..] => Some((at, 3, Part::Field(usize::from(digit - b'1')))),
        rest if rest.starts_with(b"{length}") => Some((at, 8, Part::Length)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_the_length_of_the_last_are_put_in() {
        let text = b"ab\tcde\n\nlonger".to_vec();
        let places = lines(&text);
        let templates = vec![parts(b"<{1} {length}:{2}>"), parts(b"{1}{1}{length}")];
        let requests = Requests { templates, text, places };
        let mut out = Vec::new();
        requests.write(0, &mut out);
        assert_eq!(out, b"<ab 3:cde>");
        requests.write(1, &mut out);
        assert_eq!(out, b"longerlonger6");
        assert_eq!(requests.count(), 2);
    }
}
