//! Bytes that mean no good: each gets a clear refusal or a closed connection, never a 5xx, and the next visitor is served.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    binary::Server,
    harness::App,
    wire::{Wire, api_request},
};

/// What a client may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Exactly this.
    Status(u16),
    /// One of 4xx, or nothing and the end of the connection.
    Refused,
    /// One of these, and then the end of the connection: what follows must not be read as another request.
    LastOf(&'static [u16]),
}

use Expected::{LastOf, Refused, Status};

const HEAD: &str = "GET /still-here HTTP/1.1\r\nHost: localhost\r\n";

async fn app(flags: &[(&'static str, &str)]) -> App {
    let app = App::with(flags).await;
    app.link(json!({"url": "https://example.com/here", "slug": "still-here"})).await;
    app.link(json!({"url": "https://example.com/secret", "slug": "locked-one", "password": "sesame"})).await;
    app
}

/// Does it on a thread that may block.
async fn blocking<T: Send + 'static>(step: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(step).await.expect("it ended")
}

/// What comes back for these bytes, and whether the connection ended after it.
fn talk(address: SocketAddr, bytes: &[u8]) -> (Option<u16>, bool) {
    let mut wire = Wire::open(address).expect("a connection");
    // A server that has refused the head need not read the rest.
    let _ = wire.send(bytes);
    let first = wire.reply();
    let _ = wire.finish();
    match first {
        Ok(reply) => {
            let second = wire.reply();
            (Some(reply.status), second.is_err())
        }
        Err(error) => {
            assert!(!matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "it hangs");
            (None, true)
        }
    }
}

fn still_serves(address: SocketAddr) {
    let reply = Wire::open(address).expect("a connection").visit("/still-here", "").expect("an answer");
    assert_eq!((reply.status, reply.header("location")), (302, "https://example.com/here"));
}

fn holds(expected: Expected, status: Option<u16>, is_last: bool) -> bool {
    match expected {
        Status(wanted) => status == Some(wanted),
        Refused => status.is_none_or(|status| (400..500).contains(&status)),
        LastOf(statuses) => status.is_some_and(|status| statuses.contains(&status)) && is_last,
    }
}

#[tokio::test]
async fn bytes_that_mean_no_good() {
    let app = app(&[]).await;
    let address = app.server().addresses[0];
    let smuggled = "GET /smuggled-one HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut table: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("a header that is too long", format!("{HEAD}X: {}\r\n\r\n", "a".repeat(300_000)).into(), Status(431)),
        ("too many headers", format!("{HEAD}{}\r\n", "X: 1\r\n".repeat(101)).into(), Status(431)),
        ("as many headers as may be", format!("{HEAD}{}\r\n", "X: 1\r\n".repeat(98)).into(), Status(302)),
        (
            "a URL that is too long",
            format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(66_000)).into(),
            Refused,
        ),
        ("a long URL", format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(60_000)).into(), Status(404)),
        (
            "a long query",
            format!("GET /still-here?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a=b&".repeat(12_000)).into(),
            Status(302),
        ),
        ("a head without an end, too long", format!("{HEAD}X: {}", "a".repeat(100_000)).into(), Status(431)),
        ("no UTF-8 in the path", b"GET /\xff\xfe\xfd\xfc HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), Refused),
        ("no UTF-8 in the query", b"GET /still-here?\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), Refused),
        (
            "no UTF-8 behind percent signs",
            "GET /still%ff%fehere HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            Status(404),
        ),
        ("half a percent sign", "GET /still-here% HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Status(404)),
        (
            "no percent sign of a query",
            "GET /still-here?a=%zz%&%=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            Status(302),
        ),
        ("NUL in the path", b"GET /still\0here HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), Refused),
        ("NUL in a header", format!("{HEAD}X: a\0b\r\n\r\n").into(), Refused),
        ("NUL in the host", "GET /still-here HTTP/1.1\r\nHost: local\0host\r\n\r\n".into(), Refused),
        ("a NUL behind a percent sign", "GET /still-here%00 HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Status(404)),
        ("a fragment", "GET /still-here#x HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Status(302)),
        (
            "the absolute form",
            "GET http://localhost/still-here HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            Status(302),
        ),
        (
            "the absolute form of another host",
            "GET http://other/still-here HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            Status(400),
        ),
        (
            "the absolute form of another scheme",
            "GET ftp://localhost/still-here HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            Expected::LastOf(&[302, 400, 404]),
        ),
        ("the form of CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n".into(), Refused),
        ("the asterisk form", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Refused),
        ("a path without a slash", "GET still-here HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Refused),
        ("a host that is too long", format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(300)).into(), Status(400)),
        ("a host that is no text", b"GET /still-here HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n".to_vec(), Refused),
        ("no host", "GET /still-here HTTP/1.1\r\n\r\n".into(), Status(400)),
        ("two hosts", format!("{HEAD}Host: localhost\r\n\r\n").into(), Status(400)),
        ("a method that is none", "G@T /still-here HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Refused),
        (
            "a method that is long",
            format!("{} /still-here HTTP/1.1\r\nHost: localhost\r\n\r\n", "A".repeat(10_000)).into(),
            Refused,
        ),
        ("HTTP/0.9", "GET /still-here\r\n\r\n".into(), Refused),
        ("HTTP/1.0 without a host", "GET /still-here HTTP/1.0\r\n\r\n".into(), LastOf(&[400])),
        ("HTTP/1.0", "GET /still-here HTTP/1.0\r\nHost: localhost\r\n\r\n".into(), LastOf(&[302])),
        ("HTTP/1.2", "GET /still-here HTTP/1.2\r\nHost: localhost\r\n\r\n".into(), Refused),
        ("HTTP/2 without notice", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".into(), Refused),
        ("HTTP/11.1", "GET /still-here HTTP/11.1\r\nHost: localhost\r\n\r\n".into(), Refused),
        ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh\r\n\r\n".to_vec(), Refused),
        ("noise", (0..=255).cycle().take(10_000).map(|byte: u8| byte.wrapping_mul(167)).collect(), Refused),
        ("zeros", vec![0; 70_000], Refused),
        ("nothing at all", Vec::new(), Refused),
        ("an upgrade", format!("{HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n").into(), Status(302)),
        ("a continued header", format!("{HEAD}X: a\r\n b\r\n\r\n").into(), Refused),
        ("a space before the colon", format!("{HEAD}X : a\r\n\r\n").into(), Refused),
        ("a header without a name", format!("{HEAD}: a\r\n\r\n").into(), Refused),
        ("a header without a colon", format!("{HEAD}abc\r\n\r\n").into(), Refused),
        ("a bare CR", format!("{HEAD}X: a\rY: b\r\n\r\n").into(), Refused),
        ("an expectation", format!("{HEAD}Expect: 200-maybe\r\n\r\n").into(), Status(302)),
    ];
    // Two that could be understood in two ways: either refused, or the last that this connection says.
    let posts = |headers: &str, body: &str| {
        format!("POST /locked-one HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n{headers}\r\n{body}{smuggled}").into_bytes()
    };
    let gets = |headers: &str, body: &str| format!("{HEAD}{headers}\r\n{body}{smuggled}").into_bytes();
    let two_ways = LastOf(&[302, 400, 403, 405]);
    for (name, headers, body) in [
        ("length and chunks", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\n"),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 3\r\n", "abc"),
        ("two lengths in one", "Content-Length: 0, 3\r\n", "abc"),
        ("a length with a sign", "Content-Length: +3\r\n", "abc"),
        ("a length below nothing", "Content-Length: -3\r\n", "abc"),
        ("a length in hexadecimal", "Content-Length: 0x3\r\n", "abc"),
        ("a length beyond all numbers", "Content-Length: 99999999999999999999999\r\n", "abc"),
        ("an empty length", "Content-Length: \r\n", "abc"),
        ("chunks that are not last", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("chunks by another name", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("chunks behind a tab", "Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
        ("chunks with a space before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("chunks in a continued line", "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
        ("a chunk that is no number", "Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n"),
        ("a chunk with a sign", "Transfer-Encoding: chunked\r\n", "-1\r\nabc\r\n0\r\n\r\n"),
        ("a chunk beyond all numbers", "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        ("a chunk that is longer than it says", "Transfer-Encoding: chunked\r\n", "1\r\nabc\r\n0\r\n\r\n"),
        (
            "a chunk with an endless extension",
            "Transfer-Encoding: chunked\r\n",
            &format!("1;{}\r\na\r\n0\r\n\r\n", "a".repeat(70_000)),
        ),
        (
            "a chunk with an endless trailer",
            "Transfer-Encoding: chunked\r\n",
            &format!("1\r\na\r\n0\r\nX: {}\r\n\r\n", "a".repeat(70_000)),
        ),
    ] {
        table.push((name, posts(headers, body), two_ways));
        table.push((name, gets(headers, body), two_ways));
    }
    let key = app.key.clone();
    for (name, headers, body) in [
        ("chunks and length to the API", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
        ("a chunk that is no number to the API", "Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
    ] {
        let head = format!(
            "POST /api/v1/links HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        );
        table.push((name, format!("{head}{headers}\r\n{body}{smuggled}").into(), LastOf(&[400, 408, 413, 422])));
    }
    blocking(move || {
        let mut wrong = Vec::new();
        for (name, bytes, expected) in table {
            let (status, is_last) = talk(address, &bytes);
            if !holds(expected, status, is_last) {
                wrong.push(format!(
                    "{name}: {status:?}, last: {is_last}, expected {expected:?}: {}",
                    String::from_utf8_lossy(&bytes[..bytes.len().min(160)])
                ));
            }
            still_serves(address);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}

/// A bare LF ends a line for some and not for others: whoever takes it must take it everywhere.
#[tokio::test]
async fn lines_that_end_in_lf_alone() {
    let app = app(&[]).await;
    let address = app.server().addresses[0];
    blocking(move || {
        let (status, _) = talk(address, b"GET /still-here HTTP/1.1\nHost: localhost\n\n");
        assert!(matches!(status, Some(302 | 400)), "{status:?}");
        let (status, is_last) = talk(address, b"POST /still-here HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\n\nGET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(matches!(status, Some(400 | 405)) && is_last, "{status:?} {is_last}");
        still_serves(address);
    })
    .await;
}

/// Where no request could be read there is still somebody who wants to know why.
#[tokio::test]
async fn refused_heads_are_told_in_our_words() {
    for flags in [&[][..], &[("proxy.trusted", "127.0.0.0/8")]] {
        let app = app(flags).await;
        let (address, key) = (app.server().addresses[0], app.key.clone());
        blocking(move || {
            let long = "a".repeat(100_000);
            for (request, status, code) in [
                (format!("GET /api/v1/links?search={long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414, "uri_too_long"),
                (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414, "uri_too_long"),
                (format!("{HEAD}X: {long}{long}{long}\r\n\r\n"), 431, "headers_too_large"),
                (format!("{HEAD}{}\r\n", "X: 1\r\n".repeat(101)), 431, "headers_too_large"),
                (format!("{HEAD}X : a\r\n\r\n"), 400, "bad_request"),
                (format!("GET {} HTTP/1.1\r\n\r\n", "/<>\u{7f}\\"), 400, "bad_request"),
                ("\u{1}\u{2}\r\n\r\n".to_owned(), 400, "bad_request"),
            ] {
                let mut wire = Wire::open(address).expect("a connection");
                // What came before is answered as ever, and in order.
                wire.send(&api_request("GET", "/tags", &key, "", "")).expect("sent");
                assert_eq!(wire.reply().expect("an answer").status, 200);
                wire.send(request.as_bytes()).expect("sent");
                let reply = wire.reply().expect("an answer");
                let name: String = request.chars().take(40).collect();
                assert_eq!((reply.status, reply.header("content-type")), (status, "application/json"), "{name}");
                let error = &reply.json()["error"];
                assert_eq!(error["code"], code, "{name}");
                let id = reply.header("x-request-id");
                assert!(id.starts_with("req_") && error["request_id"] == id, "{name}: {reply:?}");
                assert_eq!((reply.header("connection"), wire.is_closed()), ("close", true), "{name}");
            }
            still_serves(address);
        })
        .await;
    }
}

#[tokio::test]
async fn a_head_that_comes_too_slowly() {
    let app = app(&[("server.header_timeout_seconds", "1")]).await;
    let address = app.server().addresses[0];
    blocking(move || {
        let began = Instant::now();
        let mut slow: Vec<_> = (0..20).map(|_| Wire::open(address).expect("a connection")).collect();
        for (number, wire) in slow.iter_mut().enumerate() {
            wire.send(&HEAD.as_bytes()[..number]).expect("sent");
        }
        still_serves(address);
        for (number, wire) in slow.iter_mut().enumerate() {
            match wire.reply() {
                Ok(reply) => {
                    assert_eq!((reply.status, &reply.json()["error"]["code"]), (408, &json!("request_timeout")));
                    assert!(wire.is_closed() && number > 0);
                }
                Err(error) => {
                    assert!(!matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "still open");
                    assert_eq!(number, 0, "who has begun is told why it ends");
                }
            }
        }
        // Beyond the lane too, and also after a request that was answered.
        let mut posting = Wire::open(address).expect("a connection");
        posting.send(b"POST /still-here HTTP/1.1\r\nHost: loc").expect("sent");
        let mut next = Wire::open(address).expect("a connection");
        assert_eq!(next.ask(b"HEAD /still-here HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("an answer").status, 302);
        next.send(b"HEAD /still-here HTTP/1.1\r\nHo").expect("sent");
        for wire in [&mut posting, &mut next] {
            assert_eq!(wire.reply().expect("an answer").status, 408);
            assert!(wire.is_closed());
        }
        // A head that is too long for the lane has what is left of its time, and no head after it has that.
        let mut long = Wire::open(address).expect("a connection");
        long.send(b"GET /still-here HTTP/1.1\r\nHost: localhost\r\nX-Long: ").expect("sent");
        long.send(&vec![b'a'; 20_000]).expect("sent");
        long.send(b"\r\n\r\n").expect("sent");
        let reply = long.reply().expect("an answer");
        assert_eq!((reply.status, reply.header("connection"), long.is_closed()), (302, "close", true));
        // Who says a byte now and then is no faster.
        let mut dripping = Wire::open(address).expect("a connection");
        let mut rest = HEAD.bytes().cycle();
        while dripping.send(&[rest.next().expect("endless")]).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(15), "a head that never ends is read for ever");
            std::thread::yield_now();
        }
        still_serves(address);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_comes_too_slowly() {
    let app = app(&[("server.body_timeout_seconds", "1")]).await;
    let (address, key) = (app.server().addresses[0], app.key.clone());
    blocking(move || {
        let mut request = api_request("POST", "/links", &key, "", r#"{"url": "https://example.com/"}"#);
        request.truncate(request.len() - 5);
        let mut wire = Wire::open(address).expect("a connection");
        let reply = wire.ask(&request).expect("an answer");
        assert!(matches!(reply.status, 400 | 408), "{reply:?}");
        assert!(wire.is_closed(), "what comes late must not be read as a request");
        still_serves(address);
    })
    .await;
}

#[tokio::test]
async fn requests_in_a_row_and_half_a_connection() {
    let app = app(&[]).await;
    let address = app.server().addresses[0];
    blocking(move || {
        let mut wire = Wire::open(address).expect("a connection");
        let request = format!("{HEAD}User-Agent: {}\r\n\r\n", crate::harness::BROWSER);
        wire.send(request.repeat(500).as_bytes()).expect("sent");
        for _ in 0..500 {
            assert_eq!(wire.reply().expect("an answer").status, 302);
        }
        wire.send(format!("{request}GET /never-made HTTP/1.1\r\nHost: localhost\r\n\r\n{request}").as_bytes())
            .expect("sent");
        wire.finish().expect("half a connection");
        for status in [302, 404, 302] {
            assert_eq!(wire.reply().expect("an answer").status, status, "who only listens is answered still");
        }
        assert!(wire.is_closed());
        for _ in 0..200 {
            // Gone before the answer is there.
            Wire::open(address).expect("a connection").send(request.as_bytes()).expect("sent");
        }
        still_serves(address);
    })
    .await;
    app.settle().await;
}

#[tokio::test]
async fn requests_in_pieces() {
    let app = app(&[]).await;
    let address = app.server().addresses[0];
    blocking(move || {
        still_serves(address);
        let plain = format!("{HEAD}User-Agent: {}\r\n\r\n", crate::harness::BROWSER);
        let form = "GET /locked-one HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for (request, statuses) in [
            (format!("{plain}{plain}"), [302, 302]),
            (format!("{plain}{form}"), [302, 200]),
            (format!("{form}{plain}"), [200, 302]),
        ] {
            for end in 1..request.len() {
                let mut wire = Wire::open(address).expect("a connection");
                wire.send(&request.as_bytes()[..end]).expect("sent");
                wire.send(&request.as_bytes()[end..]).expect("sent");
                for status in statuses {
                    let reply = wire.reply().expect("an answer");
                    assert_eq!(reply.status, status, "in two pieces, the first of {end} bytes");
                }
            }
            let mut wire = Wire::open(address).expect("a connection");
            for byte in request.as_bytes() {
                wire.send(&[*byte]).expect("sent");
            }
            assert_eq!(statuses.map(|_| wire.reply().expect("an answer").status), statuses);
        }
    })
    .await;
}

#[tokio::test]
async fn as_many_connections_as_there_are_places() {
    let app = app(&[("server.max_connections", "8"), ("server.header_timeout_seconds", "1")]).await;
    let address = app.server().addresses[0];
    blocking(move || {
        let idle: Vec<_> = (0..64).map(|_| Wire::open(address).expect("a connection")).collect();
        // All places are taken by clients that say nothing; when their time is over it is this one's turn.
        still_serves(address);
        drop(idle);
        still_serves(address);
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_idle_connections() {
    raise_file_limit();
    blocking(|| {
        let mut server = Server::start(&[("server.header_timeout_seconds", "120")]);
        let address = server.address();
        let key = server.first_key().expect("a key");
        let made = Wire::open(address).expect("a connection").ask(&api_request(
            "POST",
            "/links",
            &key,
            "",
            r#"{"url":"https://example.com/here","slug":"still-here"}"#,
        ));
        assert_eq!(made.expect("an answer").status, 201);
        let mut grown = Vec::new();
        for _ in 0..3 {
            let limit = usize::try_from(
                rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(20_000),
            )
            .unwrap_or(20_000);
            let count = 10_000.min(limit.saturating_sub(1000));
            let mut idle = Vec::with_capacity(count);
            for number in 0..count {
                let mut wire = Wire::open(address).expect("a connection");
                match number % 3 {
                    0 => {}
                    1 => wire.send(&HEAD.as_bytes()[..30]).expect("sent"),
                    _ => assert_eq!(wire.visit("/still-here", "").expect("an answer").status, 302),
                }
                idle.push(wire);
                if number % 500 == 0 {
                    still_serves(address);
                }
            }
            grown.push(server.memory_kib());
            still_serves(address);
            drop(idle);
            for _ in 0..100 {
                still_serves(address);
            }
        }
        // The allocator gives pages back when it likes; what must not be is that each crowd takes more than the last.
        let (first, last) = (grown[0], grown[2]);
        assert!(last < first + first / 4, "memory grows with each crowd, in KiB: {grown:?}");
        server.terminate();
    })
    .await;
}

pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("as many as the system allows");
}
