//! What speaks for a program beside its name, without sockets: in the fast lane and beside it.

use mask_core::agent::FetchMetadata;

use super::*;
use crate::{
    proxy::Client,
    redirect::{Glance, seen::Seen, signals::Passing},
};

const LINKS: i64 = 12;

impl Bench {
    /// As many links as one may not open at once, all of them in memory.
    async fn many_links(&self, change: impl Fn(&mut Content)) -> Vec<(LinkId, String)> {
        let mut links = Vec::new();
        for number in 0..LINKS {
            let slug = format!("many{number:02}");
            let id = self.link(&slug, &change).await;
            self.ask(with(request("GET", &format!("/{slug}")), "sec-purpose", "prefetch")).await;
            links.push((id, slug));
        }
        links
    }

    /// The classes of all links together, beside those of the prefetches.
    async fn classes_of(&self, links: &[(LinkId, String)]) -> Vec<(String, i64)> {
        let mut all = std::collections::BTreeMap::new();
        for (id, _) in links {
            for (class, count) in self.classes(*id).await {
                *all.entry(class).or_insert(0) += count;
            }
        }
        assert_eq!(all.remove("prefetch"), Some(LINKS));
        all.into_iter().collect()
    }

    /// A visit in the fast lane of a worker, with more headers.
    fn glance(&self, worker: usize, slug: &str, peer: IpAddr, headers: &str) {
        let request =
            format!("GET /{slug} HTTP/1.1\r\nHost: s.example\r\nUser-Agent: {CHROME}\r\n{headers}Accept: */*\r\n\r\n");
        let glance = self.workers[worker].glance(request.as_bytes(), peer, &mut Vec::new());
        assert_eq!(glance, Glance::Answered(request.len()));
    }
}

fn counts(all: &[(&str, i64)]) -> Vec<(String, i64)> {
    all.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect()
}

#[tokio::test]
async fn one_who_opens_many_links_is_told_in_all_lanes() {
    let bench = Bench::new(Durability::Process).await;
    let links = bench.many_links(|_| ()).await;
    for (place, (_, slug)) in links.iter().enumerate() {
        match place % 3 {
            0 => bench.glance(place % 4, slug, PEER, ""),
            1 => drop(bench.ask_worker(place % 4, request("GET", &format!("/{slug}"))).await),
            _ => drop(bench.get(&format!("/{slug}/")).await),
        }
    }
    assert_eq!(bench.classes_of(&links).await, counts(&[("person", 9), ("scanner", 3)]));
    bench.clock.advance(Duration::from_secs(6));
    bench.glance(0, &links[0].1, PEER, "");
    assert_eq!(bench.classes_of(&links).await, counts(&[("person", 10), ("scanner", 3)]), "a person comes back later");
}

#[tokio::test]
async fn many_may_open_many_links_where_they_are_not_one() {
    for headers in ["Referer: https://list.example/\r\n", "X-Forwarded-For: 203.0.113.9\r\n", "Via: 1.1 squid\r\n"] {
        let bench = Bench::new(Durability::Process).await;
        let links = bench.many_links(|_| ()).await;
        for (place, (_, slug)) in links.iter().enumerate() {
            bench.glance(place % 4, slug, PEER, headers);
            let (name, value) = headers.trim().split_once(": ").expect("a header");
            let (name, value) = (name.to_lowercase(), value.parse().expect("a value"));
            let mut request = request("GET", &format!("/{slug}"));
            request.headers_mut().insert(name.parse::<hyper::header::HeaderName>().expect("a name"), value);
            bench.ask(request).await;
        }
        assert_eq!(bench.classes_of(&links).await, counts(&[("person", 2 * LINKS)]), "{headers}");
    }
    let bench = Bench::new(Durability::Process).await;
    let links = bench.many_links(|_| ()).await;
    for (place, (_, slug)) in links.iter().enumerate() {
        for peer in ["10.0.0.9", "127.0.0.1", "::ffff:192.168.1.1", "fd00::1"] {
            bench.glance(place % 4, slug, peer.parse().expect("an address"), "");
        }
        // A look at what is there is no visit.
        bench.ask(request("HEAD", &format!("/{slug}"))).await;
    }
    bench.glance(0, &links[0].1, PEER, "");
    let expected = counts(&[("head", LINKS), ("person", 4 * LINKS + 1)]);
    assert_eq!(bench.classes_of(&links).await, expected);
}

#[tokio::test]
async fn a_scanner_takes_nothing_of_a_limit() {
    let bench = Bench::new(Durability::Process).await;
    let links = bench.many_links(|content| content.click_limit = Some(1)).await;
    for (_, slug) in &links {
        assert_eq!(bench.get(&format!("/{slug}")).await.status(), 302, "everybody is sent on");
    }
    assert_eq!(bench.classes_of(&links).await, counts(&[("person", 9), ("scanner", 3)]));
    for ((id, _), clicks) in links.iter().zip([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]) {
        assert_eq!(bench.clicks(*id).await, clicks);
    }
    bench.clock.advance(Duration::from_secs(6));
    assert_eq!(bench.get(&format!("/{}", links[0].1)).await.status(), 410);
    assert_eq!(bench.get(&format!("/{}", links[11].1)).await.status(), 302, "the click was left for a person");
    assert_eq!(bench.get(&format!("/{}", links[11].1)).await.status(), 410);
}

#[test]
fn headers_are_missed_where_they_have_come_before() {
    let passing = Passing::default();
    let (first, second) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let told = |peer: IpAddr, is_https, has_fetch_metadata| {
        let client = Client { address: PEER, is_https, is_own: true };
        passing.of(&Seen { has_fetch_metadata, ..Seen::default() }, &client, peer.into())
    };
    assert_eq!(told(first, true, false), FetchMetadata::Absent, "perhaps the proxy does not pass them on");
    assert_eq!(told(first, false, true), FetchMetadata::Sent);
    assert_eq!(told(first, true, false), FetchMetadata::Absent, "over HTTP only programs send them");
    assert_eq!(told(first, true, true), FetchMetadata::Sent);
    assert_eq!(told(first, true, false), FetchMetadata::Missing);
    assert_eq!(told(first, false, false), FetchMetadata::Absent, "browsers do not send them there");
    assert_eq!(told(second, true, false), FetchMetadata::Absent, "of another proxy that is not known");
}
