//! Clicks that the store refuses for good, set aside in files until somebody brings them back.
//!
//! A folder below the data folder holds a folder for each piece of the journal that one sink refused, and in it a file for
//! each owner, in the columns of our own export, with those of pages, blocks and codes behind them: `mask import clicks`
//! reads it. So nothing of a visitor is in it that an export would not show.
//!
//! The name of a piece's folder says which sink, which part of which journal, from where to where. It appears at once with
//! all that is in it, and that is the decision: whoever finds it at the place where the sink stands has only to move the
//! sink over it. A process that dies between the two, or a store that does not answer, leaves nothing to guess about, and no
//! click is ever both in a file and in the sink. Rejected: moving the sink first (a death in between would lose the
//! clicks), and one file that grows (a death in between would have them in it twice).

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use mask_core::workspace::{Owner, Workspace};
use mask_store::{Batch, Fact, Position, Visit};

use crate::api::analytics::visits_set_aside;

/// Where a piece is made before it gets its name.
const UNFINISHED: &str = ".unfinished";
const DAY_MS: i64 = 86_400_000;

/// One of the two places that clicks go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sink {
    /// The links' counters.
    Counters,
    /// The recorded clicks.
    Records,
}

impl Sink {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Records, Self::Counters];

    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counters => "counts",
            Self::Records => "statistics",
        }
    }

    /// The sink of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sink| sink.as_str() == text)
    }
}

/// A piece of a journal, and who refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub sink: Sink,
    pub node: String,
    pub shard: u32,
    pub from: Option<Position>,
    pub to: Position,
}

impl Piece {
    pub(super) fn of(sink: Sink, batch: &Batch) -> Self {
        Self { sink, node: batch.node.clone(), shard: batch.shard, from: batch.from, to: batch.to }
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('_');
        let mut next = || parts.next();
        let piece = Self {
            sink: Sink::parse(next()?)?,
            node: next()?.to_owned(),
            shard: next()?.parse().ok()?,
            from: match next()? {
                "start" => None,
                place => Some(parse_position(place)?),
            },
            to: parse_position(next()?)?,
        };
        parts.next().is_none().then_some(piece)
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, node, shard, from, to } = self;
        write!(f, "{}_{node}_{shard}_", sink.as_str())?;
        match from {
            Some(from) => write!(f, "{}-{}", from.segment, from.byte)?,
            None => f.write_str("start")?,
        }
        write!(f, "_{}-{}", to.segment, to.byte)
    }
}

fn parse_position(text: &str) -> Option<Position> {
    let (segment, byte) = text.split_once('-')?;
    Some(Position { segment: segment.parse().ok()?, byte: byte.parse().ok()? })
}

/// A file of clicks that were set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsideFile {
    /// Where it is.
    pub path: PathBuf,
    /// Who refused them.
    pub sink: Sink,
    /// The id of the workspace whose links they are.
    pub workspace: String,
    /// Whether they are of its test environment.
    pub is_test: bool,
}

/// The files that are there, in order of their names.
pub fn aside_files(folder: &Path) -> io::Result<Vec<AsideFile>> {
    let mut files = Vec::new();
    for piece in pieces(folder)? {
        let folder = folder.join(piece.to_string());
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let Some((workspace, environment)) = stem.rsplit_once('-') else { continue };
            let (workspace, is_test) = (workspace.to_owned(), environment == "test");
            files.push(AsideFile { path, sink: piece.sink, workspace, is_test });
        }
    }
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// The pieces that are there.
pub(super) fn pieces(folder: &Path) -> io::Result<Vec<Piece>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| Piece::parse(name.to_str()?)).collect())
}

/// Writes a piece to the disk; where it is then. Once more of the same piece changes nothing.
pub(super) fn write(folder: &Path, piece: &Piece, files: &[(String, Vec<u8>)]) -> io::Result<PathBuf> {
    let (unfinished, finished) = (folder.join(UNFINISHED), folder.join(piece.to_string()));
    if finished.exists() {
        return Ok(finished);
    }
    private().recursive(true).create(folder)?;
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    private().create(&unfinished)?;
    for (name, bytes) in files {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    sync(&unfinished)?;
    fs::rename(&unfinished, &finished)?;
    sync(folder)?;
    folder.parent().map_or(Ok(()), sync)?;
    Ok(finished)
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file for each owner of these clicks: its name, and what is in it. The piece's name is in each row, as the import knows
/// files by their bytes, and clicks of two pieces may be alike.
pub(super) fn files(piece: &Piece, facts: &[Fact], workspaces: &[Workspace]) -> Vec<(String, Vec<u8>)> {
    let mut owners: BTreeMap<i64, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        owners.entry(fact.owner.number()).or_default().push(fact);
    }
    let mark = piece.to_string();
    let file = |(owner, facts): (i64, Vec<&Fact>)| {
        (file_name(Owner::from_number(owner), workspaces), visits_set_aside(&visits(&facts), &mark))
    };
    owners.into_iter().map(file).collect()
}

fn file_name(owner: Owner, workspaces: &[Workspace]) -> String {
    let workspace = workspaces.iter().find(|workspace| workspace.number == owner.workspace);
    // One that is no more has only its number left.
    let id = workspace.map_or_else(|| owner.workspace.to_string(), |workspace| workspace.id.to_string());
    format!("{id}-{}.csv", if owner.is_test { "test" } else { "live" })
}

/// As an export would show them, as far as these clicks alone can tell whose first of the day each is.
fn visits(facts: &[&Fact]) -> Vec<Visit> {
    let mut seen = HashSet::new();
    let mut is_first = |fact: &Fact| {
        let day = fact.at.unix_millis().div_euclid(DAY_MS);
        // Clicks of links, views of pages and clicks on blocks have firsts of their own.
        let kind = (fact.target.page().is_some(), fact.target.block().is_some());
        seen.insert((day, kind, fact.visitor))
    };
    facts.iter().map(|fact| visit(fact, is_first(fact))).collect()
}

fn visit(fact: &Fact, is_unique: bool) -> Visit {
    let named = |name: &str| Some(name.to_owned());
    Visit {
        at: fact.at,
        target: fact.target,
        code: fact.code,
        is_unique,
        is_bot: !fact.is_counted && fact.class != "person",
        class: fact.class.to_owned(),
        reason: fact.reason.to_owned(),
        choice: fact.choice.clone(),
        source: fact.source.to_owned(),
        device: named(fact.device),
        os: named(fact.os),
        browser: named(fact.browser),
        language: fact.language.clone(),
        referrer: fact.referrer.clone(),
        referrer_url: fact.referrer_url.clone(),
        country: fact.country.clone(),
        region: fact.region.clone(),
        city: fact.city.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn piece() -> Piece {
        let at = |segment, byte| Position { segment, byte };
        Piece { sink: Sink::Records, node: "0123456789abcdef".into(), shard: 2, from: Some(at(3, 64)), to: at(4, 0) }
    }

    #[test]
    fn names() {
        let first = Piece { sink: Sink::Counters, from: None, ..piece() };
        for (piece, name) in
            [(piece(), "statistics_0123456789abcdef_2_3-64_4-0"), (first, "counts_0123456789abcdef_2_start_4-0")]
        {
            assert_eq!(piece.to_string(), name);
            assert_eq!(Piece::parse(name), Some(piece));
        }
        for foreign in
            ["", UNFINISHED, "lost+found", "statistics_0_2_3-64", "statistics_0_2_3-64_4-0_5", "x_0_2_start_4-0"]
        {
            assert_eq!(Piece::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_piece_is_there_at_once_and_only_once() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("set-aside");
        assert_eq!(aside_files(&folder).expect("files"), []);
        // A process died while it wrote.
        fs::create_dir_all(folder.join(UNFINISHED)).expect("a folder");
        fs::write(folder.join(UNFINISHED).join("half.csv"), "at").expect("a file");
        assert_eq!(aside_files(&folder).expect("files"), []);
        let files = [("wsp_1-test.csv".to_owned(), b"one".to_vec()), ("wsp_1-live.csv".to_owned(), b"two".to_vec())];
        let written = write(&folder, &piece(), &files).expect("a piece");
        assert_eq!(write(&folder, &piece(), &files[..1]).expect("the same"), written);
        let found = aside_files(&folder).expect("files");
        let file = |name: &str, is_test| AsideFile {
            path: written.join(name),
            sink: Sink::Records,
            workspace: "wsp_1".into(),
            is_test,
        };
        assert_eq!(found, [file("wsp_1-live.csv", false), file("wsp_1-test.csv", true)]);
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&written), mode(&found[0].path)), (0o700, 0o600));
        assert_eq!(pieces(&folder).expect("pieces"), [piece()]);
    }
}
