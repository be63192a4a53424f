//! Rows that go on over several lines, as RFC 4180 allows; and quotation marks that only look like it.

use super::{History, by, counted, link};
use crate::harness::App;

#[tokio::test]
async fn a_cell_may_have_several_lines() {
    let app = App::start().await;
    let one = link(&app, "mv-1").await;
    let text =
        "at,slug,city\r\n2026-01-02,mv-1,\"a\r\nb, \"\"q\"\"\"\r\n2026-01-02,\"mv-1\",x\r\n2026-01-03,mv-1,\"y\n\n\"";
    let history = History::of(text);
    assert_eq!(history.imported(&app, &[]), "3 clicks of 3 rows imported");
    assert_eq!(by(&app, "city", "").await, "a b, \"q\"=1/1 x=1/1 y=1/1");
    assert_eq!(history.imported(&app, &[]), "imported before, nothing to do");
    assert_eq!(counted(&app, &one).await, 3);
}

#[tokio::test]
async fn a_stray_quotation_mark_is_told() {
    let app = App::start().await;
    let one = link(&app, "mv-1").await;
    let row = "2026-01-02,mv-1,x\n";
    let text = format!("at,slug,city\n{row}2026-01-02,mv-1,\"open\n{row}{row}");
    let said = History::of(&text).refused(&app, &[]);
    assert!(said.contains("line 3: a quotation mark is opened here and not closed"), "{said}");
    let closed_by_another = format!("at,slug,city\n{row}2026-01-02,mv-1,\"open\n{row}2026-01-02,mv-1,\"again\n{row}");
    let said = History::of(&closed_by_another).refused(&app, &[]);
    assert!(said.contains("line 3: a quotation mark is opened here and not closed"), "{said}");
    let said = History::of(&(text + &row.repeat(10_000))).refused(&app, &[]);
    assert!(said.contains("line 3") && said.contains("longer than 64 KiB"), "{said}");
    assert_eq!(counted(&app, &one).await, 0, "nothing of it was written");
}
