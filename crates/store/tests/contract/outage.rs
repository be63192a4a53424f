//! Databases that are locked, gone or slow, and that come back.

use std::time::{Duration, Instant};

use mask_store::{Error, Found, Store};

use crate::{
    backend::{Place, runtime, sqlite},
    postgres::{Database, Server, apart},
    sample::{DOMAIN, LIVE, link_id, make, new_link},
};

/// How long the stores of these tests wait for their database.
const TIMEOUT: Duration = Duration::from_millis(700);

/// Long before this the store must have given up.
const LATEST: Duration = Duration::from_secs(20);

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "what is asserted is used up")]
fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
}

async fn find(store: &Store, key: &str) -> Result<Found, Error> {
    store.find_link(DOMAIN.to_owned(), key.to_owned()).await
}

#[test]
fn sqlite_locked_by_another_process() {
    let place = Place::sqlite();
    let store = place.open_within(TIMEOUT).expect("it opens");
    let Place::Sqlite(folder) = &place else { unreachable!("it was made so") };
    runtime().block_on(async {
        make(&store, LIVE, new_link(1, "first")).await;
        let intruder = sqlite(folder, "mask.db");
        intruder.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        let since = Instant::now();
        let writers: tokio::task::JoinSet<_> = (2..12)
            .map(|n| {
                let store = store.clone();
                async move { store.create_link(LIVE, new_link(n, &format!("slug{n}")), None).await }
            })
            .collect();
        for answer in writers.join_all().await {
            assert_unavailable(answer);
        }
        assert!(since.elapsed() < LATEST);
        assert!(matches!(find(&store, "first").await, Ok(Found::Link(..))), "readers go on");
        assert!(
            store
                .record_clicks(crate::sample::batch("a", None, 1, Vec::new()))
                .await
                .expect("clicks have a file of their own")
                .is_some()
        );
        intruder.execute_batch("ROLLBACK").expect("it began");
    });
    runtime().block_on(async {
        // A writer that gave up may still stand in the queue, so the first of these waits for it, and no longer.
        let patient = place.open().expect("it opens");
        make(&patient, LIVE, new_link(20, "second")).await;
        until_it_works(async || store.create_link(LIVE, new_link(21, "third"), None).await).await;
        for n in 2..12 {
            assert_eq!(
                store.link_by_id(LIVE, link_id(n)).await.expect("the store works"),
                None,
                "what was refused was not done"
            );
        }
    });
}

/// Asks again while the database is unavailable; a store that never recovers fails here.
async fn until_it_works<T>(ask: impl AsyncFn() -> Result<T, Error>) -> T {
    let since = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(Error::Unavailable(why)) => assert!(since.elapsed() < LATEST, "still unavailable: {why}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn postgres_stopped_and_started_again() {
    let mut server = Server::start();
    let place = Place::Postgres(Database::of(&server));
    let store = place.open_within(Duration::from_secs(10)).expect("it opens");
    let runtime = runtime();
    runtime.block_on(make(&store, LIVE, new_link(1, "first")));
    for round in 0..2 {
        // Each thread of the pool has a connection that is about to die.
        runtime.block_on(async {
            let (one, other) = tokio::join!(store.ping(), store.ping());
            one.and(other).expect("it answers");
        });
        server.tell("stop");
        runtime.block_on(async {
            if round == 0 {
                for _ in 0..3 {
                    assert_unavailable(find(&store, "first").await);
                    assert_unavailable(store.create_link(LIVE, new_link(2, "second"), None).await);
                    assert_unavailable(store.ping().await);
                }
            }
        });
        server.tell("start");
        runtime.block_on(async {
            // Nobody is told of an outage that is over: not even the first who asks on a connection that died in it.
            for n in 0..8 {
                assert!(matches!(find(&store, "first").await.expect("the server is back"), Found::Link(..)), "{n}");
                make(&store, LIVE, new_link(10 + round * 10 + n, &format!("slug{round}{n}"))).await;
            }
        });
    }
    drop(store);
}

#[test]
fn postgres_table_locked_by_another() {
    let database = Database::new();
    let mut intruder = database.connect();
    let place = Place::Postgres(database);
    let store = place.open_within(TIMEOUT).expect("it opens");
    let runtime = runtime();
    runtime.block_on(make(&store, LIVE, new_link(1, "first")));
    apart(|| intruder.batch_execute("BEGIN; LOCK TABLE links IN ACCESS EXCLUSIVE MODE")).expect("it can be locked");
    runtime.block_on(async {
        let since = Instant::now();
        // More than there are connections: each of them must give up and be free again while the lock still holds.
        let askers: tokio::task::JoinSet<_> = (0..6)
            .map(|_| {
                let store = store.clone();
                async move { find(&store, "first").await }
            })
            .collect();
        for answer in askers.join_all().await {
            assert_unavailable(answer);
        }
        assert_unavailable(store.create_link(LIVE, new_link(2, "second"), None).await);
        until_it_works(|| store.list_workspaces()).await;
        assert!(since.elapsed() < LATEST);
    });
    apart(|| intruder.batch_execute("ROLLBACK")).expect("it began");
    runtime.block_on(async {
        until_it_works(|| find(&store, "first")).await;
        make(&store, LIVE, new_link(3, "third")).await;
        // Its caller was told that the database is unavailable, so it is not done when the lock is gone.
        assert_eq!(store.link_by_id(LIVE, link_id(2)).await.expect("the store works"), None);
    });
    apart(move || drop(intruder));
}
