//! What strangers send in the place of a browser's name: each visit is a row, and no batch is lost for it.

use reqwest::header::HeaderValue;
use serde_json::json;

use super::{DAYS, HERE, PATIENT, clicks, export::lines, rows};
use crate::harness::{Answer, App, BROWSER};

const LENGTH: usize = 8 << 10;

#[tokio::test]
async fn eight_kilobytes_of_noise_are_a_row_of_unknown() {
    let app = App::with(&PATIENT).await;
    app.link(json!({"url": HERE, "slug": "one-link"})).await;
    let cut = |text: &str| text.bytes().cycle().take(LENGTH).collect::<Vec<u8>>();
    let any = |number: usize| u8::try_from(number * 7919 % 251).expect("a byte");
    let is_sendable = |byte: &u8| *byte >= 0x20 && *byte != 0x7f;
    let noise = [
        cut("x"),
        cut("((((;;;;"),
        cut("\u{1f600}é\u{202e}"),
        (1..).map(any).filter(is_sendable).take(LENGTH).collect(),
    ];
    for noise in &noise {
        let value = HeaderValue::from_bytes(noise).expect("it can be sent");
        for name in ["user-agent", "referer", "accept-language"] {
            let request = app.client.get(format!("{}/one-link", app.base)).header(name, &value);
            let request = if name == "user-agent" { request } else { request.header("user-agent", BROWSER) };
            assert_eq!(Answer::of(request).await.status, 302, "{name}");
        }
    }
    Answer::of(app.visit("/one-link")).await;
    app.settle().await;
    let all = format!("{DAYS}&bots=include");
    assert_eq!(clicks(&app, &all).await["total"], 13);
    let programs = clicks(&app, &format!("{DAYS}&bots=only&groupBy=bot")).await;
    assert_eq!(programs["total"], 4, "{programs}");
    for name in ["browser", "os", "device"] {
        let answer = clicks(&app, &format!("{all}&groupBy={name}")).await;
        let unknown = if name == "device" { "other" } else { "Other" };
        assert!(rows(&answer, name).contains(&(unknown.to_owned(), 4)), "{answer}");
    }
    let exported = lines(&app, &all).await;
    assert_eq!(exported.len(), 13);
    assert!(exported.iter().all(|row| row.to_string().len() < 2 * LENGTH), "nobody is told all of it");
}
