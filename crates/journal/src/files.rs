//! Names and folders on disk, and the few calls that make a name last.
//!
//! ```text
//! <dir>/lock                             held while a `Journal` lives
//! <dir>/node                             16 hex digits, made once
//! <dir>/shard-<n>/<20 digits>.v1         a segment; the digits are its number
//! <dir>/shard-<n>/<20 digits>.tmp        a segment that was being made when the process died
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;

use crate::Error;

const NODE_DIGITS: usize = 16;
const SHARD_PREFIX: &str = "shard-";
const SEGMENT_EXTENSION: &str = "v1";
const UNFINISHED_EXTENSION: &str = "tmp";

/// The folder of a shard.
pub(crate) fn shard_folder(dir: &Path, shard: u32) -> PathBuf {
    dir.join(format!("{SHARD_PREFIX}{shard}"))
}

/// The file of a segment.
pub(crate) fn segment_file(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:020}.{SEGMENT_EXTENSION}"))
}

/// The name a segment has while it is being made.
pub(crate) fn unfinished_file(segment: &Path) -> PathBuf {
    segment.with_extension(UNFINISHED_EXTENSION)
}

/// Makes the names in a folder last through a loss of power.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder, if need be, so that it lasts.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// Takes the lock, or says who should not be running.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { dir: dir.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
    }
}

/// Reads the node id; makes one if there is none and `may_create`.
pub(crate) fn node(dir: &Path, may_create: bool) -> Result<String, Error> {
    let path = dir.join("node");
    match fs::read(&path) {
        Ok(bytes) => parse_node(&bytes).ok_or(Error::NodeInvalid { path }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("read", &path)(error)),
        Err(_) if !may_create => Err(Error::NodeMissing { path }),
        Err(_) => create_node(dir, &path).map_err(Error::io("create", &path)),
    }
}

fn parse_node(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_ascii_end();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_node = text.len() == NODE_DIGITS && text.bytes().all(is_digit);
    is_node.then(|| text.to_owned())
}

fn create_node(dir: &Path, path: &Path) -> io::Result<String> {
    let node = format!("{:016x}", random()?);
    let unfinished = path.with_extension(UNFINISHED_EXTENSION);
    let mut file = File::create(&unfinished)?;
    file.write_all(node.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder(dir)?;
    Ok(node)
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    loop {
        match rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty()) {
            Ok(read) if read == bytes.len() => return Ok(u64::from_le_bytes(bytes)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The shards that have a folder.
pub(crate) fn shards(dir: &Path) -> Result<Vec<u32>, Error> {
    let mut shards = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let name = entry.map_err(Error::io("list", dir))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(SHARD_PREFIX));
        let Some(number) = number else { continue };
        let shard = number.parse().ok();
        let path = dir.join(&name);
        let Some(shard) = shard.filter(|shard| shard_folder(dir, *shard) == path) else {
            return Err(Error::Foreign { path });
        };
        shards.push(shard);
    }
    Ok(shards)
}

/// The segments in a shard's folder, each with its size; removes what a dead process left unfinished.
pub(crate) fn segments(folder: &Path) -> Result<Vec<(u64, u64)>, Error> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        let path = entry.path();
        if path.extension().is_some_and(|end| end == UNFINISHED_EXTENSION) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            continue;
        }
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let Some(number) = number.filter(|number| segment_file(folder, *number) == path) else {
            return Err(Error::Foreign { path });
        };
        let file = entry.metadata().map_err(Error::io("look at", &path))?;
        segments.push((number, file.len()));
    }
    Ok(segments)
}

/// Makes sure that the first `bytes` of a new file have their blocks.
pub(crate) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // Some network and FUSE file systems know no preallocation: zeros that are written have their blocks.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return write_zeros(file, bytes),
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_zeros(file: &File, bytes: u64) -> io::Result<()> {
    let mut zeros = io::Read::take(io::repeat(0), bytes);
    let mut file = file;
    io::copy(&mut zeros, &mut file)?;
    file.sync_data()
}
