//! URLs by which people try to reach what they should not, and what a good URL may look like.

use super::*;

/// What is refused with no networks opened, by a part of the reason.
const HOSTILE: &[(&str, &str)] = &[
    (
        "starting with https://",
        r"
        https https: https:/ https:// https:/// https:///example.com/ https:example.com https:/example.com
        //example.com/ /example.com example.com http://example.com/ ftp://example.com/ file:///etc/passwd
        gopher://example.com/_x dict://example.com:11211/ ldap://example.com/ javascript:alert(1)
        data:text/plain,x ws://example.com/ wss://example.com/ httpss://example.com/ https://? https://:443/
        https://[::1 https://::1/ https://[:::]/ https://[1::2::3]/ https://256.1.1.1/ https://1.1.1.256/
        https://1.2.3.4.5/ https://4294967296/ https://0x100000000/ https://127.0.0.0x100/ https://1.1.1.1.1.1/
        https://exa<mple.com/ https://exa^mple.com/ https://xn--a/ https://08.1.1.1/ https://[fe80::1-eth0]/
        https://[v1.x]/
        ",
    ),
    (
        "Must not lead to the server itself",
        r"
        https://127.0.0.1/ https://127.0.0.1:8080/ https://127.1.2.3/ https://127.255.255.255/ HTTPS://127.0.0.1
        https://[::1]/ https://[0:0:0:0:0:0:0:1]/ https://[0000:0000:0000:0000:0000:0000:0000:0001]:443/
        https://localhost/ https://LOCALHOST/ https://localhost:8080/ https://a.localhost/
        https://a.b.Localhost/ https://[::0.0.0.1]/
        ",
    ),
    (
        "Must write its address as it is usually written, 127.0.0.1",
        r"
        https://2130706433/ https://017700000001/ https://0x7f000001/ https://0X7F000001/ https://127.1/
        https://127.0.1/ https://0177.0.0.1/ https://0x7f.0.0.1/ https://0x7f.1/ https://0177.1/
        https://127.0.0.1./ https://127.000.000.001/ https://１２７.０.０.１/ https://127。0。0。1/ https://127．0．0．1/
        https://①②⑦.0.0.1/ https://2130706433./ https://0x7f.0x0.0x0.0x1/ https://00000177.0.0.1/
        ",
    ),
    (
        "Must write its address as it is usually written",
        r"
        https://0/ https://0x0/ https://00/ https://0x/ https://10.1/ https://3232235777/ https://0xa9fea9fe/
        https://2852039166/ https://169.16689662/ https://134744072/ https://8.8.8.8./ https://8.8.2056/
        ",
    ),
    (
        "Must not lead to a private network",
        r"
        https://10.0.0.1/ https://10.255.255.255/ https://172.16.0.1/ https://172.31.255.255/
        https://192.168.0.1/ https://192.168.255.255:8443/x https://[fc00::1]/ https://[fd12:3456::1]/
        https://[FD00:EC2::254]/ https://[fec0::1]/ https://[64:ff9b::10.0.0.1]/ https://[64:ff9b::c0a8:1]/
        ",
    ),
    (
        "Must not lead to link-local addresses",
        r"
        https://169.254.169.254/latest/meta-data/ https://169.254.0.1/ https://169.254.170.2/ https://[fe80::1]/
        https://[febf:ffff::1]/ https://[64:ff9b::a9fe:a9fe]/
        ",
    ),
    (
        "Must not lead to an IPv4 address written as IPv6",
        r"
        https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[0:0:0:0:0:ffff:127.0.0.1]/
        https://[::FFFF:a9fe:a9fe]/ https://[::ffff:8.8.8.8]/ https://[::127.0.0.1]/ https://[::7f00:1]/
        https://[::10.0.0.1]/ https://[::8.8.8.8]/
        ",
    ),
    (
        "Must not lead to",
        r"
        https://0.0.0.0/ https://0.0.0.0:80/ https://0.1.2.3/ https://100.64.0.1/ https://100.100.100.200/
        https://168.63.129.16/ https://192.0.0.192/ https://192.0.2.1/ https://192.88.99.1/ https://198.18.0.1/
        https://198.51.100.7/ https://203.0.113.7/ https://224.0.0.1/ https://239.255.255.250:1900/
        https://240.0.0.1/ https://255.255.255.255/ https://[::]/ https://[0::0]/ https://[::ffff:0:127.0.0.1]/
        https://[64:ff9b::7f00:1]/ https://[64:ff9b:1::a00:1]/ https://[100::1]/ https://[2001::1]/
        https://[2001:0:7f00:1::]/ https://[2001:db8::1]/ https://[2002:7f00:1::]/ https://[2002:a9fe:a9fe::1]/
        https://[3fff::1]/ https://[5f00::1]/ https://[ff02::1]/ https://[ff0e::1]/ https://[4000::1]/
        https://metadata.google.internal/computeMetadata/v1/ https://metadata/ https://METADATA.goog/
        https://instance-data/ https://metadata.tencentyun.com/ https://rancher-metadata/
        ",
    ),
    (
        "known on the public internet",
        r"
        https://intranet/ https://redis:6379/ https://db/ https://printer.local/ https://api.internal/
        https://vault.corp/ https://nas.home/ https://router.lan/ https://x.home.arpa/
        https://kubernetes.default.svc/ https://a.svc/ https://foo.private/ https://wiki.intranet/
        https://localhost.localdomain/ https://API.INTERNAL/
        ",
    ),
    (
        "Must not end its host name with a dot",
        r"
        https://example.com./ https://localhost./ https://metadata.google.internal./ https://a.local./
        https://intranet./
        ",
    ),
    (
        "Must write its host name as it is usually written",
        r"
        https://ⓛⓞcalhost/ https://ｌocalhost/ https://localhost。/ https://example。com/
        https://ｅxample.com/ https://metadata。google。internal/ https://locaℓhost/ https://𝓁ocalhost/
        ",
    ),
    (
        "percent signs",
        r"
        https://%31%32%37.0.0.1/ https://%6cocalhost/ https://127.0.0.1%2fexample.com/ https://[fe80::1%25eth0]/
        https://[fe80::1%eth0]/ https://example.com%00.evil.com/ https://example%2ecom/ https://127%2e0%2e0%2e1/
        ",
    ),
    (
        "user name or password",
        r"
        https://user@example.com/ https://user:secret@example.com/ https://@example.com/ https://:@example.com/
        https://example.com@127.0.0.1/ https://127.0.0.1@example.com/ https://a@b@127.0.0.1/
        https://example.com:443@127.0.0.1/
        ",
    ),
    (
        "a backslash",
        r"
        https://example.com\@127.0.0.1/ https:\\127.0.0.1/ https://127.0.0.1\.example.com/ https:/\127.0.0.1/
        \\127.0.0.1\x
        ",
    ),
    (
        "a fragment",
        r"
        https://example.com/#x https://example.com#@127.0.0.1/ https://127.0.0.1#.example.com/
        ",
    ),
    (
        "Must write its port as a plain number",
        r"
        https://example.com:/ https://example.com:00000/ https://example.com:0443/ https://example.com:+443/
        https://example.com:99999/ https://example.com:-1/ https://example.com:x/ https://127.0.0.1:/ https://[::1]:/
        https://[::1]example.com/
        ",
    ),
    (
        "Must not name port 0",
        r"
        https://example.com:0/ https://1.1.1.1:0/
        ",
    ),
    (
        "letters, digits, hyphens and dots",
        r"
        https://-example.com/ https://example-.com/ https://a..example.com/ https://.example.com/
        https://ex*mple.com/ https://$host.com/
        ",
    ),
];

/// URLs with what nobody sees: soft hyphens and spaces without width, which a parser of hosts drops.
const UNSEEN: &[&str] = &["https://1\u{ad}27.0.0.1/", "https://local\u{ad}host/", "https://exa\u{200b}mple.com/"];

/// URLs with what a parser of URLs drops without a word.
const WITH_WHITE_SPACE: &[&str] = &[
    " https://example.com/",
    "https://example.com/ ",
    "https://exam ple.com/",
    "https://127.0.0.1\n.example.com/",
    "https://example.com/\r\nHost: 127.0.0.1",
    "https://\t127.0.0.1/",
    "https://example.com/\0",
    "h\nttps://example.com/",
    "https://example.com/\u{a0}",
    "https://example.com/\u{85}",
];

#[test]
fn hostile_urls_are_refused_with_the_reason() {
    let networks = Networks::default();
    let mut count = 0;
    for (reason, urls) in HOSTILE {
        for url in urls.split_whitespace() {
            let refused = Target::parse(url, &networks).expect_err(url).to_string();
            assert!(refused.contains(reason), "{url:?}: {refused}");
            count += 1;
        }
    }
    assert!(count >= 200, "{count} hostile URLs");
    for url in WITH_WHITE_SPACE {
        let refused = Target::parse(url, &networks).expect_err(url).to_string();
        assert!(refused.contains("white space or control characters"), "{url:?}: {refused}");
    }
    for url in UNSEEN {
        let refused = Target::parse(url, &networks).expect_err(url).to_string();
        assert!(refused.contains("as it is usually written"), "{url:?}: {refused}");
    }
    assert!(Target::parse("", &networks).is_err());
}

#[test]
fn long_urls_are_refused() {
    let url = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
    assert!(Target::parse(&url(LONGEST_URL), &Networks::default()).is_ok());
    assert!(Target::parse(&url(LONGEST_URL + 1), &Networks::default()).is_err());
    for name in ["a".repeat(64) + ".com", "a.".repeat(130) + "com"] {
        let refused = Target::parse(&format!("https://{name}/"), &Networks::default()).expect_err("too long");
        assert!(refused.to_string().contains("letters, digits"), "{refused}");
    }
}

#[test]
fn good_urls_are_what_they_say() {
    for (url, host, path) in [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.COM:443/Hook?a=1&b=%20", "example.com", "/Hook?a=1&b=%20"),
        ("https://hooks.example.com:8443//x/../y?", "hooks.example.com:8443", "//y?"),
        ("https://bücher.example/ä?ö=ü", "xn--bcher-kva.example", "/%C3%A4?%C3%B6=%C3%BC"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ("https://例え.jp/", "xn--r8jz45g.jp", "/"),
        ("https://a_b.example.com/", "a_b.example.com", "/"),
        ("https://1.1.1.1/", "1.1.1.1", "/"),
        ("https://[2606:4700:4700::1111]:8443/x", "[2606:4700:4700::1111]:8443", "/x"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "[2606:4700:4700::1111]", "/"),
        ("https://localhost.example.com/", "localhost.example.com", "/"),
        ("https://notlocalhost.com/", "notlocalhost.com", "/"),
        ("https://internal.example/@x:y", "internal.example", "/@x:y"),
        ("https://example.com?u=a@b", "example.com", "/?u=a@b"),
        ("https://example.com/a|b\"c{d}?e|f\"g'h", "example.com", "/a|b%22c%7Bd%7D?e|f%22g%27h"),
        ("https://127.0.0.1.nip.io/", "127.0.0.1.nip.io", "/"),
    ] {
        let target = Target::parse(url, &Networks::default()).unwrap_or_else(|refused| panic!("{url}: {refused}"));
        assert_eq!((target.host(), target.path().to_string().as_str()), (host, path), "{url}");
    }
}

#[test]
fn named_networks_open_what_they_name() {
    let networks = Networks::with(["127.0.0.0/8", "10.0.0.0/8"].map(|network| network.parse().expect("a network")));
    for url in [
        "http://127.0.0.1:3000/hook",
        "http://localhost:3000/hook",
        "https://localhost/",
        "http://10.1.2.3/",
        "https://10.1.2.3/",
        // Where these lead is looked at when they are dialled.
        "http://receiver:3000/",
        "http://hooks.internal/",
        "https://hooks.example.com/",
        "http://hooks.example.com/",
    ] {
        assert!(Target::parse(url, &networks).is_ok(), "{url}");
    }
    for url in [
        "http://1.1.1.1/",
        "http://192.168.0.1/",
        "https://192.168.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://127.1/",
        "http://localhost./",
        "http://user@localhost/",
        "http://metadata.google.internal/",
        "http://169.254.169.254/",
        "ftp://127.0.0.1/",
    ] {
        assert!(Target::parse(url, &networks).is_err(), "{url}");
    }
    let elsewhere = Networks::with(["10.0.0.0/8".parse().expect("a network")]);
    assert!(Target::parse("http://localhost/", &elsewhere).is_err());
}

#[test]
fn what_is_logged_of_a_target_is_no_secret() {
    let target = Target::parse("https://example.com/hook?token=secret", &Networks::default()).expect("good");
    assert_eq!(format!("{target:?}"), "https://example.com/…");
}
