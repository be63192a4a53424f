//! A disk that is full, and then has space again.
//!
//! Two disks are filled. One is a small file system in memory, which only root can make: a real "no space left". The
//! other is a limit on the size of files that a child process sets itself, which anybody can: a write past it fails
//! much like one on a full disk, after the part of it that fitted.

use std::{fs, path::Path, process::Command, time::Duration};

use mask_store::{Error, Location, Options, Store};

use crate::{
    backend::runtime,
    sample::{LIVE, link_id, make, new_link, new_link_with},
};

fn open(folder: &Path) -> Store {
    Store::open(&Options { location: Location::Sqlite(folder), pool_size: 1, timeout: Duration::from_mins(1) })
        .expect("it opens")
}

/// Writes until nothing fits any more, checks that nothing was lost or half done, and goes on when there is space.
async fn write_until_full(store: &Store, make_space: impl FnOnce()) {
    let title = "x".repeat(250);
    let create = async |n| {
        let new = new_link_with(n, &format!("slug{n}"), |content| content.title = Some(format!("{title} {n}")));
        store.create_link(LIVE, new, None).await
    };
    let mut made = 0;
    let error = loop {
        assert!(made < 100_000, "the disk never filled");
        match create(made).await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert!(made > 10, "the disk was full from the start");
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    // Each of several at once is refused, and none is lost in silence.
    let writers: tokio::task::JoinSet<_> = (0..20)
        .map(|n| {
            let (store, title) = (store.clone(), title.clone());
            let new = new_link_with(200_000 + n, &format!("many{n}"), |content| content.title = Some(title));
            async move { (n, store.create_link(LIVE, new, None).await) }
        })
        .collect();
    let mut late = 0;
    for (n, answer) in writers.join_all().await {
        match answer {
            Ok(_) => late += 1,
            Err(error) => {
                assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
                assert_eq!(store.link_by_id(LIVE, link_id(200_000 + n)).await.expect("readers go on"), None);
            }
        }
    }
    for n in [0, made / 2, made - 1] {
        assert!(
            store.link_by_id(LIVE, link_id(n)).await.expect("readers go on").is_some(),
            "what was acknowledged is there"
        );
    }
    let count = i64::from(made) + late;
    assert_eq!(store.count_links().await.expect("readers go on"), count);
    make_space();
    make(store, LIVE, new_link(300_000, "afterwards")).await;
    assert_eq!(store.count_links().await.expect("the store works"), count + 1);
}

#[test]
fn full() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(folder.path()).output();
    if !mount.as_ref().is_ok_and(|mount| mount.status.success()) {
        println!("skipped: only root can make a small file system; `disk::limited` stands in for it");
        return;
    }
    let unmount = Unmount(folder.path());
    let filler = folder.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).expect("there is space yet");
    let store = open(folder.path());
    runtime().block_on(write_until_full(&store, || fs::remove_file(&filler).expect("it is there")));
    drop(store);
    assert_sound(folder.path());
    drop(unmount);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        // Lazily: the store's threads may close their files a moment later.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn assert_sound(folder: &Path) {
    let connection = rusqlite::Connection::open(folder.join("mask.db")).expect("it opens");
    let answer: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it answers");
    assert_eq!(answer, "ok");
    connection
        .execute_batch("INSERT INTO links_search (links_search, rank) VALUES ('integrity-check', 1)")
        .expect("the index tells of the same links");
}

/// Where the child finds its folder.
const FOLDER: &str = "MASK_TEST_LIMITED_FOLDER";

// The limit is a process's own, so a child takes it on: this same program, asked for the one test below. The signal
// that comes with a write past the limit is ignored, and that is inherited.
#[test]
fn limited() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let program = std::env::current_exe().expect("it runs");
    let child = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 1500; exec \"$0\" --exact disk::within_a_limit --nocapture"])
        .arg(program)
        .env(FOLDER, folder.path())
        .output()
        .expect("bash runs");
    let said = format!("{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_sound(folder.path());
}

/// The child's part of the test above; nothing when run by itself.
#[test]
#[expect(clippy::disallowed_methods, reason = "what the parent tells its child is no setting of the program")]
fn within_a_limit() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = open(Path::new(&folder));
    runtime().block_on(write_until_full(&store, || {
        let lifted =
            Command::new("prlimit").arg("--pid").arg(std::process::id().to_string()).arg("--fsize=unlimited:").status();
        assert!(lifted.is_ok_and(|status| status.success()), "prlimit (util-linux) lifts the limit");
    }));
}
