//! The file as rows of cells, however large it is and whatever it holds.

use std::{
    cell::Cell,
    fmt::Write as _,
    fs, io,
    io::{Read, Seek},
    path::{Path, PathBuf},
    rc::Rc,
};

use csv::{ByteRecord, ReaderBuilder, Terminator};
use sha2::{Digest, Sha256};

use super::columns::{Column, Columns, Refused};

/// The longest row. A quotation mark that is never closed would make one of the rest of the file.
const MOST_ROW_BYTES: u64 = 1 << 20;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("cannot read {}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{} is no file; it is read three times, so it must be one", .0.display())]
    NoFile(PathBuf),
    #[error("{}: {refused}", file.display())]
    FirstLine { file: PathBuf, refused: Refused },
}

/// A file whose first bytes are known by their hash; what comes after them is not seen.
pub(super) struct File {
    path: PathBuf,
    bytes: u64,
    hash: String,
    secret: [u8; 16],
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, Unread> {
        let unread = |source| Unread::Io { file: path.to_owned(), source };
        let mut file = fs::File::open(path).map_err(unread)?;
        if !file.metadata().map_err(unread)?.is_file() {
            return Err(Unread::NoFile(path.to_owned()));
        }
        let (mut hash, mut keyed, mut bytes) = (Sha256::new(), Sha256::new(), 0);
        keyed.update(b"visitors of this file:");
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut buffer).map_err(unread)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            keyed.update(&buffer[..read]);
            bytes += read as u64;
        }
        let mut text = String::new();
        for byte in hash.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        let mut secret = [0; 16];
        secret.copy_from_slice(&keyed.finalize()[..16]);
        Ok(Self { path: path.to_owned(), bytes, hash: text, secret })
    }

    /// SHA-256 of the bytes.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// A key that only those know who have the file. The hash would not do: it is stored.
    pub(super) fn secret(&self) -> [u8; 16] {
        self.secret
    }

    /// The rows after the first line.
    pub(super) fn lines(&self, ignores_unknown: bool) -> Result<Lines, Unread> {
        let unread = |source| Unread::Io { file: self.path.clone(), source };
        let mut file = fs::File::open(&self.path).map_err(unread)?;
        file.rewind().map_err(unread)?;
        let budget = Rc::new(Cell::new(MOST_ROW_BYTES));
        // With an end to each line, and nothing but that, lines can be counted; a `\r` before it goes with the blanks.
        let text = file.take(self.bytes).chain(&b"\n"[..]);
        let bounded = Bounded { text, budget: Rc::clone(&budget) };
        let mut csv = ReaderBuilder::new();
        let csv = csv.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let mut csv = csv.from_reader(bounded);
        let mut record = ByteRecord::new();
        csv.read_byte_record(&mut record).map_err(|error| unread(io_error(error)))?;
        let names: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let columns = Columns::read(names.iter().map(AsRef::as_ref), ignores_unknown)
            .map_err(|refused| Unread::FirstLine { file: self.path.clone(), refused })?;
        Ok(Lines { path: self.path.clone(), csv, budget, columns, record, row: 0 })
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// A reader that stops where one row takes too much.
struct Bounded {
    text: io::Chain<io::Take<fs::File>, &'static [u8]>,
    budget: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(buffer)?;
        let left = self.budget.get().checked_sub(read as u64);
        self.budget.set(left.ok_or_else(|| io::Error::other("a row is longer than 1 MiB"))?);
        Ok(read)
    }
}

/// The rows of a file, one by one.
pub(super) struct Lines {
    path: PathBuf,
    csv: csv::Reader<Bounded>,
    budget: Rc<Cell<u64>>,
    columns: Columns,
    record: ByteRecord,
    row: u64,
}

/// A row.
pub(super) struct Line<'r> {
    /// Which one it is of those after the first line, from 1 on.
    pub(super) row: u64,
    /// The line of the file on which it begins.
    pub(super) number: u64,
    columns: &'r Columns,
    record: &'r ByteRecord,
}

impl Lines {
    /// The next row. Empty lines are none.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, Unread> {
        loop {
            self.budget.set(MOST_ROW_BYTES);
            let begin = self.csv.position().line();
            let is_one = self.csv.read_byte_record(&mut self.record).map_err(|error| {
                let source = io::Error::other(format!("line {begin}: {}", io_error(error)));
                Unread::Io { file: self.path.clone(), source }
            })?;
            if !is_one {
                return Ok(None);
            }
            if self.record.len() > 1 || !self.record.as_slice().trim_ascii().is_empty() {
                break;
            }
        }
        self.row += 1;
        // Where the next row begins, less the lines of this one.
        let lines = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64;
        let number = self.csv.position().line().saturating_sub(lines);
        Ok(Some(Line { row: self.row, number, columns: &self.columns, record: &self.record }))
    }
}

impl Line<'_> {
    /// Whether it has a cell for each column, and each is a text on one line: a quotation mark that is never closed makes
    /// one cell of all rows after it, which must not pass for a click.
    pub(super) fn check_shape(&self) -> Result<(), String> {
        let (has, wanted) = (self.record.len(), self.columns.len());
        if self.record.as_slice().contains(&b'\n') {
            return Err("a cell goes on over the next lines: a quotation mark is opened here and not closed".to_owned());
        }
        if std::str::from_utf8(self.record.as_slice()).is_err() {
            return Err("a cell that is not UTF-8".to_owned());
        }
        if has == wanted { Ok(()) } else { Err(format!("{has} cells, where the first line has {wanted}")) }
    }

    /// What stands in a column; `None` where nothing does. The apostrophe goes that keeps spreadsheets from taking a cell
    /// for a formula; our own export writes it.
    pub(super) fn cell(&self, column: Column) -> Option<String> {
        let cell = self.record.get(self.columns.place(column)?)?;
        let text = String::from_utf8_lossy(cell);
        let text = text.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(&text).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.columns.place(column).is_some()
    }
}

const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, text: &[u8]) -> File {
        let path = folder.path().join("file.csv");
        fs::write(&path, text).expect("a file");
        File::open(&path).expect("a file")
    }

    #[test]
    fn rows_and_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "\u{feff}at,slug,city\r\n1,one,\"Two\nlines\"\r\n\r\n2,two,'=1\r\n3,three\r\n4,'quoted',\u{20}\n";
        let file = file(&folder, text.as_bytes());
        // What comes later is another file.
        fs::write(&file.path, format!("{text}5,five,x\n")).expect("a file");
        let mut lines = file.lines(false).expect("lines");
        let mut seen = Vec::new();
        while let Some(line) = lines.next().expect("a row") {
            seen.push((line.row, line.number, line.cell(Column::City), line.check_shape().is_ok()));
        }
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [(1, 2, some("Two\nlines"), false), (2, 5, some("=1"), true), (3, 6, None, false), (4, 7, None, true)]
        );
    }

    #[test]
    fn what_is_no_text_on_one_line_is_no_row() {
        let folder = tempfile::tempdir().expect("a folder");
        for (text, why) in [
            (&b"at,slug\n1,\"one\n2,two\n3,three\n"[..], "quotation mark"),
            (b"at,slug\n1,\xff\xfe\n", "UTF-8"),
            (b"at,slug\n1\n", "1 cells"),
        ] {
            let mut lines = file(&folder, text).lines(false).expect("lines");
            let line = lines.next().expect("a row").expect("there is one");
            let fault = line.check_shape().expect_err("a fault");
            assert!(fault.contains(why), "{fault}");
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("at,slug\n1,\"{}", "x\n".repeat(1 << 20));
        let mut lines = file(&folder, text.as_bytes()).lines(false).expect("lines");
        let error = lines.next().err().expect("it is too long").to_string();
        assert!(error.contains("line 2") && error.contains("1 MiB"), "{error}");
    }
}
