//! Links and pages that want one address at the same moment.
//!
//! No luck is waited for: each test stops one of the two between its look and its end, by a lock on a table that it is about
//! to write to, and lets the other come.

use ::postgres::Client;
use mask_core::change::Change;
use mask_store::{Expected, Found, Unpaged, Unplaced};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, Place, on_every_backend},
    bio_pages::{new_page, place_page},
    postgres::{WAITING, apart},
    sample::{DOMAIN, LIVE, OTHER, at, make, new_link, new_link_with, place, slug, tags},
};

on_every_backend!(
    many_who_want_the_same_slug,
    a_page_comes_while_a_link_is_made,
    a_link_comes_while_a_page_is_made,
    a_link_moves_while_a_page_is_made,
);

async fn many_who_want_the_same_slug(backend: &Backend) {
    for turn in 0..10 {
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let (store, number, text) = (backend.store.clone(), turn * 10 + n, format!("Slug{turn}"));
            tasks.spawn(async move {
                let owner = if n < 4 { LIVE } else { OTHER };
                if n % 2 == 0 {
                    place(&store, owner, new_link(number, &text))
                        .await
                        .map_err(|why| assert_eq!(why, Unplaced::SlugTaken))
                        .is_ok()
                } else {
                    let placed = place_page(&store, owner, new_page(number, &text)).await;
                    placed.map_err(|why| assert_eq!(why, Unpaged::SlugTaken)).is_ok()
                }
            });
        }
        let placed = tasks.join_all().await;
        assert_eq!(placed.iter().filter(|is_placed| **is_placed).count(), 1, "turn {turn}: {placed:?}");
    }
}

/// A connection beside the store's that holds a table so that nobody can write to it. `None` on SQLite, where there is one
/// writer, and nothing to stop. It lets go when it is dropped.
struct Holder(Option<Client>);

impl Holder {
    fn hold(backend: &Backend, table: &str) -> Self {
        let Place::Postgres(database) = &backend.place else { return Self(None) };
        let mut client = database.connect();
        let sql = format!("BEGIN; LOCK TABLE {table} IN SHARE MODE");
        apart(|| client.batch_execute(&sql)).expect("nobody else holds it");
        Self(Some(client))
    }

    /// Waits until so many connections wait in this database; the server has others, whose tests wait too.
    fn until_waiting(&mut self, count: i64) {
        let Some(client) = &mut self.0 else { return };
        apart(|| while client.query_one(WAITING, &[]).expect("the server answers").get::<_, i64>(0) < count {});
    }
}

impl Drop for Holder {
    /// Closing the connection ends its transaction.
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            apart(move || drop(client));
        }
    }
}

/// Runs one thing until it is stopped, then another until that waits too, and then both to their end.
async fn one_within_another<A: Send + 'static, B: Send + 'static>(
    backend: &Backend,
    table: &str,
    first: impl Future<Output = A> + Send + 'static,
    second: impl Future<Output = B> + Send + 'static,
) -> (A, B) {
    let mut holder = Holder::hold(backend, table);
    let mut first = start(first);
    holder.until_waiting(1);
    if holder.0.is_none() {
        return (end(first).await, end(start(second)).await);
    }
    let second = start(second);
    holder.until_waiting(2);
    assert!(first.try_join_next().is_none(), "it is stopped");
    drop(holder);
    (end(first).await, end(second).await)
}

fn start<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinSet<T> {
    let mut task = JoinSet::new();
    task.spawn(work);
    task
}

async fn end<T: Send + 'static>(mut task: JoinSet<T>) -> T {
    task.join_next().await.expect("it was started").expect("it does not panic")
}

async fn a_page_comes_while_a_link_is_made(backend: &Backend) {
    let (one, other) = (backend.store.clone(), backend.store.clone());
    let link = new_link_with(1, "spring", |content| content.tags = tags(&["a"]));
    let (link, page) =
        one_within_another(backend, "link_tags", async move { place(&one, LIVE, link).await }, async move {
            place_page(&other, OTHER, new_page(2, "Spring")).await
        })
        .await;
    assert!(link.is_ok());
    assert_eq!(page, Err(Unpaged::SlugTaken));
}

async fn a_link_comes_while_a_page_is_made(backend: &Backend) {
    let (one, other) = (backend.store.clone(), backend.store.clone());
    let (page, link) = one_within_another(
        backend,
        "bio_pages",
        async move { place_page(&one, LIVE, new_page(1, "spring")).await },
        async move { place(&other, LIVE, new_link(2, "SPRING")).await },
    )
    .await;
    assert!(page.is_ok());
    assert_eq!(link, Err(Unplaced::SlugTaken));
    let found = backend.store.find_link(DOMAIN.to_owned(), "spring".to_owned()).await.expect("the store works");
    assert!(matches!(found, Found::Page(..)));
}

async fn a_link_moves_while_a_page_is_made(backend: &Backend) {
    let (one, other) = (backend.store.clone(), backend.store.clone());
    let id = make(&one, LIVE, new_link(1, "summer")).await.id;
    let change = Change { slug: Some(slug("spring")), ..Change::default() };
    let (page, link) = one_within_another(
        backend,
        "bio_pages",
        async move { place_page(&one, LIVE, new_page(2, "spring")).await },
        async move { other.update_link(LIVE, id, Expected::AnyVersion, change, at(9)).await },
    )
    .await;
    assert!(page.is_ok());
    assert_eq!(link.expect("the store works"), Err(Unplaced::SlugTaken));
}
