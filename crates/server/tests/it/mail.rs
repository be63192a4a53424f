//! Letters on their way to a real server of mail, and everything that such servers do.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use mask_store::Outgoing;

use crate::{
    harness::App,
    postbox::{Manner, Postbox, Setup},
    subscribers::{Page, app_with, mailing},
};

/// How the outbox is, once it is so; nothing else tells that something did not happen.
async fn outgoing(app: &App, is_so: impl Fn(&Outgoing) -> bool) -> Outgoing {
    let look = async {
        loop {
            let outgoing = app.server().store.outgoing_letters().await.expect("a store");
            if is_so(&outgoing) {
                return outgoing;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look).await.expect("in time")
}

/// An app that mails to this server, and a page of it.
async fn app_and_page(postbox: &Postbox) -> (App, Page) {
    let app = app_with(&mailing(postbox)).await;
    let page = Page::of(&app).await;
    (app, page)
}

#[tokio::test]
async fn a_letter_is_read_by_somebody_elses_program() {
    const READER: &str = r"
import email, email.policy, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps({
    'defects': [str(d) for part in message.walk() for d in part.defects],
    'headers': {name.lower(): str(value) for name, value in message.items()},
    'from': [[a.display_name, a.addr_spec] for a in message['from'].addresses],
    'text': message.get_body(('plain',)).get_content(),
    'html': message.get_body(('html',)).get_content(),
    'kind': message.get_content_type(),
}))
";
    let mut postbox = Postbox::start().await;
    let mut flags = mailing(&postbox);
    flags[2].1 = "Zoë & Söhne <links@go.example>".to_owned();
    flags.push(("mail.reply_to", "help@go.example".to_owned()));
    let app = app_with(&flags).await;
    let page = Page::of(&app).await;
    page.sign_up(&app, "ada@bücher.example").await;
    let letter = postbox.next().await;
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    python.stdin.take().expect("a pipe").write_all(letter.message.as_bytes()).expect("written");
    let output = python.wait_with_output().expect("python3 ends");
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read["defects"], serde_json::json!([]));
    assert_eq!(read["from"], serde_json::json!([["Zoë & Söhne", "links@go.example"]]));
    assert_eq!(read["kind"], "multipart/alternative");
    let headers = &read["headers"];
    assert_eq!(
        (&headers["to"], &headers["reply-to"]),
        (&"ada@xn--bcher-kva.example".into(), &"help@go.example".into())
    );
    assert_eq!(headers["auto-submitted"], "auto-generated");
    let link = letter.link("/-/confirm/");
    for part in ["text", "html"] {
        let text = read[part].as_str().expect("a text");
        assert!(text.split(['\r', '\n', '"']).any(|part| part.ends_with(&link)), "{text}");
    }
}

#[tokio::test]
async fn nothing_is_lost_while_the_server_of_mail_is_away() {
    let mut postbox = Postbox::start().await;
    let port = postbox.port;
    let (app, page) = app_and_page(&postbox).await;
    page.sign_up(&app, "first@example.com").await;
    assert_eq!(postbox.next().await.to, "first@example.com");
    postbox.close().await;
    page.sign_up(&app, "second@example.com").await;
    let waiting = outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    assert_eq!((waiting.waiting, waiting.given_up), (1, 0));
    page.sign_up(&app, "third@example.com").await;
    // It stays away for two days.
    app.wait(2 * 86_400);
    outgoing(&app, |outgoing| outgoing.waiting == 2).await;
    let mut postbox = Postbox::at(port, Setup::default(), |_| Manner::Takes).await;
    app.wait(600);
    let mut came = [postbox.next().await.to, postbox.next().await.to];
    came.sort_unstable();
    assert_eq!(came, ["second@example.com", "third@example.com"]);
    outgoing(&app, |outgoing| *outgoing == Outgoing::default()).await;
}

#[tokio::test]
async fn a_restart_takes_up_what_waits() {
    let postbox = Postbox::start().await;
    let port = postbox.port;
    let (mut app, page) = app_and_page(&postbox).await;
    postbox.close().await;
    page.sign_up(&app, "ada@example.com").await;
    outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    app.restart().await;
    let mut postbox = Postbox::at(port, Setup::default(), |_| Manner::Takes).await;
    app.wait(600);
    assert_eq!(postbox.next().await.to, "ada@example.com");
}

#[tokio::test]
async fn what_is_not_taken_now_is_tried_again_by_itself() {
    let manner = |before| match before {
        0 => Manner::ToRecipient("450 4.2.1 ada@example.com is busy"),
        2 => Manner::ToContent("451 4.7.1 later"),
        3 => Manner::ClosesMidway,
        _ => Manner::Takes,
    };
    let mut postbox = Postbox::that(Setup::default(), manner).await;
    let (app, page) = app_and_page(&postbox).await;
    page.sign_up(&app, "ada@example.com").await;
    let waiting = outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    let failure = waiting.failure.expect("a reason");
    assert!(failure.contains("450") && failure.contains("the recipient") && !failure.contains("ada@"), "{failure}");
    page.sign_up(&app, "bob@example.com").await;
    assert_eq!(postbox.next().await.to, "bob@example.com", "the others go on");
    let failed = async |is_it: fn(&str) -> bool| {
        app.wait(400);
        outgoing(&app, |outgoing| outgoing.failure.as_deref().is_some_and(is_it)).await;
    };
    failed(|failure| failure.contains("451")).await;
    failed(|failure| !failure.contains("45")).await;
    app.wait(3000);
    assert_eq!(postbox.next().await.to, "ada@example.com");
    outgoing(&app, |outgoing| *outgoing == Outgoing::default()).await;
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up() {
    for manner in [Manner::ToRecipient("550 5.1.1 no such user"), Manner::ToContent("554 5.7.1 spam")] {
        let mut postbox =
            Postbox::that(Setup::default(), move |before| if before == 0 { manner } else { Manner::Takes }).await;
        let (app, page) = app_and_page(&postbox).await;
        page.sign_up(&app, "ada@example.com").await;
        let given_up = outgoing(&app, |outgoing| outgoing.given_up == 1).await;
        assert!(given_up.reason.is_some_and(|reason| reason.contains("55")), "{manner:?}");
        app.wait(86_400);
        page.sign_up(&app, "bob@example.com").await;
        assert_eq!(postbox.next().await.to, "bob@example.com", "it was not tried again");
        let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
        let left: i64 = database
            .query_row("SELECT max(length(sealed)) FROM letters WHERE state = 2", [], |row| row.get(0))
            .expect("a length");
        assert_eq!(left, 0, "nothing of what it said is left");
    }
}

#[tokio::test]
async fn a_letter_is_given_up_after_four_days() {
    let postbox = Postbox::that(Setup::default(), |_| Manner::ToRecipient("450 busy")).await;
    let (app, page) = app_and_page(&postbox).await;
    page.sign_up(&app, "ada@example.com").await;
    outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    app.wait(4 * 86_400);
    let given_up = outgoing(&app, |outgoing| outgoing.given_up == 1).await;
    assert_eq!((given_up.waiting, given_up.reason.is_some()), (0, true));
}

#[tokio::test]
async fn a_server_that_refuses_our_sender_refuses_no_letter() {
    let manner = |before| if before == 0 { Manner::ToSender("553 5.7.1 not your address") } else { Manner::Takes };
    let mut postbox = Postbox::that(Setup::default(), manner).await;
    let (app, page) = app_and_page(&postbox).await;
    page.sign_up(&app, "ada@example.com").await;
    let waiting = outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    assert!(waiting.given_up == 0 && waiting.failure.is_some_and(|failure| failure.contains("mail.from")));
    app.wait(4);
    page.sign_up(&app, "bob@example.com").await;
    assert!(!postbox.has_more(), "it is left alone for five seconds");
    app.wait(2);
    assert_eq!([postbox.next().await.to, postbox.next().await.to], ["ada@example.com", "bob@example.com"]);
}

#[tokio::test]
async fn a_double_is_the_same_letter() {
    let manner = |before| if before == 0 { Manner::KeepsSilently } else { Manner::Takes };
    let mut postbox = Postbox::that(Setup::default(), manner).await;
    let (app, page) = app_and_page(&postbox).await;
    page.sign_up(&app, "ada@example.com").await;
    let first = postbox.next().await;
    outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    app.wait(61);
    let second = postbox.next().await;
    assert!(first.header("Message-ID").starts_with("<ltr_"));
    assert_eq!(first.message, second.message);
}

#[tokio::test]
async fn what_waits_is_sealed() {
    let postbox = Postbox::start().await;
    let port = postbox.port;
    let (app, page) = app_and_page(&postbox).await;
    postbox.close().await;
    page.sign_up(&app, "ada@example.com").await;
    let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let sealed: Vec<u8> = database.query_row("SELECT sealed FROM letters", [], |row| row.get(0)).expect("a letter");
    assert!(sealed.len() > 200 && !String::from_utf8_lossy(&sealed).contains("confirm"));
    // The attempt that finds nobody there is over, so that the next one is due by this clock.
    outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
    // With another key it is no letter any more, and stops nobody.
    database.execute("UPDATE letters SET sealed = zeroblob(300)", []).expect("damaged");
    let mut postbox = Postbox::at(port, Setup::default(), |_| Manner::Takes).await;
    app.wait(600);
    outgoing(&app, |outgoing| outgoing.given_up == 1).await;
    page.sign_up(&app, "bob@example.com").await;
    assert_eq!(postbox.next().await.to, "bob@example.com");
}

/// An app that believes the postbox's authority, mails to it in this way, and a page of it.
async fn safely(postbox: &Postbox, url: &str, starttls: &str, believes: bool) -> (App, Page, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("authority.pem");
    fs::write(&file, &postbox.authority).expect("a file");
    let mut flags = mailing(postbox);
    flags[0].1 = format!("{url}:{}", postbox.port);
    starttls.clone_into(&mut flags[1].1);
    if believes {
        flags.push(("outbound.ca_file", file.display().to_string()));
    }
    let app = app_with(&flags).await;
    let page = Page::of(&app).await;
    (app, page, folder)
}

const USER: Option<(&str, &str)> = Some(("links@go.example", "p w"));
const STARTTLS: Setup = Setup { offers_starttls: true, is_encrypted: false, user: None, smuggles: false };

#[tokio::test]
async fn letters_are_encrypted_as_the_settings_say() {
    let with_password = "smtp://links%40go.example:p%20w@127.0.0.1";
    for (setup, url, starttls, is_encrypted) in [
        (STARTTLS, "smtp://127.0.0.1", "required", true),
        (STARTTLS, "smtp://localhost", "offered", true),
        (STARTTLS, "smtp://127.0.0.1", "never", false),
        (Setup::default(), "smtp://127.0.0.1", "offered", false),
        (Setup { user: USER, ..STARTTLS }, with_password, "required", true),
        (Setup { user: USER, ..STARTTLS }, with_password, "offered", true),
        (Setup { is_encrypted: true, ..Setup::default() }, "smtps://127.0.0.1", "required", true),
        (
            Setup { is_encrypted: true, user: USER, ..Setup::default() },
            "smtps://links%40go.example:p%20w@127.0.0.1",
            "required",
            true,
        ),
    ] {
        let mut postbox = Postbox::that(setup, |_| Manner::Takes).await;
        let (app, page, _folder) = safely(&postbox, url, starttls, true).await;
        page.sign_up(&app, "ada@example.com").await;
        let letter = postbox.next().await;
        assert_eq!(letter.is_encrypted, is_encrypted, "{url} {starttls}");
        assert_eq!(letter.user.as_deref(), setup.user.map(|(user, _)| user));
    }
}

#[tokio::test]
async fn a_letter_that_could_be_read_on_the_way_is_not_sent() {
    let with_password = "smtp://links%40go.example:p%20w@127.0.0.1";
    for (setup, url, starttls, believes, words) in [
        (Setup::default(), "smtp://127.0.0.1", "required", true, "STARTTLS"),
        (Setup { user: USER, ..Setup::default() }, with_password, "offered", true, "STARTTLS"),
        (STARTTLS, "smtp://127.0.0.1", "required", false, "certificate"),
        (STARTTLS, "smtp://127.0.0.1", "offered", false, "certificate"),
        (Setup { is_encrypted: true, ..Setup::default() }, "smtps://127.0.0.1", "required", false, "certificate"),
        (Setup { smuggles: true, ..STARTTLS }, "smtp://127.0.0.1", "required", true, "in the clear"),
        (Setup { user: Some(("somebody", "else")), ..STARTTLS }, with_password, "required", true, "password"),
    ] {
        let postbox = Postbox::that(setup, |_| Manner::Takes).await;
        let (app, page, _folder) = safely(&postbox, url, starttls, believes).await;
        page.sign_up(&app, "ada@example.com").await;
        let waiting = outgoing(&app, |outgoing| outgoing.failure.is_some()).await;
        let failure = waiting.failure.expect("a reason");
        assert!(failure.contains(words) && !failure.contains("p w"), "{url} {starttls}: {failure}");
        assert_eq!((waiting.waiting, waiting.given_up, postbox.has_more()), (1, 0, false), "{url} {starttls}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_holds_up_no_end() {
    let mut postbox = Postbox::that(Setup::default(), |_| Manner::KeepsAndStalls).await;
    let (mut app, page) = app_and_page(&postbox).await;
    page.sign_up(&app, "ada@example.com").await;
    postbox.next().await;
    tokio::time::timeout(Duration::from_secs(20), app.stop()).await.expect("it ends");
}
