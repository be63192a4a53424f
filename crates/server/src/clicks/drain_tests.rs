use super::*;
use crate::clicks::{
    self,
    aside::{self, aside_files},
    record::tests::{encoded, plain},
};
use mask_core::{
    destination::WebUrl, id::LinkId, link::Content, slug::Slug, time::Time, visit::Target, workspace::Owner,
};
use mask_journal::Writer;
use mask_store::{Location, NewLink, Options, Slugs};

const OWNER: Owner = Owner { workspace: 3, is_test: true };
const LINK: LinkId = LinkId::from_bits(77);
const CHROME: &[u8] =
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    journal: Arc<Journal>,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_secs(5) };
        let store = Store::open(&options).expect("a store");
        let new = NewLink {
            id: LINK,
            domain: "s.example".into(),
            slugs: Slugs::Wanted(Slug::parse("abcd").expect("a slug")),
            content: Content::to(WebUrl::parse("https://e.com").expect("a url")),
            now: Time::from_unix_millis(0),
        };
        store.create_link(OWNER, new, None).await.expect("a link");
        let journal = journal(folder.path());
        Self { folder, store, journal }
    }

    /// The process dies and another begins on the same disk.
    fn restart(self) -> Self {
        let Self { folder, store, journal } = self;
        drop(journal);
        let journal = journal_of(&folder);
        Self { folder, store, journal }
    }

    fn drain(&self) -> Drain {
        Drain::new(Arc::clone(&self.journal), self.store.clone(), hosts(), self.aside()).0
    }

    fn aside(&self) -> PathBuf {
        self.folder.path().join("set-aside")
    }

    /// What was set aside of this sink: the clicks, in how many files.
    fn set_aside(&self, sink: Sink) -> (usize, usize) {
        let files = aside_files(&self.aside()).expect("files");
        let texts: Vec<_> = files
            .iter()
            .filter(|file| file.sink == sink)
            .map(|file| std::fs::read_to_string(&file.path).expect("text"))
            .collect();
        (texts.iter().map(|text| text.lines().count() - 1).sum(), texts.len())
    }

    fn sql(&self, file: &str, statement: &str) {
        let connection = rusqlite::Connection::open(self.folder.path().join(file)).expect("the database");
        connection.execute_batch(statement).expect("a change");
    }

    async fn writer(&self) -> Writer {
        clicks::writers(&self.journal, &self.store, 1).await.expect("writers").pop().expect("one")
    }

    async fn counted(&self) -> i64 {
        self.store.link_by_id(OWNER, LINK).await.expect("an answer").expect("the link").clicks
    }

    async fn recorded(&self) -> i64 {
        self.store.recorded_classes(OWNER, LINK).await.expect("an answer").values().sum()
    }
}

fn hosts() -> Arc<Hosts> {
    Arc::new(Hosts::new(&"http://localhost:8080".parse().expect("a url"), &["s.example".to_owned()]))
}

fn journal_of(folder: &tempfile::TempDir) -> Arc<Journal> {
    journal(folder.path())
}

fn journal(folder: &std::path::Path) -> Arc<Journal> {
    // Small segments, so that every test crosses some.
    let options = mask_journal::Options { segment_bytes: 4096, max_bytes: 16 << 20 };
    Journal::open(&folder.join("journal"), options).expect("a journal")
}

fn append(writer: &mut Writer, clicks: usize) {
    let click = encoded(&Record { user_agent: CHROME, ..plain() });
    for _ in 0..clicks {
        writer.append(&click).expect("an append");
    }
}

#[tokio::test]
async fn every_click_is_counted_and_recorded_once() {
    let bench = Bench::new().await;
    let (mut writer, mut drain) = (bench.writer().await, bench.drain());
    append(&mut writer, 100);
    writer.append(&encoded(&Record { user_agent: b"curl/8.5.0", ..plain() })).expect("an append");
    assert_eq!(drain.step().await.expect("a round"), 101);
    assert_eq!(drain.step().await.expect("a round"), 0);
    assert_eq!((bench.counted().await, bench.recorded().await), (100, 101));
    append(&mut writer, 5000);
    assert_eq!(drain.step().await.expect("a round"), 5000);
    assert_eq!((bench.counted().await, bench.recorded().await), (5100, 5101));
    assert!(bench.journal.used_bytes() <= 4 * 4096, "what is drained is given back");
}

#[tokio::test]
async fn a_crash_between_the_sinks_loses_and_doubles_nothing() {
    for (ahead, is_cut) in
        [(Sink::Counters, true), (Sink::Counters, false), (Sink::Records, true), (Sink::Records, false)]
    {
        let bench = Bench::new().await;
        let mut writer = bench.writer().await;
        append(&mut writer, 40);
        let mut drain = bench.drain();
        drain.step().await.expect("a round");
        append(&mut writer, 60);
        // One sink takes a batch, the other does not.
        let from = drain.progress(0).counted;
        let piece = drain.read(0, from, if is_cut { 3000 } else { BATCH_BYTES }).await.expect("a piece");
        let batch = drain.batch(0, from, piece.next, piece.facts);
        drain.put(ahead, &batch).await.expect("a batch taken");
        drop((drain, writer));

        let bench = bench.restart();
        append(&mut bench.writer().await, 23);
        let mut drain = bench.drain();
        drain.step().await.expect("a round");
        assert_eq!((bench.counted().await, bench.recorded().await), (123, 123), "{ahead:?} {is_cut}");
        let progress = drain.progress(0);
        assert_eq!(progress.counted, progress.recorded);
    }
}

#[tokio::test]
async fn a_sink_that_is_away_holds_the_other_up_as_far_as_it_must() {
    let bench = Bench::new().await;
    let (mut writer, mut drain) = (bench.writer().await, bench.drain());
    append(&mut writer, 10);
    bench.sql("clicks.db", "ALTER TABLE click_batches RENAME TO hidden");
    drain.step().await.expect_err("it cannot be recorded");
    append(&mut writer, 10);
    drain.step().await.expect_err("it cannot be recorded");
    assert_eq!(bench.counted().await, 20, "limits depend on the counters");
    bench.sql("clicks.db", "ALTER TABLE hidden RENAME TO click_batches");
    drain.step().await.expect("a round");
    assert_eq!((bench.counted().await, bench.recorded().await), (20, 20));
    append(&mut writer, 10);
    bench.sql("mask.db", "ALTER TABLE links RENAME COLUMN clicks TO hidden");
    drain.step().await.expect_err("it cannot be counted");
    append(&mut writer, 10);
    drain.step().await.expect_err("it cannot be counted");
    assert_eq!(bench.recorded().await, 30, "what comes first comes once");
    bench.sql("mask.db", "ALTER TABLE links RENAME COLUMN hidden TO clicks");
    drain.step().await.expect("a round");
    assert_eq!((bench.counted().await, bench.recorded().await), (40, 40));
}

#[tokio::test]
async fn a_batch_that_somebody_else_has_put_is_not_put_again() {
    let bench = Bench::new().await;
    let mut writer = bench.writer().await;
    append(&mut writer, 10);
    let (mut first, mut second) = (bench.drain(), bench.drain());
    second.learn_positions().await.expect("positions");
    assert_eq!(first.step().await.expect("a round"), 10);
    // The second still believes that nothing was counted.
    assert!(matches!(second.step().await, Err(Error::Moved { shard: 0 })));
    assert_eq!(second.step().await.expect("a round"), 0);
    append(&mut writer, 10);
    assert_eq!(second.step().await.expect("a round"), 10);
    assert_eq!((bench.counted().await, bench.recorded().await), (20, 20));
}

#[tokio::test]
async fn what_cannot_be_read_is_passed_over() {
    let bench = Bench::new().await;
    let (mut writer, mut drain) = (bench.writer().await, bench.drain());
    append(&mut writer, 3);
    writer.append(b"\x09 of another version").expect("an append");
    assert_eq!(drain.step().await.expect("a round"), 3);
    writer.append(b"\x09 alone").expect("an append");
    assert_eq!(drain.step().await.expect("a round"), 0);
    append(&mut writer, 3);
    assert_eq!(drain.step().await.expect("a round"), 3);
    assert_eq!((bench.counted().await, bench.recorded().await), (6, 6));
}

#[tokio::test]
async fn a_flush_ends_when_everything_before_it_is_counted() {
    let bench = Bench::new().await;
    let mut writer = bench.writer().await;
    let (drain, handle) = Drain::new(Arc::clone(&bench.journal), bench.store.clone(), hosts(), bench.aside());
    let stop = CancellationToken::new();
    // The interval is never reached: the flush alone makes it look.
    let draining = drain.run(Duration::from_hours(1), stop.clone());
    let asking = async {
        for clicks in [1, 2, 3] {
            append(&mut writer, 7);
            handle.flush().await.expect("a flush");
            assert_eq!(bench.counted().await, 7 * clicks);
        }
        append(&mut writer, 7);
        stop.cancel();
    };
    tokio::join!(draining, asking);
    assert_eq!((bench.counted().await, bench.recorded().await), (28, 28), "what is left is drained at the end");
    assert_eq!(handle.flush().await, Err(Unavailable), "nobody is there any more");
}

#[tokio::test]
async fn shards_are_drained_alike_also_without_a_writer() {
    let bench = Bench::new().await;
    let mut writers = clicks::writers(&bench.journal, &bench.store, 3).await.expect("writers");
    for writer in &mut writers {
        append(writer, 50);
    }
    drop(writers);
    let bench = bench.restart();
    append(&mut bench.writer().await, 1);
    assert_eq!(bench.drain().step().await.expect("a round"), 151);
    assert_eq!((bench.counted().await, bench.recorded().await), (151, 151));
}

/// A city that no store takes, in the tests that say so.
const REFUSED_CITY: &[u8] = b"Nowhere-on-Sea";
/// What a sink refuses, and how it is made to take it again.
const REFUSES: [(Sink, &str, &str, &str); 2] = [
    (
        Sink::Records,
        "clicks.db",
        "CREATE TRIGGER refuse BEFORE INSERT ON click_batches WHEN instr(new.data, CAST('Nowhere-on-Sea' AS BLOB)) \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
        "DROP TRIGGER refuse",
    ),
    (
        Sink::Counters,
        "mask.db",
        "CREATE TRIGGER refuse BEFORE UPDATE OF clicks ON links WHEN new.slug = 'bad1' \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
        "DROP TRIGGER refuse",
    ),
];

const BAD_LINK: LinkId = LinkId::from_bits(78);

/// Clicks that both sinks refuse, each by its own mark.
fn append_refused(writer: &mut Writer, clicks: usize) {
    let click = encoded(&Record { user_agent: CHROME, target: Target::Link(BAD_LINK), city: REFUSED_CITY, ..plain() });
    for _ in 0..clicks {
        writer.append(&click).expect("an append");
    }
}

impl Bench {
    async fn with_bad_link() -> Self {
        let bench = Self::new().await;
        let new = NewLink {
            id: BAD_LINK,
            domain: "s.example".into(),
            slugs: Slugs::Wanted(Slug::parse("bad1").expect("a slug")),
            content: Content::to(WebUrl::parse("https://e.com").expect("a url")),
            now: Time::from_unix_millis(0),
        };
        bench.store.create_link(OWNER, new, None).await.expect("a link");
        bench
    }

    /// What each sink has of both links.
    async fn has(&self, sink: Sink) -> i64 {
        match sink {
            Sink::Counters => {
                let bad = self.store.link_by_id(OWNER, BAD_LINK).await.expect("an answer").expect("the link").clicks;
                self.counted().await + bad
            }
            Sink::Records => {
                let bad: i64 = self.store.recorded_classes(OWNER, BAD_LINK).await.expect("an answer").values().sum();
                self.recorded().await + bad
            }
        }
    }
}

fn other(sink: Sink) -> Sink {
    if sink == Sink::Records { Sink::Counters } else { Sink::Records }
}

#[tokio::test]
async fn what_a_sink_refuses_for_good_is_set_aside_alone() {
    for (sink, file, refuse, _) in REFUSES {
        let bench = Bench::with_bad_link().await;
        let (mut writer, mut drain) = (bench.writer().await, bench.drain());
        bench.sql(file, refuse);
        append(&mut writer, 200);
        append_refused(&mut writer, 1);
        append(&mut writer, 300);
        append_refused(&mut writer, 2);
        for _ in 0..5 {
            drain.step().await.expect_err("it is refused");
            assert_eq!(bench.set_aside(sink), (0, 0), "{sink:?}: not at once");
        }
        drain.step().await.expect("a round");
        assert_eq!(bench.set_aside(sink), (3, 3), "{sink:?}");
        assert_eq!(bench.set_aside(other(sink)), (0, 0), "{sink:?}: only of the one that refused");
        assert_eq!((bench.has(sink).await, bench.has(other(sink)).await), (500, 503), "{sink:?}");
        append(&mut writer, 10);
        drain.step().await.expect("a round");
        assert_eq!((bench.has(sink).await, bench.has(other(sink)).await), (510, 513), "{sink:?}");
    }
}

#[tokio::test]
async fn what_both_sinks_refuse_is_set_aside_of_each() {
    let bench = Bench::with_bad_link().await;
    let (mut writer, mut drain) = (bench.writer().await, bench.drain());
    for (_, file, refuse, _) in REFUSES {
        bench.sql(file, refuse);
    }
    append_refused(&mut writer, 1);
    append(&mut writer, 9);
    for _ in 0..5 {
        drain.step().await.expect_err("it is refused");
    }
    drain.step().await.expect("a round");
    for sink in Sink::ALL {
        assert_eq!((bench.set_aside(sink), bench.has(sink).await), ((1, 1), 9), "{sink:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_ill_gets_few_files_and_no_click_is_lost() {
    for (sink, file, refuse, allow) in REFUSES {
        let bench = Bench::with_bad_link().await;
        let (mut writer, mut drain) = (bench.writer().await, bench.drain());
        bench.sql(file, refuse);
        append_refused(&mut writer, 3000);
        append(&mut writer, 50);
        for _ in 0..5 {
            drain.step().await.expect_err("it is refused");
        }
        drain.step().await.expect("a round");
        let (clicks, files) = bench.set_aside(sink);
        let clicks = i64::try_from(clicks).expect("a few");
        assert!(files < 40, "{sink:?}: {files} files");
        assert_eq!((bench.has(sink).await, bench.has(other(sink)).await), (3050 - clicks, 3050), "{sink:?}");
        bench.sql(file, allow);
        append_refused(&mut writer, 7);
        drain.step().await.expect("a round");
        assert_eq!(bench.has(sink).await, 3057 - clicks, "{sink:?}: what is mended is taken");
    }
}

#[tokio::test]
async fn a_crash_before_the_sink_is_moved_over_what_was_set_aside() {
    for (sink, ..) in REFUSES {
        let bench = Bench::with_bad_link().await;
        let mut writer = bench.writer().await;
        append(&mut writer, 10);
        let mut drain = bench.drain();
        drain.step().await.expect("a round");
        append_refused(&mut writer, 1);
        append(&mut writer, 10);
        // It is decided, and the process dies.
        let from = *drain.progress(0).of(sink);
        let piece = drain.read(0, from, 1).await.expect("a piece");
        let batch = drain.batch(0, from, piece.next, piece.facts);
        let decided = aside::Piece::of(sink, &batch);
        aside::write(&bench.aside(), &decided, &aside::files(&decided, &batch.facts, &[])).expect("files");
        drop((drain, writer));

        let bench = bench.restart();
        let mut drain = bench.drain();
        drain.step().await.expect("a round");
        assert_eq!((bench.has(sink).await, bench.has(other(sink)).await), (20, 21), "{sink:?}: it is in one place");
        assert_eq!(bench.set_aside(sink), (1, 1), "{sink:?}");
    }
}
