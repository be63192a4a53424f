//! Rows that the program could never have written: an error that says where, and never an absence.

use mask_core::{id::LinkId, scope::Scopes};
use mask_store::{Error, Filter, NewKey, Order, Page, Place, Sort};

use crate::{
    backend::{self, Backend, on_every_backend},
    sample::{DOMAIN, LIVE, at, batch, fact, full_content, key_id, link_id, make, new_link},
};

on_every_backend!(links, keys_workspaces_and_tags, positions_and_replies);

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(answer: Result<T, Error>, table: &'static str, column: &'static str, row: &str) {
    let place = Place { table, column, row: row.to_owned() };
    match answer {
        Err(Error::Corrupt(found)) => assert_eq!(found, place),
        other => panic!("{place} was read as {other:?}"),
    }
}

async fn links(backend: &Backend) {
    let store = &backend.store;
    for (n, column, value) in [
        (1, "url", "'ftp://x'"),
        (2, "slug", "'a b'"),
        (3, "tags", "'{'"),
        (4, "tags", "'[\"\"]'"),
        (5, "rules", "'[{\"url\":\"http://x\"}]'"),
        (6, "rules", "'[1]'"),
        (7, "variants", "'[{\"url\":\"https://x\"}]'"),
        (8, "preview", "'[]'"),
        (9, "redirect_status", "303"),
        (10, "ios_target", "'javascript:x'"),
        (11, "expired_url", "''"),
        (12, "rules", "'[{\"url\":\"https://x.example\",\"device\":[\"toaster\"]}]'"),
    ] {
        let mut new = new_link(n, &format!("slug{n}"));
        new.content = full_content();
        new.content.external_id = Some(format!("x{n}"));
        new.content.is_archived = false;
        let link = make(store, LIVE, new).await;
        backend.place.sql(&format!("UPDATE links SET {column} = {value} WHERE id = '{}'", link.id));
        let row = link.id.to_string();
        assert_corrupt(store.link_by_id(LIVE, link.id).await, "links", column, &row);
        assert_corrupt(store.find_link(DOMAIN.to_owned(), link.slug.key()).await, "links", column, &row);
        assert_corrupt(store.link_by_address(LIVE, DOMAIN.to_owned(), link.slug.key()).await, "links", column, &row);
        assert_corrupt(store.link_by_external_id(LIVE, format!("x{n}")).await, "links", column, &row);
        let page = Page { sort: Sort::CreatedAt, order: Order::Descending, after: None, limit: 1 };
        assert_corrupt(store.list_links(LIVE, Filter::default(), page).await, "links", column, &row);
        let error = store.link_by_id(LIVE, link.id).await.expect_err("it cannot be read");
        assert_eq!(error.to_string(), format!("links.{column} of row {row} holds a value that cannot be read"));
    }
    // An id that is none is named as it stands.
    backend.place.sql(&format!("UPDATE links SET id = 'nonsense' WHERE id = '{}'", link_id(1)));
    assert_corrupt(store.find_link(DOMAIN.to_owned(), "slug1".to_owned()).await, "links", "id", "nonsense");
    if matches!(backend.place, backend::Place::Sqlite(_)) {
        sqlite_holds_any_type(backend, link_id(12)).await;
    }
}

/// SQLite lets a column hold a value of any type.
async fn sqlite_holds_any_type(backend: &Backend, id: LinkId) {
    for (column, value) in [
        ("is_archived", "7"),
        ("clicks", "'many'"),
        ("clicks", "1.5"),
        ("title", "x'ff'"),
        ("url", "17"),
        ("domain", "CAST(x'ff' AS TEXT)"),
    ] {
        backend.place.sql("CREATE TABLE backup AS SELECT * FROM links");
        backend.place.sql(&format!("UPDATE links SET {column} = {value} WHERE id = '{id}'"));
        assert_corrupt(backend.store.link_by_id(LIVE, id).await, "links", column, &id.to_string());
        backend.place.sql(&format!("UPDATE links SET {column} = (SELECT {column} FROM backup WHERE id = links.id) WHERE id = '{id}'; DROP TABLE backup"));
    }
}

async fn keys_workspaces_and_tags(backend: &Backend) {
    let store = &backend.store;
    let hash = mask_core::key::SecretHash([7; 32]);
    let new = NewKey {
        id: key_id(1),
        owner: LIVE,
        content: mask_core::key::Content::of("x".to_owned(), Scopes::all()),
        hint: String::new(),
        hash,
        now: at(1),
    };
    store.create_key(new).await.expect("the store works");
    backend.place.sql("UPDATE api_keys SET scopes = 'links:fly'");
    assert_corrupt(store.key_by_hash(hash, at(1000)).await, "api_keys", "scopes", &key_id(1).to_string());
    assert_corrupt(store.list_keys().await, "api_keys", "scopes", &key_id(1).to_string());

    backend.place.sql("INSERT INTO workspaces (id, name, slug, created_at) VALUES ('nonsense', 'x', 'y', 1)");
    assert_corrupt(store.workspace_by_slug("y".to_owned()).await, "workspaces", "id", "nonsense");
    assert_corrupt(store.list_workspaces().await, "workspaces", "id", "nonsense");

    let mut new = new_link(1, "spring");
    new.content.tags = crate::sample::tags(&["a"]);
    make(store, LIVE, new).await;
    backend.place.sql("UPDATE tags SET id = 'nonsense'");
    assert_corrupt(store.list_tags(LIVE, None, 10).await, "tags", "id", "nonsense");
}

async fn positions_and_replies(backend: &Backend) {
    let store = &backend.store;
    store.count_clicks(batch("node-a", None, 1, Vec::new()), None).await.expect("the store works");
    store.record_clicks(batch("node-b", None, 1, Vec::new())).await.expect("the store works");
    for (column, value) in [("byte", "-1"), ("segment", "-1"), ("shard", "-1"), ("shard", "4294967296")] {
        backend.place.sql(&format!("UPDATE counted_positions SET shard = 0, segment = 0, byte = 0; UPDATE counted_positions SET {column} = {value}"));
        assert_corrupt(store.counted_positions("node-a".to_owned()).await, "counted_positions", column, "node-a");
    }
    backend.place.clicks_sql("UPDATE recorded_positions SET byte = -1");
    assert_corrupt(store.recorded_positions("node-b".to_owned()).await, "recorded_positions", "byte", "node-b");

    let click = vec![fact(LIVE, link_id(1), true)];
    store.record_clicks(batch("node-c", None, 1, click)).await.expect("the store works");
    let nonsense = if matches!(backend.place, backend::Place::Sqlite(_)) { "x'ff00'" } else { "'\\xff00'" };
    backend.place.clicks_sql(&format!("UPDATE click_batches SET data = {nonsense}"));
    assert_corrupt(store.recorded_classes(LIVE, link_id(1)).await, "click_batches", "data", "1");

    let keep =
        || crate::sample::keep("k1", 7, |_: &mask_store::Placed| mask_store::Kept { status: 201, body: Vec::new() });
    store.create_link(LIVE, new_link(1, "spring"), Some(keep())).await.expect("the store works");
    backend.place.sql("UPDATE replies SET status = 70000");
    assert_corrupt(store.create_link(LIVE, new_link(2, "spring"), Some(keep())).await, "replies", "status", "k1");
}
