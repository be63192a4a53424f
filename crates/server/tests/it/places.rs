//! Where visitors are: by a small database of places made here, by a proxy's word, and not at all.

use std::{fs, path::Path};

use mask::places::{
    MISSING,
    build::{List, build},
    mmdb::{About, Range, Value, write},
};
use mask_core::{
    question::{Bots, Dimension, Group, Question, Rows, Subject, Window},
    time::Time,
    workspace::Owner,
};
use serde_json::json;

use crate::{
    binary::{Server, mask},
    harness::{Answer, App},
};

const OWNER: Owner = Owner { workspace: 1, is_test: false };

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn country(code: &str) -> (&'static str, Value) {
    ("country", Value::Map(vec![("iso_code", text(code))]))
}

/// A database of cities: 203.0.113.0/24 and 2001:db8::/32 are in Lahore, 198.51.100.0/24 is in this country.
pub(crate) fn database(other: &str) -> Vec<u8> {
    let names = |name| Value::Map(vec![("names", Value::Map(vec![("en", text(name))]))]);
    let lahore = Value::Map(vec![
        ("city", names("Lahore")),
        country("PK"),
        ("subdivisions", Value::List(vec![names("Punjab")])),
    ]);
    let ranges = [
        Range { first: 0xc633_6400, last: 0xc633_64ff, record: 1 },
        Range { first: 0xcb00_7100, last: 0xcb00_71ff, record: 0 },
        Range { first: 0x2001_0db8 << 96, last: (0x2001_0db9 << 96) - 1, record: 0 },
    ];
    let about = About { kind: "Test-City".into(), description: "For a test".into(), built_at: 1_774_360_800 };
    write(&ranges, &[lahore, Value::Map(vec![country(other)])], &about).expect("a file")
}

/// What is on record of the default workspace's clicks, by this dimension.
pub(crate) async fn answer(app: &App, dimension: Dimension) -> mask_core::question::Answer {
    app.settle().await;
    let question = Question {
        subject: Subject::Clicks,
        window: Window { from: Time::from_unix_millis(0), to: Time::from_unix_millis(4_000_000_000_000) },
        of: None,
        conditions: Vec::new(),
        bots: Bots::With,
        group: Group::Values(dimension, 10),
    };
    app.server().store.answer(OWNER, question).await.expect("an answer")
}

/// How many clicks each value of this dimension has.
async fn counted(app: &App, dimension: Dimension) -> Vec<(String, u64)> {
    match answer(app, dimension).await.rows {
        Rows::Values(rows) => rows.into_iter().map(|(value, count)| (value, count.clicks)).collect(),
        Rows::Counts(_) => panic!("values were asked for"),
    }
}

fn rows(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(value, clicks)| ((*value).to_owned(), *clicks)).collect()
}

async fn where_to(app: &App, headers: &[(&str, &str)]) -> String {
    let mut request = app.visit("/spring");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    answer.header("location").replace("https://example.com/", "")
}

async fn link_for_pakistan(app: &App) {
    let rules = json!([{"when": {"country": ["PK"]}, "url": "https://example.com/pk"}]);
    app.link(json!({"url": "https://example.com/all", "slug": "spring", "rules": rules})).await;
}

fn put(folder: &Path, bytes: &[u8]) -> String {
    let file = folder.join("cities.mmdb");
    fs::write(&file, bytes).expect("a file");
    file.display().to_string()
}

#[tokio::test]
async fn rules_and_statistics_know_the_country() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = put(folder.path(), &database("DE"));
    let app = App::with(&[
        ("places.database", file.as_str()),
        ("proxy.trusted", "127.0.0.0/8"),
        ("proxy.country_header", "CF-IPCountry"),
    ])
    .await;
    link_for_pakistan(&app).await;
    for (headers, leads_to) in [
        (&[("x-forwarded-for", "203.0.113.9")][..], "pk"),
        (&[("x-forwarded-for", "2001:db8::9")], "pk"),
        (&[("x-forwarded-for", "198.51.100.9")], "all"),
        (&[("x-forwarded-for", "192.0.2.9")], "all"),
        (&[], "all"),
        // The proxy knows better, and where it does not know, the database does.
        (&[("x-forwarded-for", "192.0.2.9"), ("cf-ipcountry", "PK")], "pk"),
        (&[("x-forwarded-for", "203.0.113.9"), ("cf-ipcountry", "FR")], "all"),
        (&[("x-forwarded-for", "203.0.113.9"), ("cf-ipcountry", "XX")], "pk"),
    ] {
        assert_eq!(where_to(&app, headers).await, leads_to, "{headers:?}");
    }
    let countries = counted(&app, Dimension::Country).await;
    assert_eq!(countries, rows(&[("PK", 4), ("unknown", 2), ("DE", 1), ("FR", 1)]));
    assert_eq!(counted(&app, Dimension::City).await, rows(&[("unknown", 5), ("Lahore", 3)]));
    assert_eq!(counted(&app, Dimension::Region).await, rows(&[("unknown", 5), ("Punjab", 3)]));

    // Another file under the same name is taken up by the next look; one that is broken is not.
    put(folder.path(), &database("PK")[..]);
    app.server().places.refresh();
    assert_eq!(where_to(&app, &[("x-forwarded-for", "198.51.100.9")]).await, "pk");
    put(folder.path(), b"broken");
    app.server().places.refresh();
    assert_eq!(where_to(&app, &[("x-forwarded-for", "198.51.100.9")]).await, "pk");
}

#[tokio::test]
async fn a_visitors_own_word_on_the_country_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = put(folder.path(), &database("DE"));
    let app = App::with(&[("places.database", file.as_str()), ("proxy.country_header", "CF-IPCountry")]).await;
    link_for_pakistan(&app).await;
    let lies = [("cf-ipcountry", "PK"), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(where_to(&app, &lies).await, "all");
    assert_eq!(counted(&app, Dimension::Country).await, rows(&[("unknown", 1)]));
}

#[tokio::test]
async fn without_a_database_nothing_is_guessed() {
    let app = App::with(&[("proxy.trusted", "127.0.0.0/8")]).await;
    link_for_pakistan(&app).await;
    for address in ["203.0.113.9", "8.8.8.8", "2001:db8::9"] {
        assert_eq!(where_to(&app, &[("x-forwarded-for", address)]).await, "all");
    }
    assert_eq!(counted(&app, Dimension::Country).await, rows(&[("unknown", 3)]));
}

#[tokio::test]
async fn a_database_in_the_data_folder_is_found() {
    let mut app = App::with(&[("proxy.trusted", "127.0.0.0/8")]).await;
    link_for_pakistan(&app).await;
    fs::write(app.data().join("places.mmdb"), database("DE")).expect("a file");
    app.restart().await;
    assert_eq!(where_to(&app, &[("x-forwarded-for", "203.0.113.9")]).await, "pk");
}

#[test]
fn a_database_is_made_by_a_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let lists = ["v4", "v6"].map(|name| folder.path().join(name));
    fs::write(&lists[0], "# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n3405803776,3405804031,PK\n").expect("a list");
    fs::write(&lists[1], "2001:db8::,2001:db8::ffff,DE\n").expect("a list");
    let data = folder.path().join("data");
    let run = |arguments: &[&str]| {
        let output = mask(arguments).arg("--data-dir").arg(&data).output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let names = lists.each_ref().map(|list| list.to_str().expect("Unicode"));
    let (code, out, said) = run(&["places", "build", "--from", names[0], "--from", names[1]]);
    assert!(code == Some(0) && out.contains("2 countries") && out.contains("2026-06-25"), "{out}{said}");
    let mut files: Vec<_> =
        fs::read_dir(&data).expect("a folder").map(|file| file.expect("a file").file_name()).collect();
    files.sort();
    assert_eq!(files, ["places.NOTICE.txt", "places.mmdb"], "and nothing half made");
    let notice = fs::read_to_string(data.join("places.NOTICE.txt")).expect("a notice");
    assert!(notice.contains("IPFire") && notice.contains("Attribution-ShareAlike 4.0"), "{notice}");
    let (code, out, _) = run(&["doctor"]);
    assert!(code == Some(0) && out.contains("Mask-Country of 2026-06-25"), "{out}");

    let before = fs::read(data.join("places.mmdb")).expect("a file");
    fs::write(&lists[0], "3405803776,PK\n").expect("a list");
    let (code, _, said) = run(&["places", "build", "--from", names[0]]);
    assert!(code == Some(1) && said.contains("line 1"), "{said}");
    let (code, _, said) = run(&["places", "build", "--from", "/nowhere/geoip"]);
    assert!(code == Some(1) && said.contains("/nowhere/geoip") && said.contains("mask help places build"), "{said}");
    assert_eq!(fs::read(data.join("places.mmdb")).expect("a file"), before, "what was there stays");
}

#[test]
fn the_log_says_which_database_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&[]);
    assert!(server.said().contains(MISSING), "{}", server.said());
    let list = List { name: "list".to_owned(), text: "# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n1,2,DE" };
    let file = put(folder.path(), &build(&[list], 0).expect("a database").file);
    let server = Server::start(&[("places.database", &file)]);
    assert!(server.said().contains("2026-06-25") && server.said().contains(&file), "{}", server.said());
}
