//! Receivers that answer, and those that do anything else.

use std::{
    future::pending,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, task::JoinSet};

use super::{
    super::pool::{IDLE_AT_MOST, KEPT_OF_ONE},
    receiver::{Receiver, Wire},
    *,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-seen: yes\r\n\r\nok";

#[tokio::test]
async fn an_answer_comes_back_with_what_was_asked_for() {
    let (receiver, outbound) = (Receiver::answering(OK).await, local());
    let answer = post(&outbound, &receiver.url()).await.expect("an answer");

    assert_eq!((answer.status.as_u16(), &answer.body[..], answer.body_is), (200, &b"ok"[..], Body::Whole));
    assert_eq!(answer.headers["x-seen"], "yes");
    let host = receiver.address;
    let expected = format!(
        "POST /hook?a=1 HTTP/1.1\r\nhost: {host}\r\nuser-agent: Mask/{}\r\ncontent-length: 14\r\n\r\n{{\"id\":\"evt_1\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(receiver.heard(), [expected]);
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let (receiver, outbound) = (Receiver::answering(OK).await, local());
    for _ in 0..50 {
        post(&outbound, &receiver.url()).await.expect("an answer");
    }
    assert_eq!((receiver.connections(), receiver.heard().len()), (1, 50));
}

#[tokio::test]
async fn kept_connections_are_bounded_in_number_and_time() {
    let (receiver, outbound) = (Receiver::answering(OK).await, Arc::new(local()));
    let mut many = JoinSet::new();
    for _ in 0..KEPT_OF_ONE + 20 {
        let (outbound, url) = (Arc::clone(&outbound), receiver.url());
        many.spawn(async move { post(&outbound, &url).await.expect("an answer") });
    }
    many.join_all().await;
    assert_eq!(outbound.pool.count(), KEPT_OF_ONE);
    let now = tokio::time::Instant::now();
    outbound.pool.sweep(now);
    assert_eq!(outbound.pool.count(), KEPT_OF_ONE);
    outbound.pool.sweep(now + IDLE_AT_MOST);
    assert_eq!(outbound.pool.count(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let inward = Receiver::answering(OK).await;
    let location = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", inward.url());
    let receiver = Receiver::answering(location.leak()).await;
    let answer = post(&local(), &receiver.url()).await.expect("an answer");
    assert_eq!(answer.status.as_u16(), 302);
    assert_eq!(answer.headers["location"], inward.url());
    assert_eq!((receiver.heard().len(), inward.connections()), (1, 0));
}

#[tokio::test]
async fn bodies_end_in_every_way_that_http_knows() {
    for (answer, body, is_kept) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n", "abc", true),
        ("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", "a", true),
        ("HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno", "no", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", "ok", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok", false),
    ] {
        let (receiver, outbound) = (Receiver::answering(answer).await, local());
        let answered = post(&outbound, &receiver.url()).await.expect(answer);
        assert_eq!((&answered.body[..], answered.body_is), (body.as_bytes(), Body::Whole), "{answer}");
        assert_eq!(outbound.pool.count(), usize::from(is_kept), "{answer}");
    }
}

#[tokio::test]
async fn a_body_may_end_with_its_connection() {
    let receiver = Receiver::start(|mut wire| async move {
        wire.hear().await;
        wire.say("HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
    })
    .await;
    let answer = post(&local(), &receiver.url()).await.expect("an answer");
    assert_eq!((&answer.body[..], answer.body_is), (&b"until the end"[..], Body::Whole));
}

#[tokio::test]
async fn a_long_body_is_kept_in_part_and_the_rest_is_not_read() {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    const LENGTH: u64 = 100 << 20;
    let receiver = Receiver::start(|mut wire| async move {
        wire.hear().await;
        wire.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n")).await;
        let piece = vec![b'x'; 64 * 1024];
        while WRITTEN.load(Ordering::SeqCst) < LENGTH {
            let Ok(count) = wire.stream.write(&piece).await else { return };
            WRITTEN.fetch_add(count as u64, Ordering::SeqCst);
        }
    })
    .await;
    let outbound = local();
    let answer = post(&outbound, &receiver.url()).await.expect("an answer");
    assert_eq!((answer.body.len(), answer.body_is, outbound.pool.count()), (4096, Body::Cut, 0));
    assert!(answer.body.iter().all(|byte| *byte == b'x'));
    // What the two kernels' buffers took; the rest never left the receiver.
    assert!(WRITTEN.load(Ordering::SeqCst) < LENGTH / 4, "{WRITTEN:?} bytes were taken");
}

#[tokio::test]
async fn exactly_as_much_as_is_kept_is_whole() {
    for (length, body_is) in [(4095, Body::Whole), (4096, Body::Whole), (4097, Body::Cut)] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
        let receiver = Receiver::answering(answer.leak()).await;
        let answer = post(&local(), &receiver.url()).await.expect("an answer");
        assert_eq!((answer.body.len(), answer.body_is), (length.min(4096), body_is));
    }
}

#[tokio::test]
async fn a_receiver_that_stalls_is_given_up() {
    let receiver = Receiver::start(Wire::linger).await;
    let started = Instant::now();
    let failure = post(&hurried(), &receiver.url()).await.expect_err("no answer comes");
    assert_eq!(failure, Failure::TimedOut { stage: Stage::Answering, after: Duration::from_millis(500) });
    assert_eq!(
        (failure.code(), failure.to_string().as_str()),
        ("timed_out", "There was no connection, or no answer, in time (no answer within 500 ms)")
    );
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_head_that_drips_does_not_win_time() {
    let receiver = Receiver::start(|mut wire| async move {
        wire.hear().await;
        wire.say("HTTP/1.1 200 OK\r\nx: ").await;
        let mut drops = tokio::time::interval(Duration::from_millis(5));
        while wire.stream.write_all(b"a").await.is_ok() {
            drops.tick().await;
        }
    })
    .await;
    let failure = post(&hurried(), &receiver.url()).await.expect_err("no head comes");
    assert_eq!(failure.code(), "timed_out");
}

#[tokio::test]
async fn an_answer_whose_body_drips_is_an_answer() {
    let receiver = Receiver::start(|mut wire| async move {
        wire.hear().await;
        wire.say("HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n").await;
        let mut drops = tokio::time::interval(Duration::from_millis(5));
        while wire.stream.write_all(b"a").await.is_ok() {
            drops.tick().await;
        }
    })
    .await;
    let started = Instant::now();
    let answer = post(&hurried(), &receiver.url()).await.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.body_is), (200, Body::Broken));
    assert!(!answer.body.is_empty() && answer.body.len() < 4000);
    assert!(started.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_body_that_breaks_is_said_to_be_broken() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ] {
        let receiver = Receiver::start(move |mut wire| async move {
            wire.hear().await;
            wire.say(answer).await;
        })
        .await;
        let answered = post(&local(), &receiver.url()).await.expect(answer);
        assert_eq!((&answered.body[..], answered.body_is), (&b"half"[..], Body::Broken), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_without_an_answer_fails_once() {
    for is_reset in [true, false] {
        let receiver = Receiver::start(move |mut wire| async move {
            wire.hear().await;
            if is_reset {
                wire.stream.set_zero_linger().expect("set");
            }
        })
        .await;
        let failure = post(&local(), &receiver.url()).await.expect_err("no answer comes");
        assert_eq!((failure.code(), receiver.connections()), ("reset", 1));
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_nothing() {
    for closes_at_once in [true, false] {
        let receiver = Receiver::start(move |mut wire| async move {
            wire.hear().await;
            wire.say(OK).await;
            // Either it is closed before the next request, or in the moment in which that arrives.
            if !closes_at_once {
                wire.hear().await;
            }
        })
        .await;
        let outbound = local();
        for _ in 0..5 {
            post(&outbound, &receiver.url()).await.expect("an answer");
        }
        assert_eq!(receiver.connections(), 5);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_ends_its_connection() {
    let receiver = Receiver::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    )
    .await;
    let outbound = local();
    for _ in 0..3 {
        let answer = post(&outbound, &receiver.url()).await.expect("an answer");
        assert_eq!(&answer.body[..], b"ok");
    }
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn heads_are_bounded() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(40 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200));
    let hints = "HTTP/1.1 200 OK\r\n".to_owned() + &"x: y\r\n".repeat(1 << 20);
    for answer in [long, many, hints] {
        let receiver = Receiver::answering(answer.leak()).await;
        let failure = post(&local(), &receiver.url()).await.expect_err("too long");
        assert_eq!(failure.code(), "head_too_large");
    }
}

#[tokio::test]
async fn what_is_not_http_is_told_apart() {
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\u{80}\0\x04\0\x01\0\0\0\x05\0\u{7f}",
        "HTTP/3 200 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let receiver = Receiver::answering(answer).await;
        let failure = post(&local(), &receiver.url()).await.expect_err(answer);
        assert_eq!(failure.code(), "not_http", "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_first_is_no_receiver() {
    let receiver = Receiver::start(|mut wire| async move {
        wire.say("220 mail.example ESMTP\r\n").await;
        wire.linger().await;
    })
    .await;
    let failure = post(&local(), &receiver.url()).await.expect_err("no answer");
    assert_eq!(failure.code(), "not_http");
}

#[tokio::test]
async fn nobody_there_is_a_failed_connection() {
    let url = Receiver::start(|_| pending::<()>()).await.url();
    // The receiver is gone, and in a moment its port is too.
    let refused = Failure::ConnectFailed(io::ErrorKind::ConnectionRefused);
    while post(&local(), &url).await.expect_err("nobody answers") != refused {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        ("connect_failed", "The endpoint took no connection (it was refused)")
    );
}

#[tokio::test]
async fn a_second_address_is_tried_when_nobody_is_at_the_first() {
    let receiver = Receiver::start_on("127.0.0.7:0", |mut wire| async move {
        wire.hear().await;
        wire.say(OK).await;
    })
    .await;
    let resolver = Always::new(&["127.0.0.6", "127.0.0.7"]);
    let outbound = Outbound::new(&settings(&["127.0.0.0/8"]), resolver).expect("a client");
    let url = format!("http://two.example.com:{}/", receiver.address.port());
    post(&outbound, &url).await.expect("an answer");
    assert_eq!(receiver.connections(), 1);
}
