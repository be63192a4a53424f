//! `mask import clicks`: what it takes, what it refuses, and that each click is there once, whatever happens to it.

mod aside;
mod pages;
mod records;

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use mask_core::{id::LinkId, workspace::Owner};
use serde_json::{Value, json};

use crate::{
    binary::{ended, mask},
    harness::{App, BROWSER},
    scans::printed,
    wire::PATIENCE,
};

/// History: long before the tests' clock.
const DAYS: &str = "start=2025-12-30&end=2026-01-05";

/// A file to import, in a folder of its own.
struct History {
    folder: tempfile::TempDir,
    /// A variable of the program that imports it.
    setting: (&'static str, String),
}

impl History {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let history = Self { folder, setting: ("MASK_LOG__LEVEL", "info".to_owned()) };
        fs::write(history.path(), text).expect("a file");
        history
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("history.csv")
    }

    /// The command line that imports it into an app's data, while the app runs.
    fn command(&self, app: &App, more: &[&str]) -> Command {
        let mut command = mask(&["import", "clicks", "--from"]);
        command.arg(self.path()).arg("--data-dir").arg(app.data()).args(more).current_dir(self.folder.path());
        command.env(self.setting.0, &self.setting.1);
        command
    }

    fn import(&self, app: &App, more: &[&str]) -> (Option<i32>, String, String) {
        said(self.command(app, more))
    }

    /// What an import prints that must succeed.
    #[track_caller]
    fn imported(&self, app: &App, more: &[&str]) -> String {
        let (code, out, said) = self.import(app, more);
        assert_eq!(code, Some(0), "{said}");
        out.trim_end().rsplit_once(".csv: ").expect("a file and what became of it").1.to_owned()
    }

    /// What an import says that must not.
    #[track_caller]
    fn refused(&self, app: &App, more: &[&str]) -> String {
        let (code, out, said) = self.import(app, more);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
        said
    }
}

fn said(mut command: Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn link(app: &App, slug: &str) -> String {
    let link = app.link(json!({"url": "https://example.com/", "slug": slug})).await;
    link["id"].as_str().expect("an id").to_owned()
}

async fn counted(app: &App, id: &str) -> u64 {
    app.get(&format!("/links/{id}")).await.is(200)["clicks"].as_u64().expect("a count")
}

/// The rows of an answer, as `name=clicks/visitors`.
async fn by(app: &App, name: &str, more: &str) -> String {
    let query = format!("/analytics/clicks?{DAYS}&groupBy={name}&metrics=clicks,visitors{more}");
    let answer = app.get(&query).await.is(200);
    let name = if name == "day" { "date" } else { name };
    let rows = answer["data"].as_array().expect("rows").iter().filter(|row| row["clicks"] != 0);
    let mut rows: Vec<_> = rows
        .map(|row| format!("{}={}/{}", row[name].as_str().expect("a name"), row["clicks"], row["visitors"]))
        .collect();
    rows.sort();
    rows.join(" ")
}

async fn total(app: &App) -> u64 {
    app.get(&format!("/analytics/clicks?{DAYS}&bots=include")).await.is(200)["total"].as_u64().expect("a total")
}

#[tokio::test]
async fn history_becomes_statistics() {
    becomes_statistics(App::start().await, ("MASK_LOG__LEVEL", "info".to_owned())).await;
}

#[tokio::test]
async fn history_becomes_statistics_on_postgres() {
    let app = App::on_postgres(&[]).await;
    let setting = ("MASK_DATABASE__URL", app.database().url.clone());
    becomes_statistics(app, setting).await;
}

async fn becomes_statistics(app: App, setting: (&'static str, String)) {
    let (one, two) = (link(&app, "one-link").await, link(&app, "two-link").await);
    let text = format!(
        "\u{feff}Date,slug,User Agent,referrer,country,city,visitor,count,bot,device\r\n\
         2026-01-01T10:00:00Z,one-link,{BROWSER},https://t.co/abc?x=1,pk,\"Karachi, Sindh\",ann,,,\r\n\
         2026-01-01 11:00:00,ONE-LINK,{BROWSER},www.example.org,PK,unknown,ann,2,,tablet\r\n\
         2026-01-02T01:00:00+02:00,one-link,{BROWSER},direct,,,ben,,,\r\n\
         1767312000,two-link,{BROWSER},,Unknown,,ann,,,\r\n\
         2026-01-02,two-link,Googlebot/2.1,,,,,,,\r\n\
         2026-01-02,two-link,,,,,,3,person,mobile\r\n\
         2026-01-03,two-link,,,,,,0,,\r\n",
        BROWSER = format_args!("\"{BROWSER}\""),
    );
    let history = History { setting, ..History::of(&text) };
    let dry = history.imported(&app, &["--dry-run"]);
    assert_eq!((dry.as_str(), total(&app).await), ("9 clicks of 7 rows would be imported", 0));
    assert_eq!(history.imported(&app, &[]), "9 clicks of 7 rows imported");
    for _ in 0..2 {
        assert_eq!((counted(&app, &one).await, counted(&app, &two).await), (4, 4));
        assert_eq!(by(&app, "day", "").await, "2026-01-01=4/2 2026-01-02=4/4");
        assert_eq!(by(&app, "referrer", "").await, "direct=5/5 example.org=2/0 x.com=1/1");
        assert_eq!(by(&app, "country", "").await, "PK=3/1 unknown=5/5");
        assert_eq!(by(&app, "city", "").await, "Karachi, Sindh=1/1 unknown=7/5");
        assert_eq!(by(&app, "device", "").await, "desktop=3/3 mobile=3/3 tablet=2/0");
        assert_eq!(by(&app, "browser", "").await, "Chrome=5/3 Other=3/3");
        assert_eq!(by(&app, "bot", "&bots=only").await, "crawler=1/1");
        assert_eq!(history.imported(&app, &[]), "imported before, nothing to do");
    }
    // Into the other environment it was not imported yet; and a file with one row more is another file.
    assert!(history.refused(&app, &["--test"]).contains("7 of 7 rows"), "no links there");
}

#[tokio::test]
async fn links_are_found_by_any_of_their_names() {
    let history =
        |text: &str| History { setting: ("MASK_LINKS__DOMAINS", "go.example".to_owned()), ..History::of(text) };
    let app = App::with(&[("links.domains", "go.example")]).await;
    let here = json!({"url": "https://example.com/", "slug": "here", "domain": "localhost"});
    let here = app.link(here).await["id"].as_str().expect("an id").to_owned();
    let there =
        json!({"url": "https://example.com/", "slug": "there", "domain": "go.example", "external_id": "bit.ly/3x"});
    let there = app.link(there).await["id"].as_str().expect("an id").to_owned();
    for (line, more) in [
        (format!("at,link\n1767312000,{here}"), &[][..]),
        ("at,short_url\n1767312000,http://localhost:8080/here?x=1".to_owned(), &[]),
        ("at,slug\n1767312001,here".to_owned(), &["--domain", "localhost"]),
        ("at,slug,domain\n1767312000,Here,LOCALHOST".to_owned(), &[]),
    ] {
        let before = counted(&app, &here).await;
        assert_eq!(history(&line).imported(&app, more), "1 clicks of 1 rows imported", "{line}");
        assert_eq!(counted(&app, &here).await, before + 1, "{line}");
    }
    for (line, more) in [
        ("at,link\n1767312000,bit.ly/3x", &[][..]),
        ("at,short_url\n1767312000,go.example/there/", &[]),
        ("at,slug\n1767312000,there", &["--domain", "go.example"]),
        ("at,short_url\n1767312000,https://bit.ly/There", &["--domain", "go.example"]),
    ] {
        let before = counted(&app, &there).await;
        assert_eq!(history(line).imported(&app, more), "1 clicks of 1 rows imported", "{line}");
        assert_eq!(counted(&app, &there).await, before + 1, "{line}");
    }
    let foreign = history("at,short_url\n1767312000,https://bit.ly/there").refused(&app, &[]);
    assert!(foreign.contains("bit.ly is not served here") && foreign.contains("--domain"), "{foreign}");
    let other = History::of("at,slug\n1767312000,there").refused(&app, &["--workspace", "nowhere"]);
    assert!(other.contains("nowhere") && other.contains("default"), "{other}");
}

#[tokio::test]
async fn faults_are_told_before_anything_is_written() {
    let app = App::start().await;
    let one = link(&app, "one-link").await;
    for (head, parts) in [
        ("at,slug,colour", &["\"colour\"", "user_agent", "--ignore-unknown"][..]),
        ("at,slug,IP", &["\"IP\"", "never stored"]),
        ("slug,city", &["when a click was"]),
        ("at,city", &["which link"]),
        ("at,date,slug", &["\"at\" and \"date\""]),
    ] {
        let said = History::of(&format!("{head}\n1767312000,one-link,x\n")).refused(&app, &[]);
        assert!(parts.iter().all(|part| said.contains(part)), "{head}: {said}");
    }
    assert_eq!(
        History::of("at,slug,colour\n1767312000,one-link,x").imported(&app, &["--ignore-unknown"]),
        "1 clicks of 1 rows imported"
    );
    assert!(History::of("").refused(&app, &[]).contains("when a click was"));
    let mut text = "at,slug,device,bot,count,country\n2026-01-01,one-link,,,,\n".to_owned();
    for faulty in [
        "yesterday,one-link,,,,",
        ",one-link,,,,",
        "2126-01-01,one-link,,,,",
        "1767312000000,one-link,,,,",
        "2026-01-01,no-such-link,,,,",
        "2026-01-01,,,,,",
        "2026-01-01,one-link,toaster,,,",
        "2026-01-01,one-link,,spider,,",
        "2026-01-01,one-link,,,-1,",
        "2026-01-01,one-link,,,1000001,",
        "2026-01-01,one-link,,,,Pakistan",
        "2026-01-01,one-link,,,,XX",
        "2026-01-01,one-link",
    ] {
        writeln!(text, "{faulty}").expect("memory takes it");
    }
    text += &"never,one-link,,,,\n".repeat(30);
    text += "2026-01-02,one-link,,,4,\n";
    let history = History::of(&text);
    let said = history.refused(&app, &[]);
    for part in [
        "line 3: \"yesterday\"",
        "line 7: there is no link",
        "line 14: \"XX\"",
        "line 15: 2 cells",
        "and 23 more",
        "43 of 45 rows",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(
        (said.lines().filter(|line| line.starts_with("line ")).count(), counted(&app, &one).await),
        (20, 1),
        "{said}"
    );
    assert_eq!(history.imported(&app, &["--skip-faulty"]), "5 clicks of 2 rows imported; 43 faulty rows left out");
    assert_eq!(history.imported(&app, &[]), "imported before, nothing to do");
    assert_eq!((counted(&app, &one).await, total(&app).await), (6, 6));
    let missing = said_of(&app, &["--from", "/no/such/file.csv"]);
    assert!(missing.contains("cannot read /no/such/file.csv"), "{missing}");
}

fn said_of(app: &App, arguments: &[&str]) -> String {
    let mut command = mask(&["import", "clicks", "--data-dir"]);
    command.arg(app.data()).args(arguments);
    said(command).2
}

#[tokio::test]
async fn links_of_others_are_no_links() {
    let app = App::start().await;
    let key = app.key_for("all", true).await;
    let body = json!({"url": "https://example.com/", "slug": "test-link"});
    let made = app.api_as(&key, reqwest::Method::POST, "/links").json(&body).send().await.expect("an answer");
    let id = made.json::<Value>().await.expect("JSON")["id"].as_str().expect("an id").to_owned();
    let history = History::of(&format!("at,link\n1767312000,{id}\n"));
    assert!(history.refused(&app, &[]).contains("there is no link"));
    assert_eq!(history.imported(&app, &["--test"]), "1 clicks of 1 rows imported");
    assert_eq!(total(&app).await, 0);
}

/// An import under way.
struct Importing(Child);

impl Drop for Importing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Of each row with many clicks and each with one, nothing is lost and nothing doubled.
#[tokio::test]
async fn killed_and_taken_up() {
    let app = App::with(&[("limits.requests_per_minute", "0")]).await;
    let ids = [link(&app, "one-link").await, link(&app, "two-link").await];
    let mut text = "at,slug,count,visitor\n".to_owned();
    for row in 0..20_000 {
        let (day, slug) = (1 + row / 5000, ["one-link", "two-link"][row % 2]);
        let count = if row % 4000 == 7 { 15_001 } else { 1 };
        writeln!(text, "2026-01-0{day},{slug},{count},v{}", row % 1000).expect("memory takes it");
    }
    let history = History::of(&text);
    let wanted = 20_000 + 5 * 15_000;
    let mut reached = 0;
    for _ in 0..4 {
        let mut command = history.command(&app, &[]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut import = Importing(child);
        let before = reached;
        while reached == before {
            assert_eq!(import.0.try_wait().expect("a process"), None, "it ended before it could be killed");
            reached = counted(&app, &ids[0]).await + counted(&app, &ids[1]).await;
        }
        drop(import);
        reached = counted(&app, &ids[0]).await + counted(&app, &ids[1]).await;
        assert!(reached > 0 && reached < wanted, "{reached}");
    }
    let out = history.imported(&app, &[]);
    assert!(out.ends_with("going on where it was broken off") && !out.starts_with("95000 "), "{out}");
    for _ in 0..2 {
        assert_eq!(counted(&app, &ids[0]).await + counted(&app, &ids[1]).await, wanted);
        assert_eq!(by(&app, "day", "").await, days(&text));
        assert_eq!(history.imported(&app, &[]), "imported before, nothing to do");
    }
}

/// The days of a file with the columns of [`killed_and_taken_up`], counted anew.
fn days(text: &str) -> String {
    let mut days: BTreeMap<&str, (u64, HashSet<&str>)> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        let day = days.entry(cells[0]).or_default();
        day.0 += cells[2].parse::<u64>().expect("a count");
        day.1.insert(cells[3]);
    }
    let days: Vec<_> = days.iter().map(|(day, (clicks, who))| format!("{day}={clicks}/{}", who.len())).collect();
    days.join(" ")
}

/// What one sink has lost, by a backup that was put back, comes again into that one alone.
#[tokio::test]
async fn a_sink_that_is_behind_is_brought_level() {
    for behind in ["mask.db", "clicks.db"] {
        let mut app = App::start().await;
        let one = link(&app, "one-link").await;
        let head = "at,slug,count\n2026-01-01,one-link,12000\n".to_owned();
        let history = History::of(&(head + "2026-01-02,one-link,3\n" + &"2026-01-03,one-link,\n".repeat(9000)));
        app.stop().await;
        let backup = tempfile::tempdir().expect("a folder");
        let copy = |from: &Path, to: &Path| {
            for name in [behind.to_owned(), format!("{behind}-wal"), format!("{behind}-shm")] {
                let _ = fs::remove_file(to.join(&name));
                let _ = fs::copy(from.join(&name), to.join(&name));
            }
        };
        copy(&app.data(), backup.path());
        assert_eq!(history.imported(&app, &[]), "21003 clicks of 9002 rows imported");
        copy(backup.path(), &app.data());
        assert_eq!(history.imported(&app, &[]), "21003 clicks of 9002 rows imported", "{behind}");
        assert_eq!(history.imported(&app, &[]), "imported before, nothing to do");
        let location = mask_store::Location::Sqlite(&app.data());
        let options = mask_store::Options { location, pool_size: 1, timeout: PATIENCE };
        let store = mask_store::Store::open(&options).expect("a store");
        let (owner, id) = (Owner { workspace: 1, is_test: false }, LinkId::parse(&one).expect("an id"));
        assert_eq!(store.link_by_id(owner, id).await.expect("the store").expect("the link").clicks, 21_003);
        assert_eq!(store.recorded_classes(owner, id).await.expect("the store")["person"], 21_003, "{behind}");
    }
}

/// Two at once: one wins each batch, and nobody doubles anything.
#[tokio::test]
async fn imported_twice_at_once() {
    let app = App::start().await;
    let one = link(&app, "one-link").await;
    let history = History::of(&("at,slug\n".to_owned() + &"2026-01-03,one-link\n".repeat(25_000)));
    let start = || history.command(&app, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut both = [start(), start()];
    for child in &mut both {
        ended(child);
    }
    history.imported(&app, &[]);
    assert_eq!((counted(&app, &one).await, total(&app).await), (25_000, 25_000));
}

/// What one installation has exported, another one counts as it did, where links have the ids of the first as external ids.
#[tokio::test]
async fn our_own_export_of_another_installation() {
    const THEN: &str = "start=2026-03-24&end=2026-03-25";
    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
    let (old, new) = (App::start().await, App::start().await);
    let mut ids = Vec::new();
    for slug in ["one-link", "two-link"] {
        let id = link(&old, slug).await;
        let body = json!({"url": "https://example.com/", "slug": format!("{slug}-again"), "external_id": id});
        ids.push((new.link(body).await["id"].as_str().expect("an id").to_owned(), id));
    }
    let (_, token) = printed(&old, &ids[1].1).await;
    let scanned = format!("/two-link?qr={token}");
    for hours in [0, 1, 20] {
        old.wait(hours * 3600);
        for (path, agent, referrer, language) in [
            ("/one-link", BROWSER, "https://www.example.org/story?x=1", "=1+1"),
            ("/one-link", BROWSER, "android-app://com.unknown.app/x", "pt-BR"),
            ("/two-link", PHONE, "", "de-AT,de;q=0.9"),
            (&scanned, PHONE, "https://t.co/abc", ""),
            ("/one-link", "curl/8.5.0", "", ""),
            ("/two-link", "curl/8.5.0", "", ""),
        ] {
            let request = old.client.get(format!("{}{path}", old.base)).header("user-agent", agent);
            let request = request.header("referer", referrer).header("accept-language", language);
            assert_eq!(request.send().await.expect("an answer").status(), 302);
        }
    }
    old.settle().await;
    let csv = old.get(&format!("/analytics/export?{THEN}&bots=include")).await.text;
    let history = History::of(&csv);
    assert_eq!(history.imported(&new, &[]), "18 clicks of 18 rows imported");
    for name in [
        "day",
        "country",
        "region",
        "device",
        "browser",
        "os",
        "language",
        "referrer",
        "referrer_url",
        "source",
        "variant",
        "bot",
    ] {
        for bots in ["exclude", "include", "only"] {
            let path = format!("/analytics/clicks?{THEN}&groupBy={name}&metrics=clicks,visitors&bots={bots}");
            let (mut was, mut is) = (old.get(&path).await.is(200), new.get(&path).await.is(200));
            if name != "day" {
                // Which of a visitor's clicks of one moment is the first is anybody's choice; how many there were is not.
                for answer in [&mut was, &mut is] {
                    let rows = answer["data"].as_array_mut().expect("rows");
                    for row in &mut *rows {
                        row["visitors"] = Value::Null;
                    }
                    rows.sort_by_key(ToString::to_string);
                }
            }
            assert_eq!(was, is, "{name} {bots}");
        }
    }
    for (new_id, old_id) in ids {
        assert_eq!(counted(&new, &new_id).await, counted(&old, &old_id).await);
    }
    // Where it came from it can be imported too, which doubles what was counted: it is history of another kind then.
    assert_eq!(history.imported(&old, &["--dry-run"]), "18 clicks of 18 rows would be imported");
}
