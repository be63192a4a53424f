//! A disk that is full: redirects from memory go on and are counted, changes are refused with a reason, and when there is space
//! again everything goes on by itself.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::QUICK;
use crate::{
    binary::Server,
    wire::{Wire, api_request},
};

/// A small file system in memory, which only root can make.
fn small_disk(folder: &Path) -> bool {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"]).arg(folder).output();
    mount.is_ok_and(|mount| mount.status.success())
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        // Lazily, and before the folder goes: the program's files may be closed a moment later.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Takes all the space that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("there is space yet");
    for size in [1 << 16, 1 << 12, 1] {
        let error = loop {
            if let Err(error) = file.write_all(&vec![0; size]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

#[test]
fn a_full_disk_stops_no_redirect_and_loses_no_click() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().to_owned();
    if !small_disk(&disk) {
        println!(
            "skipped: only root can make a small file system; the store's and the journal's tests stand in for it"
        );
        return;
    }
    let mut server = Server::start_in(folder, &[&QUICK[..], &[("server.threads", "1")]].concat());
    let unmount = Unmount(&disk);
    let key = server.first_key().expect("a key");
    let mut wire = Wire::open(server.address()).expect("a connection");
    let mut ask = |method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        wire.ask(&api_request(method, path, &key, "", &body)).expect("an answer")
    };
    let made = ask("POST", "/links", &json!({"url": "https://example.com/", "slug": "in-memory"})).json();
    let path = format!("/links/{}", made["id"].as_str().expect("an id"));
    let visit = |times: usize| {
        let mut wire = Wire::open(server.address()).expect("a connection");
        for _ in 0..times {
            assert_eq!(wire.visit("/in-memory", "").expect("an answer").status, 302);
        }
    };
    visit(100);

    fill(&disk.join("filler"));
    let mut refused = 0;
    for n in 0..200 {
        visit(10);
        let new = json!({"url": "https://example.com/", "slug": format!("more-{n}"), "title": "x".repeat(250)});
        let answer = ask("POST", "/links", &new);
        match answer.status {
            201 => assert_eq!(refused, 0, "there is no more space than before"),
            503 => {
                assert_eq!(answer.json()["error"]["code"], "unavailable");
                assert_ne!(answer.header("retry-after"), "");
                refused += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
        assert_eq!(ask("GET", &path, &Value::Null).status, 200, "what is there can be read");
    }
    assert!(refused > 100, "{refused}");

    fs::remove_file(disk.join("filler")).expect("it is there");
    visit(100);
    let until = Instant::now() + Duration::from_secs(30);
    let clicks = loop {
        let clicks = ask("GET", &path, &Value::Null).json()["clicks"].as_u64().expect("a number");
        if clicks >= 2200 || Instant::now() > until {
            break clicks;
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(clicks, 2200, "{}", server.said());
    assert_eq!(ask("POST", "/links", &json!({"url": "https://example.com/", "slug": "afterwards"})).status, 201);
    assert_eq!(ask("GET", "/analytics/clicks", &Value::Null).json()["total"], 2200);
    server.terminate();
    drop(unmount);
}
