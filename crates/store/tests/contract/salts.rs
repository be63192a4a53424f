//! The salts of visitors: one row, the same for all who ask, moved on once a day.

use std::{fs, path::Path};

use mask_store::VisitorSalts;

use crate::backend::{Backend, Place, on_every_backend};

on_every_backend!(the_first_of_a_day_decides, each_day_overwrites_the_one_before, who_asks_at_once_gets_the_same);

fn salts(day: i64, today: u8, tomorrow: u8) -> VisitorSalts {
    VisitorSalts { day, today: vec![today; 16], tomorrow: vec![tomorrow; 16] }
}

async fn ask(backend: &Backend, new: VisitorSalts) -> VisitorSalts {
    backend.store.visitor_salts(new).await.expect("the store works")
}

async fn the_first_of_a_day_decides(backend: &Backend) {
    assert_eq!(ask(backend, salts(20_000, 1, 2)).await, salts(20_000, 1, 2));
    assert_eq!(ask(backend, salts(20_000, 3, 4)).await, salts(20_000, 1, 2));
}

async fn each_day_overwrites_the_one_before(backend: &Backend) {
    ask(backend, salts(20_000, 0xa1, 0xa2)).await;
    assert_eq!(ask(backend, salts(20_001, 0xa3, 0xa4)).await, salts(20_001, 0xa2, 0xa4), "what was promised holds");
    assert_eq!(ask(backend, salts(20_003, 0xa5, 0xa6)).await, salts(20_003, 0xa5, 0xa6), "a day was left out");
    assert_eq!(ask(backend, salts(20_002, 0xa7, 0xa8)).await, salts(20_003, 0xa5, 0xa6), "a clock that is behind");
    if let Place::Sqlite(folder) = &backend.place {
        backend.place.sql("PRAGMA wal_checkpoint(TRUNCATE)");
        let left = left_in(folder.path());
        assert_eq!(left, [0xa5, 0xa6], "nothing of the days before is in any file");
    }
}

/// Which of the salts of one repeated byte are somewhere in the files of a folder.
fn left_in(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files: Vec<_> = entries.map(|path| fs::read(path).expect("a file")).collect();
    let is_there = |byte: &u8| files.iter().any(|file| file.windows(16).any(|part| part == [*byte; 16]));
    (0xa0..=0xaf).filter(is_there).collect()
}

async fn who_asks_at_once_gets_the_same(backend: &Backend) {
    ask(backend, salts(20_000, 1, 2)).await;
    let mut asked = tokio::task::JoinSet::new();
    for n in 10..30 {
        let store = backend.store.clone();
        asked.spawn(async move { store.visitor_salts(salts(20_005, n, n + 100)).await.expect("the store works") });
    }
    let got = asked.join_all().await;
    assert!(got.iter().all(|salts| *salts == got[0] && salts.day == 20_005), "{got:?}");
}
