//! Settings as people write them: the right ones here, the wrong ones and the secret ones in `faults`.

mod faults;

use super::*;

/// Loads with a file named `mask.toml`, variables and flags.
fn load(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, Faults> {
    let variables = (variables.iter()).map(|(name, value)| ((*name).into(), (*value).into()));
    let flags: Vec<_> = (flags.iter()).map(|(key, value)| (*key, (*value).to_owned())).collect();
    Config::load(Some((Path::new("mask.toml"), file)), variables, &flags)
}

fn load_file(file: &str) -> Config {
    load(file, &[], &[]).expect("these settings are right")
}

fn shown(config: &Config, key: &str) -> (String, String) {
    let setting = (config.describe().iter()).find(|setting| setting.key == key).expect("every key is described");
    (setting.value_shown.clone(), setting.source.to_string())
}

#[test]
fn the_defaults_are_those_of_the_reference_file() {
    let config = Config::load(None, [], &[]).expect("the reference file is right");
    let seconds = Duration::from_secs;
    let milliseconds = Duration::from_millis;

    assert_eq!(config.server.listen, ["127.0.0.1:8080".parse().expect("an address")]);
    assert_eq!(config.server.public_url.as_str(), "http://localhost:8080/");
    assert_eq!(config.server.threads, 0);
    assert_eq!(config.auth.signup, SignUps::Closed);
    assert_eq!(config.limits.sign_in_attempts_per_minute, 10);
    assert_eq!(config.server.header_timeout, seconds(15));
    assert_eq!(config.server.body_timeout, seconds(30));
    assert_eq!(config.server.request_timeout, seconds(30));
    assert_eq!(config.server.max_body_bytes, 1024 * 1024);
    assert_eq!(config.server.shutdown, seconds(10));
    assert_eq!(config.server.heartbeat, seconds(15));
    assert_eq!(config.server.stream, seconds(3600));
    assert_eq!(config.server.max_connections, 20_000);
    assert_eq!((config.tls.mode, config.tls.hsts_seconds), (TlsMode::Off, 0));
    assert!(config.tls.listen.is_empty() && config.tls.cert_files.is_empty() && config.tls.key_files.is_empty());
    assert_eq!(config.acme.directory.as_str(), instant_acme::LetsEncrypt::Production.url());
    assert_eq!((&config.acme.email, &config.acme.ca_file, config.acme.orders_per_hour), (&None, &None, 80));
    assert!(config.acme.eab_key_id.is_empty() && config.acme.eab_hmac_key.reveal().is_empty());
    assert_eq!(config.storage.data_dir, Path::new("./data"));
    assert_eq!(config.database.url.reveal(), "");
    assert_eq!(config.database.pool_size, 0);
    assert_eq!(config.database.timeout, seconds(5));
    assert_eq!(config.secrets.key, None);
    assert!(config.links.domains.is_empty());
    assert_eq!(config.links.slug_length, 7);
    assert_eq!(config.links.memory_mb, 64);
    assert_eq!(config.clicks.durability, Durability::Process);
    assert_eq!(config.clicks.sync_interval, milliseconds(100));
    assert_eq!(config.clicks.drain_interval, milliseconds(500));
    assert_eq!(config.clicks.journal_max_mb, 4096);
    assert_eq!((config.analytics.question_timeout, config.analytics.memory_mb), (seconds(5), 128));
    assert_eq!(config.limits.requests_per_minute, 1000);
    assert_eq!((config.limits.password_attempts_per_minute, config.limits.bio_forms_per_minute), (10, 5));
    assert!(config.proxy.trusted.is_empty());
    assert_eq!((&config.proxy.country_header, config.proxy.proxy_protocol), (&None, false));
    assert!(config.outbound.allow_networks.is_empty());
    assert_eq!(config.outbound.timeout, seconds(10));
    assert_eq!(config.outbound.connect_timeout, seconds(5));
    assert_eq!(config.outbound.ca_file, None);
    assert!(config.mail.smtp_url.is_none() && config.mail.from.is_none() && config.mail.reply_to.is_none());
    assert_eq!(config.mail.starttls, StartTls::Required);
    assert_eq!(config.pictures.url, PicturePlace::Data);
    assert_eq!((&config.pictures.endpoint, config.pictures.region.as_str()), (&None, "us-east-1"));
    assert_eq!((config.pictures.access_key_id.as_str(), config.pictures.secret_access_key.reveal()), ("", ""));
    assert_eq!((config.pictures.timeout, config.pictures.memory_mb), (seconds(5), 64));
    assert_eq!((&config.domains.target, config.domains.pointing), (&None, Pointing::Required));
    assert!(config.domains.addresses.is_empty() && config.domains.resolver.is_empty());
    assert_eq!(config.places.database, None);
    assert_eq!(config.places_file(), Path::new("./data/places.mmdb"));
    assert_eq!(config.metrics.listen, None);
    assert_eq!(config.log.level, LogLevel::Info);
    assert_eq!(config.log.format, LogFormat::Text);

    assert!(config.is_local());
    assert_eq!(config.warnings(), Vec::<String>::new());
}

#[test]
fn the_reference_file_documents_every_key_in_order() {
    let mut section = "";
    let mut comment = String::new();
    let mut documented = Vec::new();
    for line in REFERENCE.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push_str(text);
        } else if let Some((name, _)) = line.split_once(" = ") {
            let key = format!("{section}.{name}");
            assert!(comment.contains("Default"), "{key} must tell its default");
            comment.clear();
            documented.push(key);
        } else {
            comment.clear();
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            }
        }
    }
    assert_eq!(documented, KEYS);
}

#[test]
fn the_reference_file_is_a_file_to_start_from() {
    let config = load_file(REFERENCE);
    let described: Vec<_> = (config.describe().iter()).map(|setting| setting.key).collect();
    assert_eq!(described, KEYS);
    for setting in config.describe() {
        assert!(matches!(setting.source, Source::File { .. }), "{setting:?}");
    }
}

#[test]
fn each_layer_goes_over_the_one_before() {
    let file = "[links]\nslug_length = 8\nmemory_mb = 8\n[server]\nthreads = 8";
    let variables = [("MASK_LINKS__MEMORY_MB", "9"), ("MASK_SERVER__THREADS", "9")];
    let config = load(file, &variables, &[("server.threads", "10")]).expect("right");

    assert_eq!(config.clicks.journal_max_mb, 4096);
    assert_eq!(config.links.slug_length, 8);
    assert_eq!(config.links.memory_mb, 9);
    assert_eq!(config.server.threads, 10);
    let pairs = [
        ("clicks.journal_max_mb", "4096", "default"),
        ("links.slug_length", "8", "mask.toml line 2"),
        ("links.memory_mb", "9", "variable MASK_LINKS__MEMORY_MB"),
        ("server.threads", "10", "flag --threads"),
    ];
    for (key, value, source) in pairs {
        assert_eq!(shown(&config, key), (value.into(), source.into()), "{key}");
    }
}

#[test]
fn variables_are_read_by_the_type_of_the_setting() {
    let variables = [
        ("MASK_SERVER__LISTEN", "127.0.0.1:1, [::1]:2"),
        ("MASK_SERVER__HEADER_TIMEOUT_SECONDS", " 5 "),
        ("MASK_LINKS__DOMAINS", "Go.Example.com,bücher.example"),
        ("MASK_PROXY__TRUSTED", "10.1.2.3/8,192.0.2.1,::1"),
        ("MASK_PROXY__COUNTRY_HEADER", "CF-IPCountry"),
        ("MASK_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8, ::1,10.9.8.7/16"),
        ("MASK_PLACES__DATABASE", "/var/lib/GeoLite2-City.mmdb"),
        ("MASK_CLICKS__DURABILITY", "power"),
        ("MASK_LOG__FORMAT", "json"),
        ("MASK_METRICS__LISTEN", "127.0.0.1:9090"),
        ("MASK_TEST_POSTGRES", "/usr/lib"),
        ("PATH", "/bin"),
    ];
    let config = load("", &variables, &[]).expect("right");
    let trusted: Vec<_> = config.proxy.trusted.iter().map(IpNet::to_string).collect();

    assert_eq!(config.server.listen.len(), 2);
    assert_eq!(config.server.header_timeout, Duration::from_secs(5));
    assert_eq!(config.links.domains, ["go.example.com", "xn--bcher-kva.example"]);
    assert_eq!(config.default_domain(), "go.example.com");
    let opened: Vec<_> = config.outbound.allow_networks.iter().map(IpNet::to_string).collect();
    assert_eq!(trusted, ["10.0.0.0/8", "192.0.2.1/32", "::1/128"]);
    assert_eq!(opened, ["127.0.0.0/8", "::1/128", "10.9.0.0/16"]);
    assert_eq!(config.proxy.country_header, Some(HeaderName::from_static("cf-ipcountry")));
    assert_eq!(config.places_file(), Path::new("/var/lib/GeoLite2-City.mmdb"));
    assert_eq!(config.clicks.durability, Durability::Power);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.metrics.listen.map(|address| address.port()), Some(9090));

    let emptied = load("[links]\ndomains = ['a.example']", &[("MASK_LINKS__DOMAINS", "")], &[]);
    assert!(emptied.expect("right").links.domains.is_empty());
}

#[test]
fn a_list_in_a_file_may_be_one_text() {
    let one = load_file("[server]\nlisten = '127.0.0.1:1'");
    let two = load_file("server.listen = ['127.0.0.1:1', '127.0.0.1:2']");
    assert_eq!((one.server.listen.len(), two.server.listen.len()), (1, 2));
    assert_eq!(shown(&two, "server.listen").0, "127.0.0.1:1, 127.0.0.1:2");
}

#[test]
fn a_server_is_local_when_only_this_machine_can_reach_it_by_a_local_name() {
    let cases = [
        ("127.0.0.1:8080", "http://localhost:8080", true, "localhost"),
        ("127.0.0.1:1,[::1]:1", "http://127.0.0.1:1", true, "127.0.0.1"),
        ("[::1]:8080", "http://[::1]:8080", true, "[::1]"),
        ("0.0.0.0:8080", "http://localhost:8080", false, "localhost"),
        ("127.0.0.1:1,0.0.0.0:2", "http://localhost", false, "localhost"),
        ("127.0.0.1:8080", "https://localhost:8080", false, "localhost"),
        ("127.0.0.1:8080", "http://Links.Example.com", false, "links.example.com"),
        ("127.0.0.1:8080", "http://localhost.example.com", false, "localhost.example.com"),
    ];
    for (listen, public_url, is_local, host) in cases {
        let flags = [("server.listen", listen), ("server.public_url", public_url)];
        let config = load("", &[], &flags).expect("right");
        assert_eq!(config.is_local(), is_local, "{listen} {public_url}");
        assert_eq!(config.public_host(), host);
        assert_eq!(config.default_domain(), host);
        assert_eq!(config.warnings().is_empty(), is_local, "{listen} {public_url}");
    }
}

#[test]
fn what_is_likely_a_mistake_is_warned_of() {
    let cases = [
        ("0.0.0.0:80", "http://links.example.com", "", "server.public_url is plain http"),
        ("0.0.0.0:80", "https://links.example.com", "", "proxy.trusted is empty"),
        ("0.0.0.0:80", "https://links.example.com", "0.0.0.0/0", "a network of all addresses"),
    ];
    for (listen, public_url, trusted, expected) in cases {
        let flags = [("server.listen", listen), ("server.public_url", public_url), ("proxy.trusted", trusted)];
        let warnings = load("", &[], &flags).expect("right").warnings();
        assert!(matches!(&warnings[..], [one] if one.contains(expected)), "{warnings:?}");
    }
    for opened in ["0.0.0.0/0", "169.254.0.0/16"] {
        let warnings = load("", &[], &[("outbound.allow_networks", opened)]).expect("right").warnings();
        assert!(matches!(&warnings[..], [one] if one.contains("outbound.allow_networks")), "{warnings:?}");
    }
    let behind_a_proxy = [("server.public_url", "https://links.example.com"), ("proxy.trusted", "10.0.0.1")];
    assert!(load("", &[], &behind_a_proxy).expect("right").warnings().is_empty());
}

#[test]
fn places_of_pictures() {
    let place = |url: &str| {
        load(
            "",
            &[],
            &[("pictures.url", url), ("pictures.access_key_id", "k"), ("pictures.secret_access_key", "hunter2")],
        )
    };
    let bucket = |name: &str, prefix: &str| PicturePlace::Bucket { name: name.to_owned(), prefix: prefix.to_owned() };
    for (url, expected) in [
        ("", PicturePlace::Data),
        ("file:///srv/pictures", PicturePlace::Folder("/srv/pictures".into())),
        ("s3://my-bucket", bucket("my-bucket", "")),
        ("s3://my-bucket/", bucket("my-bucket", "")),
        ("s3://my.bucket/a/B_1/", bucket("my.bucket", "a/B_1")),
    ] {
        assert_eq!(place(url).expect("right settings").pictures.url, expected, "{url}");
    }
    for url in [
        "pictures",
        "file://pictures",
        "s3://",
        "s3://ab",
        "s3://My-Bucket",
        "s3://my-bucket/a//b",
        "s3://my-bucket/..",
        "gs://b",
    ] {
        let faults = place(url).expect_err("wrong settings").to_string();
        assert!(faults.contains("pictures.url must be empty, or a folder or a bucket"), "{url}: {faults}");
    }
    let config = place("s3://my-bucket").expect("right settings");
    assert_eq!(shown(&config, "pictures.secret_access_key").0, "***");
    assert!(!format!("{config:?}").contains("hunter2"));
    let faults = load("", &[], &[("pictures.url", "s3://my-bucket")]).expect_err("a bucket needs a key").to_string();
    assert!(
        faults.contains("pictures.access_key_id must be set")
            && faults.contains("pictures.secret_access_key must be set"),
        "{faults}"
    );
}

#[test]
fn the_pool_suits_the_database() {
    let cases = [("", "0", 2), ("sqlite://x.db", "0", 2), ("postgres://h/d", "0", 8), ("postgres://h/d", "3", 3)];
    for (url, pool_size, expected) in cases {
        let flags = [("database.url", url), ("database.pool_size", pool_size)];
        assert_eq!(load("", &[], &flags).expect("right").pool_size(), expected);
    }
}
