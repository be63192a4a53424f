//! The command line, as the people who type it see it.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use crate::{
    binary::{Server, ended, mask},
    wire::{Wire, api_request},
};

/// Runs a command to its end.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    (status.code(), String::from_utf8(stdout).expect("text"), String::from_utf8(stderr).expect("text"))
}

/// Runs a command on the data of a server.
fn on(server: &Server, arguments: &[&str]) -> (Option<i32>, String, String) {
    run(mask(arguments).arg("--data-dir").arg(server.data()))
}

fn status(server: &Server, key: &str) -> u16 {
    Wire::open(server.address())
        .expect("a connection")
        .ask(&api_request("GET", "/links", key, "", ""))
        .expect("an answer")
        .status
}

/// A command that should not be able to start a server, and what it says.
fn refused(command: &mut Command) -> (Option<i32>, String) {
    let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let status = ended(&mut child);
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    (status.code(), said)
}

fn serve(folder: &std::path::Path) -> Command {
    let mut command = mask(&["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(folder).current_dir(folder.parent().unwrap_or(folder));
    command
}

#[test]
fn a_first_start_prints_a_line_that_works() {
    // The port of the public URL is what is printed, so it must be the one that is listened on.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let url = format!("http://127.0.0.1:{port}");
    let mut server = Server::start_at(port, &[("server.public_url", &url)]);
    let key = server.first_key().expect("a key");
    let greeting = server.printed_until("All the rest is at");
    let line = greeting.lines().map(str::trim).find(|line| line.starts_with("curl ")).expect("a line to paste");
    assert!(line.contains(&key) && greeting.matches(&key).count() == 2, "{greeting}");
    let pasted = Command::new("sh").args(["-c", line]).output().expect("sh runs");
    assert!(pasted.status.success(), "{}", String::from_utf8_lossy(&pasted.stderr));
    let link: serde_json::Value = serde_json::from_slice(&pasted.stdout).expect("a link");
    let short_url = link["short_url"].as_str().expect("an address");
    assert!(short_url.starts_with(&url), "{link}");
    let followed = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", short_url])
        .output()
        .expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&followed.stdout), "302 https://example.com/");
    assert!(!server.said().contains(&key), "a key is in no log");

    server.terminate();
    let mut server = server.again();
    assert_eq!(status(&server, &key), 200);
    server.terminate();
    let printed = server.printed();
    assert!(!printed.contains("mk_live_") && printed.contains(&format!("{url}/setup?word=")), "{printed}");
    assert!(!server.said().contains("word="), "a word is in no log");
    let left = |name: &str| server.data().join(name).exists();
    for (file, stays) in [("mask.db", true), ("clicks.db", true), ("mask.db-wal", false), ("clicks.db-wal", false)] {
        assert_eq!(left(file), stays, "{file} after a clean end");
    }
}

#[test]
fn a_server_has_no_huge_pages() {
    assert_eq!(Server::start(&[]).status("THP_enabled"), "0", "each of its threads would have one and use a little");
}

#[test]
fn keys_while_the_server_runs() {
    let server = Server::start(&[]);
    server.first_key().expect("a key");
    let (code, out, said) = on(&server, &["keys", "create", "--name", "ci", "--scopes", "links:read", "--test"]);
    assert_eq!(code, Some(0), "{said}");
    let key = out.lines().last().expect("a key").to_owned();
    assert!(key.starts_with("mk_test_") && out.lines().count() == 1, "stdout is the key alone: {out}");
    assert_eq!(status(&server, &key), 200, "it works at once");
    let denied = api_request("POST", "/links", &key, "", r#"{"url":"https://example.com/"}"#);
    assert_eq!(Wire::open(server.address()).expect("a connection").ask(&denied).expect("an answer").status, 403);

    let (code, list, _) = on(&server, &["keys", "list"]);
    assert_eq!(code, Some(0));
    let line = list.lines().find(|line| line.contains(" ci ")).expect("the key");
    assert!(
        line.contains("test") && line.contains("links:read") && line.contains("active") && !list.contains(&key),
        "{list}"
    );
    assert!(list.contains("First key"), "{list}");
    let id = line.split(' ').next().expect("an id").to_owned();

    let (code, _, said) = on(&server, &["keys", "revoke", &id]);
    assert_eq!((code, said.trim()), (Some(0), format!("Revoked {id}.").as_str()));
    assert_eq!(status(&server, &key), 401, "from the next request on");
    assert_eq!(on(&server, &["keys", "revoke", &id]).0, Some(0), "once more is no fault");
    assert!(on(&server, &["keys", "list"]).1.lines().any(|line| line.contains(&id) && line.contains("revoked")));
    let (code, _, said) = on(&server, &["keys", "revoke", "key_00000000000000000000000001"]);
    assert!(code == Some(1) && said.contains("there is no key"), "{said}");
    let (code, out, said) = on(&server, &["keys", "create", "--name", "x", "--scopes", "links:all"]);
    assert!(code == Some(2) && out.is_empty() && said.contains("links:all"), "{said}");
    let (code, _, said) = on(&server, &["keys", "create", "--name", "x", "--scopes", "all", "--workspace", "nowhere"]);
    assert!(code == Some(1) && said.contains("nowhere") && said.contains("there is: default (ws_"), "{said}");
}

#[test]
fn keys_of_any_workspace() {
    let server = Server::start(&[]);
    server.first_key().expect("a key");
    let create = ["workspaces", "create", "--slug", "marketing", "--name", "Größe & Söhne"];
    let (code, out, said) = on(&server, &create);
    assert_eq!(code, Some(0), "{said}");
    let id = out.trim();
    let (code, _, said) = on(&server, &create);
    assert!(code == Some(1) && said.contains("already"), "{said}");
    let (_, list, _) = on(&server, &["workspaces", "list"]);
    assert!(list.lines().any(|line| line.contains(id) && line.contains("Größe & Söhne")), "{list}");
    for name in ["marketing", id] {
        let command = ["keys", "create", "--name", name, "--scopes", "all", "--workspace", name];
        let (code, out, said) = on(&server, &command);
        assert!(code == Some(0) && said.contains("of the workspace \"marketing\""), "{said}");
        assert_eq!(status(&server, out.trim()), 200);
    }
    let made =
        api_request("POST", "/links", &server.first_key().expect("a key"), "", r#"{"url":"https://example.com/"}"#);
    assert_eq!(Wire::open(server.address()).expect("a connection").ask(&made).expect("an answer").status, 201);
    let (code, out, _) = on(&server, &["keys", "create", "--name", "c", "--scopes", "all", "--workspace", id]);
    let request = api_request("GET", "/links", out.trim(), "", "");
    let theirs = Wire::open(server.address()).expect("a connection").ask(&request).expect("an answer").json();
    assert_eq!(
        (code, theirs["data"].as_array().map(Vec::len)),
        (Some(0), Some(0)),
        "another workspace's links are not theirs"
    );
    for name in ["nowhere", "ws_01kcd3vyk5f8r9v3k2m4n6p8qb"] {
        let (code, _, said) = on(&server, &["keys", "create", "--name", "x", "--scopes", "all", "--workspace", name]);
        assert!(code == Some(1) && said.contains(name) && said.contains("there are: default (ws_"), "{said}");
        assert!(said.contains(&format!("marketing ({id})")), "{said}");
    }
    let (code, _, said) = on(&server, &["keys", "create", "--name", "x", "--scopes", "all", "--workspace", "No Such"]);
    assert!(code == Some(2) && said.contains("2 to 48"), "{said}");
}

#[test]
fn keys_before_the_first_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (code, out, _) = run(mask(&["keys", "create", "--name", "early", "--scopes", "all", "--data-dir"]).arg(&data));
    assert_eq!(code, Some(0));
    let key = out.lines().last().expect("a key").to_owned();
    let mut server = Server::start_in(folder, &[]);
    assert_eq!(status(&server, &key), 200);
    server.terminate();
    assert!(!server.printed().contains("mk_live_"), "the installation was begun by the other command");
}

#[test]
fn the_doctor() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (code, out, _) = run(mask(&["doctor", "--data-dir"]).arg(&data));
    assert!(code == Some(0) && out.contains("there is no database yet"), "{out}");
    assert!(!data.exists(), "it makes nothing");
    let server = Server::start(&[]);
    let (code, out, _) = on(&server, &["doctor"]);
    assert!(code == Some(0) && out.contains("All is well.") && out.contains("storage.data_dir"), "{out}");
    let nowhere = "postgres://me:hunter2@127.0.0.1:1/none";
    let (code, out, said) = run(mask(&["doctor", "--data-dir"]).arg(&data).env("MASK_DATABASE__URL", nowhere));
    assert!(code == Some(1) && out.contains("WRONG"), "{out}");
    assert!(!out.contains("hunter2") && !said.contains("hunter2") && out.contains("me:***@"), "{out}{said}");
}

#[test]
fn settings_that_are_wrong_are_told_all_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mask.toml"), "[server]\nthreads = \"many\"\n[links]\nslug_lenght = 3\n")
        .expect("a file");
    for arguments in [&["serve"][..], &["doctor"], &["keys", "list"]] {
        let command = &mut mask(arguments);
        let (code, out, said) =
            run(command.current_dir(folder.path()).env("MASK_LOG__LEVEL", "loud").env("MASK_NO__SUCH", "1"));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
        for part in ["server.threads", "mask.toml line 2", "slug_lenght", "MASK_LOG__LEVEL", "MASK_NO__SUCH"] {
            assert!(said.contains(part), "{part} is not in:\n{said}");
        }
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
    let (code, _, said) = run(&mut mask(&["serve", "--config", "/no/such/file.toml"]));
    assert!(code == Some(2) && said.contains("/no/such/file.toml"), "{said}");
    assert_eq!(run(&mut mask(&["sreve"])).0, Some(2));
    assert_eq!(run(&mut mask(&["serve", "--no-such-flag"])).0, Some(2));
}

#[test]
fn what_needs_no_server() {
    let (code, out, _) = run(&mut mask(&["openapi"]));
    let document: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, Some(0));
    assert!(
        document["openapi"].as_str().is_some_and(|version| version.starts_with("3."))
            && document["paths"]["/api/v1/links"].is_object()
    );
    let (code, out, _) = run(&mut mask(&["--version"]));
    assert!(code == Some(0) && out.starts_with("mask "), "{out}");
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["keys", "--help"],
        &["keys", "create", "--help"],
        &["doctor", "--help"],
        &["openapi", "--help"],
    ] {
        let (code, out, _) = run(&mut mask(arguments));
        assert!(code == Some(0) && out.contains("Usage:"), "{arguments:?}: {out}");
    }
}

#[test]
fn a_newer_database_is_left_alone() {
    let mut server = Server::start(&[]);
    server.first_key().expect("a key");
    server.terminate();
    let connection = rusqlite::Connection::open(server.data().join("mask.db")).expect("a database");
    let table: String = connection
        .query_row(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE '%migration%' OR name LIKE '%schema%')",
            [],
            |row| row.get(0),
        )
        .expect("the table of migrations");
    let columns: Vec<String> = connection
        .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
        .and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect())
        .expect("its columns");
    let copied =
        columns.iter().map(|column| if column == "version" { "max(version) + 100".to_owned() } else { column.clone() });
    let sql = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {table}",
        columns.join(", "),
        copied.collect::<Vec<_>>().join(", ")
    );
    connection.execute_batch(&sql).expect("a row");
    drop(connection);
    let (code, said) = refused(&mut serve(&server.data()));
    assert!(code == Some(1) && said.contains("newer") && said.lines().count() <= 2, "{code:?} {said}");
    let (code, out, _) = on(&server, &["doctor"]);
    assert!(code == Some(1) && out.contains("newer"), "{out}");
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let (code, said) = refused(mask(&["serve", "--listen", &address, "--data-dir"]).arg(folder.path().join("data")));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let (code, said) = refused(mask(&["serve", "--listen", &address, "--data-dir"]).arg(folder.path().join("data")));
    assert!(code == Some(1) && said.contains(&address), "another server shares no port: {said}");
    let (code, said) =
        refused(mask(&["serve", "--listen", "192.0.2.1:0", "--data-dir"]).arg(folder.path().join("data")));
    assert!(code == Some(1) && said.contains("192.0.2.1"), "{said}");
}

#[test]
fn an_address_of_metrics_that_cannot_be_had() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = (taken.local_addr().expect("an address").to_string(), taken);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for address in [taken.0.as_str(), "192.0.2.1:9090"] {
        let (code, said) = refused(serve(&data).env("MASK_METRICS__LISTEN", address));
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(address) && said.contains("metrics.listen"), "{said}");
    }
    assert!(!data.exists(), "nothing was begun");
    let doctor = |address: &str| run(mask(&["doctor", "--data-dir"]).arg(&data).env("MASK_METRICS__LISTEN", address));
    let (code, out, _) = doctor("192.0.2.1:9090");
    assert!(code == Some(1) && out.contains("set metrics.listen to one that can"), "{out}");
    let (code, out, _) = doctor(&taken.0);
    assert!(code == Some(0) && out.contains(&format!("{} of metrics.listen is in use", taken.0)), "{out}");
}

#[test]
fn two_servers_on_one_folder() {
    let server = Server::start(&[]);
    let key = server.first_key().expect("a key");
    let (code, said) = refused(&mut serve(&server.data()));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("in use by another process") && said.contains("journal"), "{said}");
    assert_eq!(status(&server, &key), 200, "the first goes on");
}

#[test]
fn a_folder_that_cannot_be_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let (code, said) = refused(serve(&file.join("data")).current_dir(folder.path()));
    assert!(code == Some(1) && said.contains("cannot make the folder"), "{code:?} {said}");
    let (code, said) = refused(serve(&file).current_dir(folder.path()));
    let named = file.display().to_string();
    assert!(code == Some(1) && said.contains("is no folder") && said.contains(&named), "{code:?} {said}");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::write(
        data.join("mask.db"),
        "this is no database, and long enough not to be taken for an empty one".repeat(20),
    )
    .expect("a file");
    let (code, said) = refused(&mut serve(&data));
    let file = data.join("mask.db").display().to_string();
    for part in ["not a database", "damaged", "restore it from a backup", &file] {
        assert!(code == Some(1) && said.contains(part) && said.lines().count() == 1, "{part}: {code:?} {said}");
    }
    let (code, out, _) = run(mask(&["doctor", "--data-dir"]).arg(&data));
    assert!(code == Some(1) && out.contains("damaged"), "{out}");
}

/// Answers requests with these, one after the other, each on a connection of its own; what was asked.
fn answers(listener: &TcpListener, replies: &[(u16, &str)]) -> Vec<String> {
    let mut asked = Vec::new();
    for (status, body) in replies {
        let (mut stream, _) = listener.accept().expect("a connection");
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a head") > 0 {
            request.push(byte[0]);
        }
        let head = String::from_utf8(request).expect("text");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        stream.read_exact(&mut vec![0; length.unwrap_or(0)]).expect("a body");
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
            .expect("sent");
        asked.push(head.lines().next().unwrap_or_default().to_owned());
    }
    asked
}

#[test]
fn a_listener_is_told_of_a_report_that_is_refused() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    let mut command = mask(&["webhooks", "listen", "--server", &url, "--key", "mk_test_x", "--forward-to"]);
    command.arg(format!("{url}/hook")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let asked = answers(
        &server,
        &[
            (201, r#"{"id":"wh_1","secret":"whsec_x","events":["link.clicked"]}"#),
            (200, r#"{"data":[{"delivery_id":"dlv_1","event":"link.clicked","headers":{},"body":"{}"}]}"#),
            (204, ""),
            (400, r#"{"error":{"message":"Too late.","details":[{"field":"delivery_id","message":"Unknown"}]}}"#),
            (404, "{}"),
        ],
    );
    assert!(asked[2].starts_with("POST /hook ") && asked[3].contains("/listeners/wh_1/report "), "{asked:?}");
    assert_eq!(ended(&mut child).code(), Some(1));
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(said.contains("dlv_1") && said.contains("Too late. delivery_id: Unknown"), "{said}");
}

#[test]
fn accounts_from_the_command_line() {
    let server = Server::start(&[]);
    let (code, link, _) = on(&server, &["users", "setup-link"]);
    assert!(code == Some(0) && link.trim().starts_with("http://localhost:8080/setup?word="), "{link}");
    assert_eq!(link.trim().len(), "http://localhost:8080/setup?word=".len() + 64);
    let (_, link, _) = on(&server, &["users", "setup-link", "--public-url", "https://go.example.com"]);
    assert!(link.starts_with("https://go.example.com/setup?word="), "{link}");
    let (code, listed, said) = on(&server, &["users", "list"]);
    assert!(code == Some(0) && listed.lines().count() == 1 && said.contains("setup-link"), "{listed}{said}");
    let create =
        ["users", "create", "--email", "ada@example.com", "--name", "Ada", "--workspace", "default", "--role", "admin"];
    let (code, link, said) = on(&server, &create);
    assert!(code == Some(0) && link.starts_with("http://localhost:8080/new-password?word="), "{link}{said}");
    assert!(said.contains("usr_") && !said.contains("word="), "{said}");
    let (code, _, said) = on(&server, &create);
    assert!(code == Some(1) && said.contains("already"), "{said}");
    let (code, _, said) = on(&server, &["users", "setup-link"]);
    assert!(code == Some(1) && said.contains("there is an account already"), "{said}");
    let (code, _, _) = on(&server, &["users", "create", "--email", "nobody", "--name", "x"]);
    assert_eq!(code, Some(2));

    let with_password = |password: &str| {
        let arguments =
            ["users", "create", "--email", "bob@example.com", "--name", "Bob", "--admin", "--password-stdin"];
        let mut command = mask(&arguments);
        command
            .arg("--data-dir")
            .arg(server.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        child.stdin.take().expect("a pipe").write_all(password.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"), output.stdout)
    };
    let (code, said, _) = with_password("password1\n");
    assert!(code == Some(1) && said.contains("everybody knows"), "{said}");
    let (code, said, printed) = with_password("correct horse battery staple\n");
    assert!(code == Some(0) && printed.is_empty(), "{said}");
    let sign_in = || {
        let body = r#"{"email":"bob@example.com","password":"correct horse battery staple"}"#;
        let more = "Origin: http://localhost:8080\r\n";
        let request = api_request("POST", "/auth/sign-in", "", more, body);
        Wire::open(server.address()).expect("a connection").ask(&request).expect("an answer").status
    };
    assert_eq!(sign_in(), 200, "a server that runs knows of it");
    for (command, state, status) in [("disable", "disabled since", 401), ("enable", "active", 200)] {
        let (code, _, said) = on(&server, &["users", command, "bob@example.com"]);
        assert_eq!(code, Some(0), "{said}");
        let (_, listed, _) = on(&server, &["users", "list"]);
        assert!(listed.lines().any(|line| line.contains("bob@example.com") && line.contains(state)), "{listed}");
        assert_eq!(sign_in(), status, "{command}");
    }
    // Bob alone ran the installation, and Ada gets to own what nobody else does.
    let (code, _, said) = on(&server, &["users", "disable", "--email", "bob@example.com"]);
    assert!(code == Some(0) && said.contains("Nobody who can sign in runs this installation now"), "{said}");
    on(&server, &["users", "enable", "--email", "bob@example.com"]);
    let assign = ["users", "assign", "ada@example.com", "--workspace", "default", "--role"];
    let (code, _, said) = on(&server, &[&assign[..], &["owner"]].concat());
    assert!(code == Some(0) && said.contains("is owner of default"), "{said}");
    let (code, _, said) = on(&server, &[&assign[..], &["viewer"]].concat());
    assert!(code == Some(1) && said.contains("the only owner"), "{said}");
    let (code, _, said) = on(&server, &["users", "disable", "ada@example.com"]);
    assert!(code == Some(0) && said.contains("default has no owner who can sign in now"), "{said}");
    let (code, _, said) = on(&server, &["users", "change-email", "bob@example.com", "--to", "ada@example.com"]);
    assert!(code == Some(1) && said.contains("already"), "{said}");
    for (from, to) in [("bob@example.com", "bob@example.org"), ("bob@example.org", "bob@example.com")] {
        let (code, _, said) = on(&server, &["users", "change-email", "--email", from, "--to", to]);
        assert!(code == Some(0) && said.contains(to), "{said}");
    }
    for twice in [&["users", "disable"][..], &["users", "disable", "a@example.com", "--email", "a@example.com"]] {
        assert_eq!(on(&server, twice).0, Some(2), "{twice:?}");
    }
    assert_eq!(
        on(&server, &["users", "create", "cleo@example.com", "--name", "Cleo"]).0,
        Some(0),
        "with or without --email"
    );
    let reset =
        ["users", "reset-password", "--forget-app", "bob@example.com", "--public-url", "https://go.example.com"];
    let (code, link, said) = on(&server, &reset);
    assert!(code == Some(0) && link.starts_with("https://go.example.com/new-password?word="), "{link}{said}");
    let (code, _, said) = on(&server, &["users", "reset-password", "eve@example.com"]);
    assert!(code == Some(1) && said.contains("there is no account eve@example.com"), "{said}");
}
