//! Sign-ups and messages at bio pages: from the form to the list, with and without mail.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App},
    postbox::{Postbox, Taken},
};

/// Settings with which letters go to a postbox.
pub(crate) fn mailing(postbox: &Postbox) -> Vec<(&'static str, String)> {
    vec![
        ("mail.smtp_url", format!("smtp://127.0.0.1:{}", postbox.port)),
        ("mail.starttls", "never".to_owned()),
        ("mail.from", "Links <links@go.example>".to_owned()),
    ]
}

/// An app with these settings.
pub(crate) async fn app_with(flags: &[(&'static str, String)]) -> App {
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    App::with(&flags).await
}

/// A published page with a form to sign up and one to write, and how to speak to it.
pub(crate) struct Page {
    pub(crate) id: String,
    slug: String,
    signup: String,
    contact: String,
}

impl Page {
    pub(crate) async fn of(app: &App) -> Self {
        Self::of_key(app, &app.key, None).await
    }

    pub(crate) async fn of_key(app: &App, key: &str, notify: Option<&str>) -> Self {
        let form = |mode: &str, notify: Option<&str>| {
            json!({"type": "email", "data": {
                "mode": mode, "title": "Stay in touch", "button_text": "Send", "success_message": "Thank you.",
                "notify_email": notify,
            }})
        };
        let body = json!({
            "title": "Ada & friends", "slug": format!("page-{}", fastrand::u32(..)), "published": true,
            "blocks": [form("signup", None), form("contact", notify)],
        });
        let made = Answer::of(app.api_as(key, Method::POST, "/bio-pages").json(&body)).await.is(201);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let block = |place: usize| text(&made["blocks"][place]["id"]);
        Self { id: text(&made["id"]), slug: text(&made["slug"]), signup: block(0), contact: block(1) }
    }

    /// A form with these fields, as a browser sends it.
    fn send(&self, app: &App, block: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("block", block).extend_pairs(fields).append_pair("website", "");
        app.client
            .post(format!("{}/{}", app.base, self.slug))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish())
    }

    pub(crate) async fn sign_up(&self, app: &App, email: &str) -> Answer {
        Answer::of(self.send(app, &self.signup, &[("email", email), ("name", "Ada")])).await
    }

    async fn write(&self, app: &App, email: &str, message: &str) -> Answer {
        Answer::of(self.send(app, &self.contact, &[("email", email), ("name", ""), ("message", message)])).await
    }

    /// Who left an address, newest first.
    pub(crate) async fn list(&self, app: &App) -> Vec<Value> {
        let listed = app.get(&format!("/bio-pages/{}/subscribers", self.id)).await.is(200);
        listed["data"].as_array().expect("a list").clone()
    }
}

/// What a form was answered with: the end of where its sender is sent.
#[track_caller]
fn sent_to(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").rsplit('-').next().unwrap_or_default().to_owned()
}

/// A path of this page of ours, in what is shown.
fn path_in(text: &str, begin: &str) -> String {
    let place = text.find(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    text[place..].split('"').next().unwrap_or_default().to_owned()
}

async fn open(app: &App, path: &str) -> Answer {
    Answer::of(app.client.get(format!("{}{path}", app.base))).await
}

async fn press(app: &App, path: &str) -> Answer {
    Answer::of(app.client.post(format!("{}{path}", app.base))).await
}

async fn signed_up(page: &Page, app: &App, postbox: &mut Postbox, email: &str) -> Taken {
    assert_eq!(sent_to(&page.sign_up(app, email).await), "confirm");
    postbox.next().await
}

#[tokio::test]
async fn an_address_is_confirmed_by_the_button_behind_the_mailed_link() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let page = Page::of(&app).await;
    let letter = signed_up(&page, &app, &mut postbox, "Ada@Example.com").await;
    assert_eq!((letter.from.as_str(), letter.to.as_str()), ("links@go.example", "Ada@example.com"));
    assert_eq!(letter.header("Subject"), "Confirm your address for Ada & friends");
    let listed = page.list(&app).await;
    assert_eq!((&listed[0]["status"], &listed[0]["confirmed_at"]), (&json!("pending"), &Value::Null));

    let link = letter.link("/-/confirm/");
    let asked = open(&app, &link).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text.contains("<form method=\"post\">") && asked.text.contains("Ada@example.com"), "{}", asked.text);
    assert!(asked.text.contains("Ada &#38; friends"), "{}", asked.text);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("content-type", "text/html; charset=utf-8"),
        ("x-robots-tag", "noindex"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(asked.header(name), value);
    }
    assert!(asked.header("content-security-policy").contains("form-action 'self'"));
    Answer::of(app.client.head(format!("{}{link}", app.base))).await;
    assert_eq!(page.list(&app).await[0]["status"], "pending", "who opens a link has confirmed nothing");

    app.wait(60);
    let done = press(&app, &link).await;
    assert_eq!(done.status, 200);
    let listed = page.list(&app).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["status"], &listed[0]["confirmed_at"]),
        (&json!("confirmed"), &json!("2026-03-24T14:01:14Z"))
    );
    assert_eq!(press(&app, &link).await.status, 200, "twice is as good as once");

    let leave = path_in(&done.text, "/-/unsubscribe/");
    assert!(listed[0]["unsubscribe_url"].as_str().is_some_and(|url| url.ends_with(&leave)), "{listed:?}");
    assert_eq!(open(&app, &leave).await.status, 200);
    assert_eq!(page.list(&app).await.len(), 1);
    assert_eq!(press(&app, &leave).await.status, 200);
    assert_eq!(page.list(&app).await, Vec::<Value>::new());
    for path in [&leave, &link] {
        assert_eq!((open(&app, path).await.status, press(&app, path).await.status), (404, 404), "{path}");
    }
}

#[tokio::test]
async fn a_link_is_good_for_a_week() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let page = Page::of(&app).await;
    let link = signed_up(&page, &app, &mut postbox, "ada@example.com").await.link("/-/confirm/");
    for wrong in [format!("{link}A"), link.replace("/-/confirm/", "/-/unsubscribe/"), "/-/confirm/x".to_owned()] {
        assert_eq!((open(&app, &wrong).await.status, press(&app, &wrong).await.status), (404, 404), "{wrong}");
    }
    app.wait(7 * 86_400);
    assert_eq!((open(&app, &link).await.status, press(&app, &link).await.status), (410, 410));
    assert_eq!(page.list(&app).await[0]["status"], "pending");
    // Another form brings another link.
    let link = signed_up(&page, &app, &mut postbox, "ada@example.com").await.link("/-/confirm/");
    assert_eq!(press(&app, &link).await.status, 200);
    assert_eq!(page.list(&app).await[0]["status"], "confirmed");
}

#[tokio::test]
async fn nobody_learns_who_is_known() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let page = Page::of(&app).await;
    let plain = |answer: Answer| (answer.status, answer.header("location").to_owned(), answer.text);
    let first = plain(page.sign_up(&app, "ada@example.com").await);
    let link = postbox.next().await.link("/-/confirm/");
    let pending = plain(page.sign_up(&app, "ada@example.com").await);
    press(&app, &link).await;
    app.wait(7200);
    let confirmed = plain(page.sign_up(&app, "ada@example.com").await);
    assert_eq!((&first, &first), (&pending, &confirmed));
    assert_eq!(page.list(&app).await.len(), 1);
    signed_up(&page, &app, &mut postbox, "bob@example.com").await;
    assert!(!postbox.has_more(), "nobody who is known was written to again");
}

#[tokio::test]
async fn without_mail_who_signs_up_is_confirmed() {
    let app = App::start().await;
    let page = Page::of(&app).await;
    assert_eq!(sent_to(&page.sign_up(&app, "ada@example.com").await), "done");
    assert_eq!(sent_to(&page.write(&app, "bob@example.com", "Hello\r\nthere").await), "done");
    let listed = page.list(&app).await;
    let said: Vec<_> =
        listed.iter().map(|row| (&row["email"], &row["kind"], &row["status"], &row["name"], &row["message"])).collect();
    let confirmed = &json!("confirmed");
    assert_eq!(
        said,
        [
            (&json!("bob@example.com"), &json!("contact"), confirmed, &Value::Null, &json!("Hello\nthere")),
            (&json!("ada@example.com"), &json!("signup"), confirmed, &json!("Ada"), &Value::Null),
        ]
    );
    assert_eq!((&listed[0]["block_id"], &listed[1]["block_id"]), (&json!(page.contact), &json!(page.signup)));
    assert_eq!(listed[0]["unsubscribe_url"], Value::Null);
}

#[tokio::test]
async fn a_message_is_mailed_to_the_owner_who_answers_its_writer() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let page = Page::of_key(&app, &app.key, Some("owner@example.com")).await;
    // Anybody's address may be named, so whoever reads there is asked first.
    assert_eq!(sent_to(&page.write(&app, "bob@example.com", "Is anybody there?").await), "done");
    let asked = postbox.next().await;
    assert_eq!(
        (asked.to.as_str(), asked.header("Subject").as_str()),
        ("owner@example.com", "Messages from Ada & friends to this address?")
    );
    assert!(!asked.message.contains("Is anybody there?"), "{}", asked.message);
    let link = asked.link("/-/receive/");
    let shown = open(&app, &link).await;
    assert!(shown.status == 200 && shown.text.contains("<form method=\"post\">"), "{}", shown.text);
    let settled = press(&app, &link).await;
    assert!(settled.text.contains("owner@example.com"), "{}", settled.text);
    assert_eq!(
        sent_to(&page.write(&app, "bob@example.com", "Hello <b>there</b>\r\n.\r\nBcc: x@example.com").await),
        "done"
    );
    let letter = postbox.next().await;
    assert_eq!(letter.to, "owner@example.com");
    assert_eq!((letter.header("Reply-To"), letter.header("Bcc")), ("bob@example.com".to_owned(), String::new()));
    assert!(letter.message.contains("\r\nHello <b>there</b>\r\n.\r\nBcc: x@example.com\r\n"), "{}", letter.message);
    let stop = letter.link("/-/refuse/");
    assert_eq!((open(&app, &stop).await.status, press(&app, &stop).await.status), (200, 200));
    assert_eq!(press(&app, &stop.replace("refuse", "receive")).await.status, 404, "a link is for one thing");
    assert_eq!(sent_to(&page.write(&app, "bob@example.com", "Still there?").await), "done");
    assert_eq!(page.list(&app).await.len(), 3, "nothing that was written is lost");
    let visited = open(&app, &format!("/{}", page.slug)).await;
    assert!(!visited.text.contains("owner@example.com"), "visitors are not told");
    // Without a recipient it is only kept.
    let other = Page::of(&app).await;
    assert_eq!(sent_to(&other.write(&app, "bob@example.com", "Hello").await), "done");
    assert_eq!(other.list(&app).await.len(), 1);
    assert_eq!(app.server().store.outgoing_letters().await.expect("a store").waiting, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_said_beside_what_was_typed() {
    let app = App::start().await;
    let page = Page::of(&app).await;
    let answer = page.write(&app, "ada@nowhere", " ").await;
    assert_eq!(answer.status, 422);
    for text in ["Must be an email address such as ada@example.com", "Must say something", "ada@nowhere"] {
        assert!(answer.text.contains(text), "{text}: {}", answer.text);
    }
    assert_eq!(page.list(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn programs_and_pages_of_others_leave_nothing() {
    let app = App::start().await;
    let page = Page::of(&app).await;
    let trapped = page.send(&app, &page.signup, &[("email", "bot@example.com"), ("website", "https://spam.example")]);
    assert_eq!(Answer::of(trapped).await.status, 303, "it need not know");
    let fields = [("email", "ada@example.com")];
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        assert_eq!(Answer::of(page.send(&app, &page.signup, &fields).header(name, value)).await.status, 400, "{name}");
    }
    let json = app.client.post(format!("{}/{}", app.base, page.slug)).json(&json!({"email": "ada@example.com"}));
    assert_eq!(Answer::of(json).await.status, 400);
    let long = "a".repeat(70_000);
    let long = page.send(&app, &page.contact, &[("email", "ada@example.com"), ("message", &long)]);
    assert_eq!(Answer::of(long).await.status, 400);
    assert_eq!(page.list(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn one_address_sends_five_forms_a_minute() {
    let app = App::start().await;
    let page = Page::of(&app).await;
    for n in 0..5 {
        assert_eq!(page.sign_up(&app, &format!("person{n}@example.com")).await.status, 303);
    }
    let refused = page.sign_up(&app, "late@example.com").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "46"));
    assert!(refused.text.contains("late@example.com"), "what was typed is there still");
    assert_eq!(page.list(&app).await.len(), 5);
    app.wait(46);
    assert_eq!(page.sign_up(&app, "late@example.com").await.status, 303);
}

#[tokio::test]
async fn how_many_forms_a_minute_is_a_setting() {
    let app = App::with(&[("limits.bio_forms_per_minute", "2")]).await;
    let page = Page::of(&app).await;
    let mut statuses = Vec::new();
    for n in 0..3 {
        statuses.push(page.sign_up(&app, &format!("person{n}@example.com")).await.status);
    }
    assert_eq!(statuses, [303, 303, 429]);
}

#[tokio::test]
async fn a_form_that_cannot_be_kept_says_so() {
    let app = App::with(&[("database.timeout_ms", "100")]).await;
    let page = Page::of(&app).await;
    let locked = crate::harness::lock(&app);
    let answer = page.sign_up(&app, "ada@example.com").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("ada@example.com"), "what was typed is there still");
    drop(locked);
    assert_eq!(sent_to(&page.sign_up(&app, "ada@example.com").await), "done");
}

#[tokio::test]
async fn lists_and_their_filters() {
    let app = App::start().await;
    let page = Page::of(&app).await;
    for n in 0..3 {
        page.sign_up(&app, &format!("person{n}@example.com")).await;
    }
    page.write(&app, "bob@example.org", "Hello").await;
    let path = format!("/bio-pages/{}/subscribers", page.id);
    for (query, count) in [
        ("", 4),
        ("?kind=contact", 1),
        ("?kind=signup&status=confirmed", 3),
        ("?status=pending", 0),
        ("?search=EXAMPLE.ORG", 1),
        ("?search=person1", 1),
        ("?search=%25", 0),
    ] {
        let listed = app.get(&format!("{path}{query}")).await.is(200);
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(count), "{query}");
    }
    let first = app.get(&format!("{path}?limit=3")).await.is(200);
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let rest = app.get(&format!("{path}?limit=3&cursor={cursor}")).await.is(200);
    assert_eq!(
        (rest["data"].as_array().map(Vec::len), &rest["data"][0]["email"]),
        (Some(1), &json!("person0@example.com"))
    );
    for query in ["?kind=x", "?status=x", "?format=xml", "?limit=0", "?cursor=x", "?format=csv&limit=5", "?page=2"] {
        assert_eq!(app.get(&format!("{path}{query}")).await.error(422), "validation_error", "{query}");
    }
}

#[tokio::test]
async fn all_of_a_list_as_csv() {
    let app = App::start().await;
    let page = Page::of(&app).await;
    page.write(&app, "+plus@example.com", "=HYPERLINK(\"https://evil.example\",\"x\")\r\nand, more").await;
    // More than are read at once.
    let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
                  INSERT INTO subscribers (id, owner, page_id, block_id, kind, email, email_key, digest, status, created_at) \
                  SELECT 'sub_00000000000000000000' || (100000 + i), owner, page_id, block_id, 'signup', 'p' || i || '@example.com', \
                  'p' || i || '@example.com', '', 'pending', created_at FROM n, subscribers WHERE number = 1";
    assert_eq!(database.execute(insert, []).expect("rows"), 2500);
    let answer = app.get(&format!("/bio-pages/{}/subscribers?format=csv", page.id)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"subscribers-bp_"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let head: Vec<_> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    assert_eq!(head[..6], ["id", "email", "kind", "status", "name", "message"]);
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 2501);
    assert_eq!(&rows[0][1], "'+plus@example.com");
    assert_eq!(&rows[0][5], "'=HYPERLINK(\"https://evil.example\",\"x\")\nand, more");
    let mut emails: Vec<_> = rows.iter().map(|row| row[1].to_owned()).collect();
    emails.sort_unstable();
    emails.dedup();
    assert_eq!(emails.len(), 2501, "none twice");
    let none = app.get(&format!("/bio-pages/{}/subscribers?format=csv&search=nobody", page.id)).await;
    assert_eq!(none.text.lines().count(), 1, "the head alone");
}

#[tokio::test]
async fn who_is_deleted_is_gone_with_what_was_to_be_mailed() {
    let postbox = Postbox::start().await;
    let mut flags = mailing(&postbox);
    // Nobody listens there, so letters wait.
    flags[0].1 = "smtp://127.0.0.1:9".to_owned();
    let app = app_with(&flags).await;
    let page = Page::of(&app).await;
    page.sign_up(&app, "ada@example.com").await;
    assert_eq!(app.server().store.outgoing_letters().await.expect("a store").waiting, 1);
    let id = page.list(&app).await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/bio-pages/{}/subscribers/{id}", page.id);
    let test = app.key_for("all", true).await;
    assert_eq!(Answer::of(app.api_as(&test, Method::DELETE, &path)).await.error(404), "not_found");
    assert_eq!(app.delete(&path).await.status, 204);
    assert_eq!(app.delete(&path).await.error(404), "not_found");
    assert_eq!(app.server().store.outgoing_letters().await.expect("a store").waiting, 0);
    let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    for table in ["subscribers", "letters"] {
        let count: i64 =
            database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count");
        assert_eq!(count, 0, "{table}");
    }
}

#[tokio::test]
async fn pages_of_the_test_environment_keep_to_themselves() {
    let app = App::start().await;
    let test = app.key_for("all", true).await;
    let page = Page::of_key(&app, &test, None).await;
    assert_eq!(sent_to(&page.sign_up(&app, "ada@example.com").await), "done");
    let path = format!("/bio-pages/{}/subscribers", page.id);
    assert_eq!(app.get(&path).await.error(404), "not_found");
    let listed = Answer::of(app.api_as(&test, Method::GET, &path)).await.is(200);
    assert_eq!(listed["data"][0]["email"], "ada@example.com");
}

#[tokio::test]
async fn on_postgres_too() {
    let mut postbox = Postbox::start().await;
    let flags = mailing(&postbox);
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let app = App::on_postgres(&flags).await;
    let page = Page::of(&app).await;
    let link = signed_up(&page, &app, &mut postbox, "ada@example.com").await.link("/-/confirm/");
    assert_eq!(press(&app, &link).await.status, 200);
    assert_eq!(page.list(&app).await[0]["status"], "confirmed");
}
