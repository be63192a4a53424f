//! The file as rows of cells, however large it is and whatever it holds.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt::Write as _,
    fs, io,
    io::{Read, Seek},
    path::{Path, PathBuf},
    rc::Rc,
};

use csv::{ByteRecord, ReaderBuilder, Terminator};
use sha2::{Digest, Sha256};

use super::columns::{Column, Columns, Refused};

/// The longest row, give or take one read. A quotation mark that is opened by mistake would make one of all rows up to the next one.
const MOST_ROW_BYTES: u64 = 64 << 10;
/// What stands after the last row: a row of its own, unless a quotation mark was not closed.
const END: &[u8] = b"\nend\n";

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
        let text = file.take(self.bytes).chain(END);
        let quotes = Rc::default();
        let bounded = Bounded { text, budget: Rc::clone(&budget), quotes: Rc::clone(&quotes) };
        let mut csv = ReaderBuilder::new();
        let csv = csv.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let mut csv = csv.from_reader(bounded);
        let mut record = ByteRecord::new();
        csv.read_byte_record(&mut record).map_err(|error| unread(io_error(error)))?;
        let end = self.bytes + END.len() as u64;
        if csv.position().byte() >= end {
            if record.as_slice() != END.trim_ascii() {
                return Err(unread(io::Error::other("line 1: a quotation mark is opened here and not closed")));
            }
            record.clear();
        }
        let names: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let columns = Columns::read(names.iter().map(AsRef::as_ref), ignores_unknown)
            .map_err(|refused| Unread::FirstLine { file: self.path.clone(), refused })?;
        Ok(Lines { path: self.path.clone(), csv, budget, columns, record, row: 0, end, quotes })
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

const TOO_LONG: &str =
    "the row that begins here is longer than 64 KiB; is there a quotation mark that is opened and not closed?";

/// A reader that stops where one row takes too much, and sees where quotation marks are not as they should be.
struct Bounded {
    text: io::Chain<io::Take<fs::File>, &'static [u8]>,
    budget: Rc<Cell<u64>>,
    quotes: Rc<RefCell<Quotes>>,
}

/// Follows quotation marks: where a quoted cell has ended, a comma or the end of the line must come. If it does not, then what
/// was taken for the mark that closes a cell was one that opens another, and there may be rows in between. The reader of
/// rows takes all of this as it comes.
#[derive(Default)]
struct Quotes {
    within: Within,
    /// How many bytes were seen.
    seen: u64,
    /// The places of bytes that should not be where they are, those of the rows that were read ahead.
    odd: VecDeque<u64>,
}

#[derive(Clone, Copy, Default)]
enum Within {
    #[default]
    Beginning,
    Plain,
    Quoted,
    Closed,
}

impl Quotes {
    fn follow(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.within = match (self.within, byte) {
                (Within::Quoted, b'"') | (Within::Closed, b'\r') => Within::Closed,
                (Within::Quoted, _) | (Within::Beginning | Within::Closed, b'"') => Within::Quoted,
                (_, b',' | b'\n') => Within::Beginning,
                (Within::Closed, _) => {
                    self.odd.push_back(self.seen);
                    Within::Plain
                }
                (Within::Beginning | Within::Plain, _) => Within::Plain,
            };
            self.seen += 1;
        }
    }

    /// Whether something was odd up to this place, after the last one that was asked about.
    fn were_odd_until(&mut self, place: u64) -> bool {
        let odd = self.odd.partition_point(|odd| *odd < place);
        self.odd.drain(..odd).count() > 0
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(buffer)?;
        let left = self.budget.get().checked_sub(read as u64);
        self.budget.set(left.ok_or_else(|| io::Error::other(TOO_LONG))?);
        self.quotes.borrow_mut().follow(&buffer[..read]);
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
    /// The byte at which all of it ends.
    end: u64,
    quotes: Rc<RefCell<Quotes>>,
}

/// A row.
pub(super) struct Line<'r> {
    /// Which one it is of those after the first line, from 1 on.
    pub(super) row: u64,
    /// The line of the file on which it begins.
    pub(super) number: u64,
    columns: &'r Columns,
    record: &'r ByteRecord,
    /// Whether it may have rows in one of its cells.
    is_torn: bool,
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
            if !is_one || self.is_at_end() && self.record.as_slice() == END.trim_ascii() {
                return Ok(None);
            }
            if self.record.len() > 1 || !self.record.as_slice().trim_ascii().is_empty() {
                break;
            }
        }
        self.row += 1;
        let lines = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64;
        // Where the next row begins, less the lines of this one; the last line of a row that takes the rest has no end.
        let ended = lines - u64::from(self.is_at_end());
        let number = self.csv.position().line().saturating_sub(ended);
        let is_odd = self.quotes.borrow_mut().were_odd_until(self.csv.position().byte());
        // On one line it does no harm.
        let is_torn = self.is_at_end() || is_odd && lines > 1;
        Ok(Some(Line { row: self.row, number, columns: &self.columns, record: &self.record, is_torn }))
    }

    fn is_at_end(&self) -> bool {
        self.csv.position().byte() >= self.end
    }
}

impl Line<'_> {
    /// Whether it has a cell for each column, and each is a text: a quotation mark that is never closed makes one cell of all rows
    /// after it, which must not pass for a click.
    pub(super) fn check_shape(&self) -> Result<(), String> {
        let (has, wanted) = (self.record.len(), self.columns.len());
        if self.is_torn {
            return Err("a quotation mark is opened here and not closed: it takes lines that follow with it".to_owned());
        }
        if std::str::from_utf8(self.record.as_slice()).is_err() {
            return Err("a cell that is not UTF-8".to_owned());
        }
        if has == wanted { Ok(()) } else { Err(format!("{has} cells, where the first line has {wanted}")) }
    }

    /// What stands in a column, on one line; `None` where nothing does. The apostrophe goes that keeps spreadsheets from taking a cell
    /// for a formula; our own export writes it.
    pub(super) fn cell(&self, column: Column) -> Option<String> {
        let cell = self.record.get(self.columns.place(column)?)?;
        let text = String::from_utf8_lossy(cell);
        let text = text.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(&text).trim();
        if text.contains('\n') {
            let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            return Some(lines.join(" "));
        }
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
        let text = "\u{feff}at,slug,city\r\n1,one,\"Two\r\n\r\n \"\"lines\"\"\"\r\n\r\n2,two,'=1\r\n3,three\r\n4,'quoted',\u{20}\n";
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
            [(1, 2, some("Two \"lines\""), true), (2, 6, some("=1"), true), (3, 7, None, false), (4, 8, None, true)]
        );
    }

    /// The cells of all rows, or what is wrong with one.
    fn read(text: &str) -> Vec<Result<Vec<String>, String>> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut lines = file(&folder, text.as_bytes()).lines(false).expect("lines");
        let mut rows = Vec::new();
        while let Some(line) = lines.next().expect("a row") {
            let cells = [Column::At, Column::Slug].map(|column| line.cell(column).unwrap_or_default());
            rows.push(line.check_shape().map(|()| cells.to_vec()));
        }
        rows
    }

    #[test]
    fn files_end_as_they_like() {
        for end in ["", "\n", "\r\n", "\n\n\r\n", "\n  \n"] {
            for (last, cells) in [("2,two", ["2", "two"]), ("2,\"two\n\"", ["2", "two"]), ("2,\"\n\"", ["2", ""])] {
                let rows = read(&format!("at,slug\n1,one\n{last}{end}"));
                let wanted = [["1", "one"], cells].map(|cells| Ok(cells.map(str::to_owned).to_vec()));
                assert_eq!(rows, wanted, "{last:?} {end:?}");
            }
        }
        // The words after it are no row of the file, and what looks like them is one.
        assert_eq!(read("at,slug\n").len(), 0);
        assert_eq!(read("at,slug\n1,one\nend").len(), 2);
        assert_eq!(read("at,slug\nend\nend\n").len(), 2);
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_takes_no_row_in_silence() {
        for text in ["at,slug\n1,\"one\n2,two\n3,three\n", "at,slug\n1,\"", "at,slug\n1,one\n\"", "at,slug\n\"\nend"] {
            let rows = read(text);
            let fault = rows.last().expect("a row").as_ref().expect_err("a fault");
            assert!(fault.contains("quotation mark"), "{text:?}: {fault}");
        }
        let first_line = file(&tempfile::tempdir().expect("a folder"), b"at,slug,\"city\n1,one,x\n").lines(true);
        assert!(first_line.is_err_and(|error| error.to_string().contains("line 1: a quotation mark")));
        // Another one after it does not close it.
        for text in ["at,slug\n1,\"one\n2,\"two\n3,three\n", "at,slug\n1,\"one\n\"2\",two\n3,three\n"] {
            let rows = read(text);
            assert!(rows[0].is_err() && rows.last().expect("a row").is_ok(), "{rows:?}");
        }
        assert!(read("at,slug\n1,\"one\" and more\n")[0].is_ok(), "on one line it takes nothing with it");
    }

    #[test]
    fn what_is_no_text_is_no_row() {
        let folder = tempfile::tempdir().expect("a folder");
        for (text, why) in [(&b"at,slug\n1,\xff\xfe\n"[..], "UTF-8"), (b"at,slug\n1\n", "1 cells")] {
            let mut lines = file(&folder, text).lines(false).expect("lines");
            let line = lines.next().expect("a row").expect("there is one");
            let fault = line.check_shape().expect_err("a fault");
            assert!(fault.contains(why), "{fault}");
        }
    }

    #[test]
    fn a_row_that_goes_on_and_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("at,slug\n0,zero\n1,\"{}", "x\n".repeat(1 << 20));
        let mut lines = file(&folder, text.as_bytes()).lines(false).expect("lines");
        assert!(lines.next().is_ok_and(|line| line.is_some()));
        let error = lines.next().err().expect("it is too long").to_string();
        assert!(error.contains("line 3") && error.contains("64 KiB") && error.contains("quotation mark"), "{error}");
    }
}
