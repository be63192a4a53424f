//! Whose a domain is: of many who ask, one; and how it changes hands.

use super::*;

#[tokio::test]
async fn a_domain_is_one_workspaces() {
    let bench = Bench::start().await;
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    let test = bench.app.key_for("all", true).await;
    let early = bench.add_as(&theirs, NAME).await;
    let domain = bench.verified(NAME).await;
    assert_ne!(token(&early), token(&domain));
    let late = bench.ask_as(&test, Method::POST, "/domains", json!({"domain": NAME})).await;
    assert!(late.text.contains("take_over"), "{}", late.text);
    assert_eq!(late.error(409), "conflict");

    // Nobody else may use it, nor learn more of it than of one that never was.
    for key in [&theirs, &test] {
        let link = |domain: &str| json!({"url": "https://example.com", "domain": domain});
        let foreign = bench.ask_as(key, Method::POST, "/links", link(NAME)).await;
        let unknown = bench.ask_as(key, Method::POST, "/links", link("never.example.com")).await;
        assert_eq!(
            (foreign.status, foreign.json()["error"]["details"].clone()),
            (422, unknown.json()["error"]["details"].clone())
        );
        let hook = json!({"url": "http://127.0.0.1:9/", "events": ["link.created"], "domains": [NAME]});
        assert_eq!(bench.ask_as(key, Method::POST, "/webhooks", hook).await.fields(), ["domains[0]"]);
        assert_eq!(Answer::of(bench.app.api_as(key, Method::GET, &path(&domain, ""))).await.error(404), "not_found");
    }
    let hook = json!({"url": "http://127.0.0.1:9/", "events": ["link.created"], "domains": [NAME]});
    bench.app.post("/webhooks", hook).await.is(201);
}

#[tokio::test]
async fn two_workspaces_race() {
    let bench = Bench::start().await;
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    for round in 0..4 {
        let name = format!("r{round}.example.com");
        let (one, two) = (bench.add(&name).await, bench.add_as(&theirs, &name).await);
        bench.dns.leads(&name, TARGET);
        bench.dns.texts(&format!("_mask.{name}"), &[token(&one), token(&two)]);
        bench.app.wait(6);
        let look =
            |key: &str, domain: &Value| Answer::of(bench.app.api_as(key, Method::POST, &path(domain, "/verify")));
        tokio::join!(look(&bench.app.key, &one), look(&theirs, &two));
        let read = async |key: &str, domain: &Value| {
            Answer::of(bench.app.api_as(key, Method::GET, &path(domain, ""))).await.is(200)["status"].clone()
        };
        let have = [read(&bench.app.key, &one).await == "verified", read(&theirs, &two).await == "verified"];
        assert_eq!(have.iter().filter(|has| **has).count(), 1, "round {round}: {have:?}");
    }
}

#[tokio::test]
async fn taking_over_needs_a_proof_and_that_the_other_is_gone() {
    let bench = Bench::start().await;
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    let former = bench.verified(NAME).await;
    let link = |leads: &str, slug: &str| json!({"url": leads, "slug": slug, "domain": NAME});
    bench.app.link(link("https://example.com/former", "spring")).await;
    assert_eq!(bench.leads(NAME, "/spring").await, "302 https://example.com/former");
    let page = json!({"title": "Ada", "slug": "team", "domain": NAME, "published": true});
    bench.app.post("/bio-pages", page).await.is(201);
    assert_eq!(bench.leads(NAME, "/team").await, "200");
    bench.app.patch(&path(&former, ""), json!({"root_url": "https://example.com/root"})).await.is(200);

    let wish = json!({"domain": NAME, "take_over": true});
    let next = bench.ask_as(&theirs, Method::POST, "/domains", wish).await.is(201);
    let looked = bench.verify_as(&theirs, &next).await;
    assert_eq!((&looked["status"], &looked["last_check"]["outcome"]), (&json!("pending"), &json!("not_found")));
    bench.dns.texts("_mask.go.example.com", &[token(&former), token(&next)]);
    let looked = bench.verify_as(&theirs, &next).await;
    assert_eq!((&looked["status"], &looked["last_check"]["outcome"]), (&json!("pending"), &json!("taken")));
    assert_eq!(bench.leads(NAME, "/spring").await, "302 https://example.com/former");

    bench.dns.texts("_mask.go.example.com", &[token(&next)]);
    assert_eq!(bench.verify_as(&theirs, &next).await["status"], "verified");
    let lost = bench.app.get(&path(&former, "")).await.is(200);
    assert_eq!((&lost["status"], &lost["verified_at"]), (&json!("failed"), &Value::Null));
    // What the former owner left there leads nowhere any more, from memory or not, and neither does its root.
    assert_eq!((bench.leads(NAME, "/spring").await, bench.leads(NAME, "/spring+").await), ("404".into(), "404".into()));
    assert_eq!((bench.leads(NAME, "/").await, bench.leads(NAME, "/team").await), ("200".into(), "404".into()));
    let refused = bench.app.post("/links", link("https://example.com/more", "more")).await;
    assert_eq!(refused.fields(), ["domain"]);
    bench.ask_as(&theirs, Method::POST, "/links", link("https://example.com/next", "more")).await.is(201);
    assert_eq!(bench.leads(NAME, "/more").await, "302 https://example.com/next");

    // A domain that comes back finds everything where it was.
    bench.dns.texts("_mask.go.example.com", &[token(&former)]);
    assert_eq!(bench.verify(&former).await["status"], "verified");
    assert_eq!(bench.leads(NAME, "/spring").await, "302 https://example.com/former");
    assert_eq!(
        (bench.leads(NAME, "/more").await, bench.leads(NAME, "/").await),
        ("404".into(), "302 https://example.com/root".into())
    );
}

#[tokio::test]
async fn one_in_use_is_kept() {
    let bench = Bench::start().await;
    let domain = bench.verified(NAME).await;
    let links = ["one1", "two2"].map(|slug| json!({"url": "https://example.com", "slug": slug, "domain": NAME}));
    let mut ids = Vec::new();
    for link in links {
        ids.push(bench.app.link(link).await["id"].as_str().expect("an id").to_owned());
    }
    let page = json!({"title": "Ada", "slug": "team", "domain": NAME, "published": true});
    let page = bench.app.post("/bio-pages", page).await.is(201)["id"].as_str().expect("an id").to_owned();
    assert_eq!(bench.leads(NAME, "/team").await, "200");
    let kept = bench.app.delete(&path(&domain, "")).await;
    assert!(kept.text.contains("2 links and 1 bio page live there"), "{}", kept.text);
    assert_eq!(kept.error(409), "conflict");
    bench.app.delete(&format!("/bio-pages/{page}")).await.is(204);
    for id in &ids {
        bench.app.delete(&format!("/links/{id}")).await.is(204);
    }
    assert_eq!(bench.leads(NAME, "/one1").await, "410");
    bench.app.delete(&path(&domain, "")).await.is(204);
    assert_eq!(bench.leads(NAME, "/").await, "404", "nobody answers for it any more");
    // Whoever has it next begins with all of it free.
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    bench.verified_as(&theirs, NAME).await;
    assert_eq!(bench.leads(NAME, "/one1").await, "404");
}

#[tokio::test]
async fn a_default_of_ones_own() {
    let bench = Bench::start().await;
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    let (one, two) = (bench.verified(NAME).await, bench.verified("b.example.com").await);
    for domain in [&one, &two] {
        let changed = bench.app.patch(&path(domain, ""), json!({"is_default": true})).await.is(200);
        assert_eq!(changed["is_default"], true);
    }
    assert_eq!(bench.app.get(&path(&one, "")).await.is(200)["is_default"], false, "there is one default");
    let link = bench.app.link(json!({"url": "https://example.com", "slug": "homepage"})).await;
    assert_eq!(link["domain"], "b.example.com");
    assert_eq!(bench.app.get("/links/lookup?slug=HOMEPAGE").await.is(200)["id"], link["id"]);
    let foreign = bench
        .ask_as(&theirs, Method::POST, "/links", json!({"url": "https://example.com", "slug": "homepage"}))
        .await
        .is(201);
    assert_eq!(foreign["domain"], "localhost");
    // A word that the application needs is free elsewhere.
    bench.app.link(json!({"url": "https://example.com", "slug": "docs"})).await;
    bench.app.patch(&path(&two, ""), json!({"is_default": false})).await.is(200);
    assert_eq!(bench.app.link(json!({"url": "https://example.com"})).await["domain"], "localhost");
}
