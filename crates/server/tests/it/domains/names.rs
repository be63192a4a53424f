//! Names that can be nobody's, and what else a body can have wrong.

use super::*;

async fn refusal(bench: &Bench, name: &str) -> (u16, String) {
    let answer = bench.app.post("/domains", json!({"domain": name})).await;
    let message = answer.json()["error"]["details"][0]["message"].as_str().unwrap_or(&answer.text).to_owned();
    (answer.status, message)
}

#[tokio::test]
async fn names_that_are_refused() {
    let bench = Bench::with(&[("links.domains", "s.example.org,bank.example.org")]).await;
    for (name, why) in [
        ("https://go.example.com/", "without scheme"),
        ("co.uk", "public suffix"),
        ("192.0.2.1", "not an IP address"),
        ("localhost", "is the service's"),
        ("127.0.0.1", "is the service's"),
        ("S.example.ORG.", "is the service's"),
        ("printer.local", "DNS knows"),
        ("pаypal.com", "mix scripts"),
        ("банк.example.org", "took"),
        ("Ьаnk.example.org", "mix scripts"),
        (&format!("{}.example.com", "a.".repeat(125)), "at most 247"),
        (&"a".repeat(254), "at most 247"),
    ] {
        let (status, message) = refusal(&bench, name).await;
        if why == "took" {
            assert_eq!(status, 201, "{name}: {message}");
        } else {
            assert!(status == 422 && message.contains(why), "{name}: {status} {message}");
        }
    }
    let faults = bench
        .app
        .post(
            "/domains",
            json!({
                "domain": "com", "take_over": 1, "root_url": "http://example.com", "not_found_url": "https://s.example.org/x",
                "robots": "noindex", "well_known": {"assetlinks": {}, "apple_app_site_association": [], "other": 1}, "tls": {},
            }),
        )
        .await;
    assert_eq!(faults.error(422), "validation_error");
    let mut fields = faults.fields();
    fields.sort();
    let all = [
        "domain",
        "not_found_url",
        "robots",
        "root_url",
        "take_over",
        "tls",
        "well_known.apple_app_site_association",
        "well_known.assetlinks",
        "well_known.other",
    ];
    assert_eq!(fields, all);
    assert_eq!(bench.app.post("/domains", json!({})).await.error(400), "bad_request");
    let large = json!({"domain": NAME, "well_known": {"assetlinks": [{"a": "x".repeat(128 * 1024)}]}});
    assert_eq!(bench.app.post("/domains", large).await.fields(), ["well_known.assetlinks"]);
}

#[tokio::test]
async fn homographs_of_our_own_host_and_of_others() {
    let bench = Bench::with(&[("links.domains", "cope.com")]).await;
    // All of it Cyrillic, and so not mixed.
    let (status, message) = refusal(&bench, "соре.com").await;
    assert!(status == 422 && message.contains("look like"), "{message}");
    bench.verified("apex.com").await;
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    let answer = bench.ask_as(&theirs, Method::POST, "/domains", json!({"domain": "арех.com"})).await;
    assert!(answer.text.contains("look like a domain that another workspace has"), "{}", answer.text);
    assert_eq!((answer.error(422).as_str(), answer.fields()), ("validation_error", vec!["domain".to_owned()]));
}

#[tokio::test]
async fn international_names() {
    let bench = Bench::start().await;
    let domain = bench.verified("Bücher.example.com").await;
    assert_eq!(domain["domain"], "xn--bcher-kva.example.com");
    let link = json!({"url": "https://example.com/b", "slug": "neu1", "domain": "bücher.example.com"});
    assert_eq!(bench.app.link(link).await["domain"], "xn--bcher-kva.example.com");
    assert_eq!(bench.leads("xn--bcher-kva.example.com", "/neu1").await, "302 https://example.com/b");
}

#[tokio::test]
async fn addresses_must_not_lead_back() {
    let bench = Bench::with(&[("links.domains", "s.example.org")]).await;
    let domain = bench.verified(NAME).await;
    bench.verified("two.example.com").await;
    for (field, url, is_right) in [
        ("root_url", "https://go.example.com/", false),
        ("root_url", "https://two.example.com", false),
        ("root_url", "https://go.example.com/team", true),
        ("root_url", "https://www.example.com/?x=ü", true),
        ("not_found_url", "https://go.example.com/nothing", false),
        ("not_found_url", "https://two.example.com/", false),
        ("not_found_url", "https://s.example.org/abcd", false),
        ("expired_url", "https://go.example.com/over", false),
        ("expired_url", "https://www.example.com/over", true),
    ] {
        let answer = bench.app.patch(&path(&domain, ""), json!({field: url})).await;
        assert_eq!(answer.status, if is_right { 200 } else { 422 }, "{field} {url}: {}", answer.text);
    }
    // And links lead to no short link, on these domains as on all.
    let circle = bench.app.post("/links", json!({"url": "https://go.example.com/spring"})).await;
    assert_eq!(circle.fields(), ["url"]);
}
