//! Clicks that one of the sinks refused: set aside, named by `mask doctor`, and brought back.

use serde_json::json;

use super::{counted, link, mask, said};
use crate::harness::{Answer, App};

/// Makes the drain look until it has set as many files aside: each look is one more time that the store refuses.
pub(super) async fn set_aside(app: &App, files: usize) -> String {
    let mut told = String::new();
    for _ in 0..20 {
        // What cannot be counted is told to whoever asks, and that is what is wanted here.
        let _ = app.server().drain.flush().await;
        let mut doctor = mask(&["doctor", "--data-dir"]);
        doctor.arg(app.data());
        let (code, out, _) = said(doctor);
        assert_eq!(code, Some(0), "{out}");
        told = out;
        if told.matches("bring them back").count() == files {
            break;
        }
    }
    told
}

#[tokio::test]
async fn clicks_that_were_set_aside_come_back() {
    for (sink, file, refuse) in [
        ("counts", "mask.db", "BEFORE UPDATE OF clicks ON links"),
        ("statistics", "clicks.db", "BEFORE INSERT ON click_batches"),
    ] {
        let app = App::start().await;
        let subscription = json!({"url": "https://example.com/hook", "events": ["link.clicked"]});
        let webhook = app.post("/webhooks", subscription).await.is(201)["id"].as_str().expect("an id").to_owned();
        let id = link(&app, "spring").await;
        let sql = |statement: &str| {
            let database = rusqlite::Connection::open(app.data().join(file)).expect("the database");
            database.execute_batch(statement).expect("a change");
        };
        sql(&format!("CREATE TRIGGER refuse {refuse} BEGIN SELECT RAISE(ABORT, 'refused'); END"));
        for _ in 0..3 {
            assert_eq!(Answer::of(app.visit("/spring")).await.status, 302);
        }
        let told = set_aside(&app, 3).await;
        assert!(told.contains("It works, with 3 warnings."), "{told}");
        sql("DROP TRIGGER refuse");
        let now = "/analytics/clicks?groupBy=browser&metrics=clicks,visitors";
        let seen = async || (counted(&app, &id).await, app.get(now).await.is(200)["total"].clone());
        assert_eq!(seen().await, if sink == "counts" { (0, json!(3)) } else { (3, json!(0)) });

        let commands: Vec<_> = told.split('`').filter(|part| part.starts_with("mask import clicks")).collect();
        assert_eq!(commands.len(), 3, "{told}");
        for command in commands {
            let words: Vec<_> = command.split(' ').skip(1).collect();
            assert!(words.windows(2).any(|words| words == ["--only", sink]), "{command}");
            for _ in 0..2 {
                let mut import = mask(&words);
                import.arg("--data-dir").arg(app.data());
                let (code, _, said) = said(import);
                assert_eq!(code, Some(0), "{said}");
            }
        }
        assert_eq!(seen().await, (3, json!(3)), "{sink}: once each, and of what was refused alone");
        let told = app.get(&format!("/webhooks/{webhook}/deliveries")).await.is(200);
        assert_eq!(told["data"].as_array().map(Vec::len), Some(3), "{sink}: webhooks are told once too");
        std::fs::remove_dir_all(app.data().join("set-aside")).expect("it is ours");
        assert!(set_aside(&app, 0).await.contains("All is well."), "{sink}");
    }
}
