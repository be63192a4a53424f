//! The layers of settings as they were written: what each says, where, and which names nobody knows.
//!
//! A layer is only collected here; [`Layers::read`] then checks every value that was given for a key, not only the one in
//! force, so that a fault does not come to light on the day a variable is removed.
//!
//! A file with faults of spelling is still read as far as the parser can recover, so that they and the faults of the
//! settings are told together. What stands on a line that could not be read is left out: one mistake is one fault.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, Source};
use super::rules::Value;
use super::secret::shown;
use super::{KEYS, Setting};

const VARIABLE_PREFIX: &str = "MASK_";
/// Variables that share the prefix and are not settings: those by which tests are told where things are.
const FOREIGN_PREFIXES: &[&str] = &["MASK_TEST_"];

struct Given {
    key: &'static str,
    value: Value,
    source: Source,
}

/// Everything that was given, from the lowest layer to the highest, and what is wrong with it.
#[derive(Default)]
pub(super) struct Layers {
    given: Vec<Given>,
    faults: Vec<Fault>,
}

impl Layers {
    /// Adds a file; `source` names a line of it.
    pub(super) fn add_file(&mut self, text: &str, source: impl Fn(usize) -> Source) {
        let line_of = |span: Range<usize>| line_at(text, span.start);
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut unreadable = BTreeSet::new();
        for error in errors {
            let line = error.span().map_or(1, line_of);
            if unreadable.insert(line) {
                // The parser's sentence alone: its full text quotes the line, and a password with it.
                let message = format!("is not TOML: {}", error.message());
                self.fault(source(line), "", message);
            }
        }

        for (section, content) in table.get_ref() {
            let (line, content) = (line_of(section.span()), content.get_ref());
            if unreadable.contains(&line) && !content.is_table() {
                continue;
            }
            let section = section.get_ref().as_ref();
            let keys = self.section(section, content, &source(line));
            for (name, value) in keys.into_iter().flatten() {
                let line = line_of(name.span());
                if unreadable.contains(&line) {
                    continue;
                }
                let key = format!("{section}.{}", name.get_ref());
                match known(&key) {
                    Some(key) => self.give(key, from_toml(value.get_ref()), source(line)),
                    None => self.unknown(source(line), key),
                }
            }
        }
    }

    /// The table of a known section; otherwise a fault.
    fn section<'t, 'i>(&mut self, name: &str, content: &'t DeValue<'i>, source: &Source) -> Option<&'t DeTable<'i>> {
        let is_known = sections().any(|section| section == name);
        match content {
            DeValue::Table(keys) if is_known => return Some(keys),
            DeValue::Table(_) => {
                let near = nearest(name, sections());
                let hint = near.map_or_else(all_sections, |near| did_you_mean(&format!("[{near}]")));
                self.fault(source.clone(), "", format!("[{name}] is no section; {hint}"));
            }
            _ if is_known => self.fault(
                source.clone(),
                name,
                format!("is a section: write [{name}] on a line of its own and its settings below"),
            ),
            _ => self.unknown(source.clone(), name.to_owned()),
        }
        None
    }

    /// Adds the variables that are settings; refuses those that look so and are not.
    pub(super) fn add_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in environment {
            let is_foreign = (FOREIGN_PREFIXES.iter()).any(|prefix| name.starts_with(prefix));
            let Some(rest) = name.strip_prefix(VARIABLE_PREFIX).filter(|_| !is_foreign) else {
                continue;
            };
            let source = Source::Variable(name.clone());
            match KEYS.iter().find(|key| variable(key) == name) {
                Some(key) => self.give(key, Value::Word(value), source),
                None => self.unknown(source, rest.to_ascii_lowercase().replace("__", ".")),
            }
        }
    }

    /// Adds the flags, each a key and its text.
    pub(super) fn add_flags(&mut self, flags: &[(&str, String)]) {
        for (key, value) in flags {
            let source = Source::Flag(flag(key));
            match known(key) {
                Some(key) => self.give(key, Value::Word(value.clone()), source),
                None => self.unknown(source, (*key).to_owned()),
            }
        }
    }

    /// The value in force, if the rule accepts it. Every value given for the key is checked.
    pub(super) fn read<T>(&mut self, key: &'static str, rule: impl Fn(&Value) -> Result<T, String>) -> Option<T> {
        let mut in_force = None;
        for given in self.given.iter().filter(|given| given.key == key) {
            match rule(&given.value) {
                Ok(value) => in_force = Some(value),
                Err(message) => self.faults.push(Fault { source: given.source.clone(), key: key.to_owned(), message }),
            }
        }
        in_force
    }

    /// Adds a fault of a value that is right by itself and wrong beside another.
    pub(super) fn refuse(&mut self, key: &str, message: &str) {
        let source = (self.in_force(key)).map_or(Source::Default, |given| given.source.clone());
        self.fault(source, key, message.to_owned());
    }

    /// Every setting in force, passwords hidden.
    pub(super) fn describe(&self) -> Vec<Setting> {
        (KEYS.iter())
            .filter_map(|key| self.in_force(key))
            .map(|given| Setting {
                key: given.key,
                value_shown: shown(given.key, &given.value.to_string()),
                source: given.source.clone(),
            })
            .collect()
    }

    pub(super) fn into_faults(self) -> Faults {
        Faults::new(self.faults)
    }

    fn in_force(&self, key: &str) -> Option<&Given> {
        self.given.iter().rfind(|given| given.key == key)
    }

    fn give(&mut self, key: &'static str, value: Value, source: Source) {
        self.given.push(Given { key, value, source });
    }

    fn fault(&mut self, source: Source, key: impl Into<String>, message: String) {
        self.faults.push(Fault { source, key: key.into(), message });
    }

    fn unknown(&mut self, source: Source, key: String) {
        let hint = suggestion(&key, &source);
        self.fault(source, key, format!("is no setting; {hint}"));
    }
}

/// The line, from 1, of a byte of a text.
fn line_at(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    1 + before.filter(|byte| *byte == b'\n').count()
}

fn from_toml(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("a larger number"), Value::Number)
        }
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            let list: Option<Vec<String>> = texts.collect();
            list.map_or(Value::Other("a list of other things"), Value::List)
        }
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Boolean(_) => Value::Other("a boolean"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn known(key: &str) -> Option<&'static str> {
    KEYS.iter().find(|known| **known == key).copied()
}

fn section_and_name(key: &str) -> (&str, &str) {
    key.split_once('.').unwrap_or(("", key))
}

/// The sections, each once: the keys of a section stand together.
fn sections() -> impl Iterator<Item = &'static str> {
    let starts = |index: &usize| {
        let section = |index: usize| section_and_name(KEYS[index]).0;
        *index == 0 || section(*index) != section(*index - 1)
    };
    (0..KEYS.len()).filter(starts).map(|index| section_and_name(KEYS[index]).0)
}

fn all_sections() -> String {
    let names: Vec<_> = sections().map(|section| format!("[{section}]")).collect();
    format!("there are {}", names.join(", "))
}

/// The variable of a key: `server.listen` is `MASK_SERVER__LISTEN`.
fn variable(key: &str) -> String {
    let name = key.to_ascii_uppercase().replace('.', "__");
    format!("{VARIABLE_PREFIX}{name}")
}

/// The flag of a key: `server.public_url` is `--public-url`.
fn flag(key: &str) -> String {
    format!("--{}", section_and_name(key).1.replace('_', "-"))
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean {name}?")
}

/// What someone who wrote this unknown key may have meant, spelled as it is where they wrote it: the same name in its right
/// section, or the nearest spelling.
fn suggestion(unknown: &str, source: &Source) -> String {
    let name = section_and_name(unknown).1;
    let same_name = (KEYS.iter().copied()).find(|key| section_and_name(key).1 == name);
    let meant = same_name.or_else(|| nearest(unknown, KEYS.iter().copied()));
    match (meant, source) {
        (Some(key), Source::Variable(_)) => did_you_mean(&variable(key)),
        (Some(key), _) => did_you_mean(key),
        (None, _) => "mask.reference.toml lists all there are".to_owned(),
    }
}

/// The candidate of the fewest misspellings, if they are few for its length.
fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let most = (word.len() / 4).max(2);
    candidates
        .map(|candidate| (misspellings(word, candidate), candidate))
        .filter(|(count, _)| *count <= most)
        .min_by_key(|(count, _)| *count)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, leave out, replace or swap to get from one word to the other (Damerau and Levenshtein).
fn misspellings(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
                let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
                let swap = if swapped { rows[i - 2][j - 2] + 1 } else { replaced };
                (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(replaced).min(swap)
            };
        }
    }
    rows[from.len()][to.len()]
}
