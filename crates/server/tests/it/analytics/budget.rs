//! What a question may take, and what is answered when it would take more.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use super::{PATIENT, sample};
use crate::harness::{Answer, App};

/// Tables that nobody gets at, readers neither, until this is dropped.
struct Withheld(Child);

impl Withheld {
    async fn of(app: &App, tables: &'static str) -> Self {
        let url = app.database().url.clone();
        let hold = move || {
            let mut psql = Command::new("psql");
            psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &url]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = psql.spawn().expect("psql runs");
            let statements = format!("BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;\n\\echo held\n");
            child.stdin.as_mut().expect("a pipe").write_all(statements.as_bytes()).expect("it listens");
            let mut said = String::new();
            BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut said).expect("it speaks");
            assert_eq!(said, "held\n");
            Self(child)
        };
        tokio::task::spawn_blocking(hold).await.expect("they are held")
    }
}

impl Drop for Withheld {
    fn drop(&mut self) {
        // Its input ends, and so does what it has begun.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_told() {
    // Who was given up holds his connection until the tables are there again, so there are some more of these.
    let app = App::on_postgres(&[PATIENT[0], ("analytics.question_timeout_ms", "200"), ("database.pool_size", "30")]);
    let app = app.await;
    sample(&app).await;
    for (tables, questions) in [
        (
            "click_batches, click_runs",
            &[
                "clicks",
                "clicks?groupBy=tag&browser=Chrome",
                "scans?groupBy=code",
                "views?metrics=views,visitors",
                "summary",
                "export",
                "export?format=ndjson&tag=spring",
            ][..],
        ),
        // What links are stands elsewhere.
        ("links", &["clicks?groupBy=tag&browser=Chrome", "clicks?tag=spring", "export?utm_campaign=sale"]),
    ] {
        let withheld = Withheld::of(&app, tables).await;
        for question in questions {
            let answer = app.get(&format!("/analytics/{question}")).await;
            assert_eq!(
                (answer.error(503).as_str(), answer.header("retry-after")),
                ("unavailable", "5"),
                "{question}: {}",
                answer.text
            );
            assert!(answer.text.contains("The question takes longer than it may"), "{question}: {}", answer.text);
        }
        drop(withheld);
        for question in questions {
            assert_eq!(asked_until_answered(&app, question).await.status, 200, "{question}");
        }
    }
}

/// On a busy machine the time may be too short again.
async fn asked_until_answered(app: &App, question: &str) -> Answer {
    let mut answer = app.get(&format!("/analytics/{question}")).await;
    for _ in 0..100 {
        if answer.status == 200 {
            break;
        }
        answer = app.get(&format!("/analytics/{question}")).await;
    }
    answer
}
