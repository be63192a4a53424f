//! Links that a password opens.

use super::*;

#[tokio::test]
async fn a_password() {
    let bench = Bench::new(Durability::Process).await;
    let id = locked(&bench, "AbCd", |content| content.redirect_status = RedirectStatus::Permanent).await;
    let asked = bench.get("/AbCd?a=1").await;
    assert_eq!(asked.status(), 200);
    assert!(text(asked).await.contains("<form method=\"post\">"));
    let wrong = bench.ask(form("/AbCd", "password=open")).await;
    assert_eq!(wrong.status(), 403);
    assert!(text(wrong).await.contains("not right"));
    assert_eq!(bench.ask(request("POST", "/AbCd")).await.status(), 400, "no form");
    let right = bench.ask(form("/AbCd?a=1", "password=open+sesame")).await;
    assert_eq!((right.status().as_u16(), header(&right, "location")), (303, "https://example.com/where?a=1"));
    let cookie = header(&right, "set-cookie").to_owned();
    assert!(
        cookie.starts_with("mask_unlock_abcd=")
            && cookie.contains("; Path=/AbCd; Max-Age=3600; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let again = bench.ask(with(request("GET", "/AbCd"), "cookie", cookie.split(';').next().expect("a pair"))).await;
    assert_eq!(again.status(), 308);
    assert_eq!(bench.clicks(id).await, 2, "the form that opened it, and the visit after");
    bench.clock.advance(Duration::from_hours(1));
    let later = bench.ask(with(request("GET", "/AbCd"), "cookie", cookie.split(';').next().expect("a pair"))).await;
    assert_eq!(later.status(), 200, "the hour is over");
}

#[tokio::test]
async fn passwords_are_tried_so_many_times_a_minute() {
    let bench = Bench::new(Durability::Process).await;
    locked(&bench, "abcd", |_| ()).await;
    for _ in 0..3 {
        assert_eq!(bench.ask(form("/abcd", "password=x")).await.status(), 403);
    }
    let refused = bench.ask(form("/abcd", "password=open+sesame")).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, "60"));
    bench.clock.advance(Duration::from_mins(1));
    assert_eq!(bench.ask(form("/abcd", "password=open+sesame")).await.status(), 303);
}
