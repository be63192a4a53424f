//! DNS that lies, leads in circles, fails, or is away.

use super::*;
use crate::dns::Manner;

/// What a look came to, and its sentence.
async fn looked(bench: &Bench, domain: &Value) -> (String, String) {
    let domain = bench.verify(domain).await;
    let text = |member: &str| domain["last_check"][member].as_str().expect("a text").to_owned();
    (text("outcome"), text("message"))
}

#[tokio::test]
async fn found_not_found_and_away_are_three_things() {
    let bench = Bench::start().await;
    let domain = bench.add(NAME).await;
    bench.prove(&domain);
    let proof = format!("_mask.{NAME}");
    for (name, manner, outcome, message) in [
        (&proof[..], Manner::Fails, "unavailable", "failed when asked for _mask.go.example.com"),
        (&proof, Manner::Refuses, "unavailable", "_mask.go.example.com"),
        (&proof, Manner::Silent, "unavailable", "_mask.go.example.com"),
        (&proof, Manner::Rubbish, "unavailable", "_mask.go.example.com"),
        (NAME, Manner::Fails, "unavailable", "failed when asked for go.example.com"),
        (NAME, Manner::Silent, "unavailable", "go.example.com"),
        // The answer is about another name: of this one nothing was said.
        (&proof, Manner::OfAnother, "not_found", "no TXT record"),
        (NAME, Manner::OfAnother, "not_found", "leads nowhere"),
    ] {
        bench.dns.behaves(name, manner);
        let (is, says) = looked(&bench, &domain).await;
        assert!(is == outcome && says.contains(message), "{name} {manner:?}: {is} {says}");
        bench.dns.behaves(name, Manner::Tells);
    }
    assert_eq!(looked(&bench, &domain).await.0, "found");
    assert_eq!(bench.app.get(&path(&domain, "")).await.is(200)["status"], "verified");
}

#[tokio::test]
async fn nothing_is_lost_because_dns_was_away() {
    let bench = Bench::start().await;
    let domain = bench.verified(NAME).await;
    bench.app.link(json!({"url": "https://example.com/here", "slug": "spring", "domain": NAME})).await;
    for manner in [Manner::Fails, Manner::Refuses] {
        for name in [NAME, "_mask.go.example.com", TARGET] {
            bench.dns.behaves(name, manner);
        }
        bench.app.wait(10 * WEEK_S);
        let (outcome, _) = looked(&bench, &domain).await;
        let now = bench.app.get(&path(&domain, "")).await.is(200);
        assert_eq!((outcome.as_str(), &now["status"]), ("unavailable", &json!("verified")));
        assert_eq!(now["dns_records"][0]["found"], true, "what could not be asked is not gone");
    }
    // Even records that are gone for certain take nothing away; they are shown as gone.
    for name in [NAME, "_mask.go.example.com"] {
        bench.dns.forget(name);
        bench.dns.behaves(name, Manner::Tells);
    }
    assert_eq!(looked(&bench, &domain).await.0, "not_found");
    let now = bench.app.get(&path(&domain, "")).await.is(200);
    assert_eq!((&now["status"], &now["dns_records"][0]["found"]), (&json!("verified"), &json!(false)));
    assert_eq!(bench.leads(NAME, "/spring").await, "302 https://example.com/here");
}

#[tokio::test]
async fn chains_and_circles() {
    let bench = Bench::start().await;
    let domain = bench.add(NAME).await;
    bench.dns.texts("_mask.go.example.com", &[token(&domain)]);
    bench.dns.leads(NAME, "a.example.com");
    for (to, outcome, message) in [
        ("go.example.com", "not_found", "in a circle"),
        ("a.example.com", "not_found", "in a circle"),
        ("nowhere.example.com", "not_found", "leads nowhere"),
    ] {
        bench.dns.leads("a.example.com", to);
        let (is, says) = looked(&bench, &domain).await;
        assert!(is == outcome && says.contains(message), "{to}: {is} {says}");
    }
    for n in 0..20 {
        bench.dns.leads(&format!("c{n}.example.com"), &format!("c{}.example.com", n + 1));
    }
    bench.dns.leads("a.example.com", "c0.example.com");
    let (is, says) = looked(&bench, &domain).await;
    assert!(is == "not_found" && says.contains("more than 8 names"), "{says}");
    // A proof may stand elsewhere as well.
    bench.dns.forget("_mask.go.example.com");
    bench.dns.leads("_mask.go.example.com", "proofs.example.net");
    bench.dns.texts("proofs.example.net", &[token(&domain)]);
    bench.dns.leads("a.example.com", "LINKS.mask.example");
    assert_eq!(looked(&bench, &domain).await.0, "found");
}

#[tokio::test]
async fn addresses_instead_of_a_name() {
    let bench = Bench::with(&[("domains.addresses", "198.51.100.7,2001:db8::7")]).await;
    let domain = bench.add("example.com").await;
    let kinds: Vec<_> = domain["dns_records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| (record["type"].as_str(), record["value"].as_str()))
        .collect();
    assert_eq!(
        kinds[1..],
        [(Some("A"), Some("198.51.100.7")), (Some("AAAA"), Some("2001:db8::7"))],
        "an apex has no CNAME"
    );
    bench.dns.texts("_mask.example.com", &[token(&domain)]);
    for (addresses, outcome, message) in [
        (&["203.0.113.1"][..], "not_found", "leads to 203.0.113.1"),
        (&["198.51.100.7", "203.0.113.1"], "not_found", "leads to 203.0.113.1"),
        (&["198.51.100.7", "2001:db8::66"], "not_found", "leads to 2001:db8::66"),
        (&[], "not_found", "leads nowhere"),
        (&["198.51.100.7"], "found", "All records"),
        // Those of the target are as good.
        (&["192.0.2.10", "2001:db8::7"], "found", "All records"),
    ] {
        bench.dns.addresses("example.com", addresses);
        let (is, says) = looked(&bench, &domain).await;
        assert!(is == outcome && says.contains(message), "{addresses:?}: {is} {says}");
    }
    // The target's addresses cannot be asked for, and no others are known to be ours.
    bench.dns.addresses("example.com", &["192.0.2.10"]);
    bench.dns.behaves(TARGET, Manner::Fails);
    assert_eq!(looked(&bench, &domain).await.0, "unavailable");
}

#[tokio::test]
async fn behind_a_service_that_hides_us() {
    let bench = Bench::with(&[("domains.pointing", "advised")]).await;
    let domain = bench.add(NAME).await;
    bench.dns.addresses(NAME, &["203.0.113.1"]);
    assert_eq!(looked(&bench, &domain).await.0, "not_found");
    bench.dns.texts("_mask.go.example.com", &[token(&domain)]);
    let (is, says) = looked(&bench, &domain).await;
    assert!(is == "found" && says.contains("leads to 203.0.113.1"), "{is} {says}");
    let domain = bench.app.get(&path(&domain, "")).await.is(200);
    assert_eq!((&domain["status"], &domain["dns_records"][1]["found"]), (&json!("verified"), &json!(false)));
}

#[tokio::test]
async fn a_name_server_that_is_not_there() {
    let app = App::with(&[("domains.resolver", "127.0.0.1:9"), ("domains.target", TARGET)]).await;
    let domain = app.post("/domains", json!({"domain": NAME})).await.is(201);
    app.wait(6);
    let begun = std::time::Instant::now();
    let looked = Answer::of(app.api(Method::POST, &path(&domain, "/verify"))).await.is(200);
    assert!(begun.elapsed() < Duration::from_secs(15), "a look ends");
    assert_eq!((&looked["last_check"]["outcome"], &looked["status"]), (&json!("unavailable"), &json!("pending")));
}
