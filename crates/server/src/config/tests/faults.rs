//! What is told of wrong settings, and that no password is in it.

use super::*;

const SECRET: &str = "hunter2";

fn faults_of(file: &str, variables: &[(&str, &str)]) -> String {
    let faults = load(file, variables, &[]).expect_err("these settings are wrong");
    faults.to_string()
}

#[test]
fn each_fault_says_where_what_and_what_would_be_right() {
    let cases = [
        ("[server]\nthread = 1", "mask.toml line 2: server.thread is no setting; did you mean server.threads?"),
        ("links.slug_lenght = 9", "links.slug_lenght is no setting; did you mean links.slug_length?"),
        (
            "[server]\n\n\ndata_dir = 'x'",
            "mask.toml line 4: server.data_dir is no setting; did you mean storage.data_dir?",
        ),
        ("listen = '127.0.0.1:1'", "mask.toml line 1: listen is no setting; did you mean server.listen?"),
        ("[log]\nqwertyuiop = 1", "log.qwertyuiop is no setting; mask.reference.toml lists all there are"),
        ("[log.level]\nx = 1", "log.level must be text, not a table"),
        ("[sever]\nthreads = 1\nlisten = 1", "mask.toml line 1: [sever] is no section; did you mean [server]?"),
        (
            "[qwertyuiop]",
            "[qwertyuiop] is no section; there are [server], [tls], [acme], [storage], [database], [secrets], [links], [workspaces], [domains], [clicks], [analytics], [limits], [auth], [proxy], [webhooks], [audit], [outbound], [pictures], [mail], [oidc], [places], [metrics], [log]",
        ),
        ("server = 3", "server is a section: write [server] on a line of its own"),
        ("[[server]]\nthreads = 3", "server is a section: write [server]"),
        ("[server]\nthreads = 'x'", "server.threads must be a whole number from 0 to 1024, not text"),
        (
            "[server]\nthreads = 1.5",
            "server.threads must be a whole number from 0 to 1024, not a number with a fraction",
        ),
        ("[server]\nthreads = true", "not a boolean"),
        ("[server]\nthreads = -1", "server.threads must be a whole number from 0 to 1024, not -1"),
        ("[server]\nthreads = 99999999999999999999", "not a larger number"),
        ("[server]\nheader_timeout_seconds = 0", "must be a whole number from 1 to 3600, not 0"),
        ("[server]\nlisten = 8080", "server.listen must be text or a list of texts, not a number"),
        ("[server]\nlisten = [8080]", "server.listen must be text or a list of texts, not a list of other things"),
        (
            "[server]\nlisten = 'localhost:80'",
            "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080, not \"localhost:80\"",
        ),
        ("[server]\nlisten = []", "server.listen must name at least one address, such as 127.0.0.1:8080"),
        ("[server]\nlisten = '[::1]:1,[::1]:1'", "server.listen must name each address once, not [::1]:1 twice"),
        (
            "[server]\npublic_url = 'go.example.com'",
            "server.public_url must be a URL such as https://links.example.com",
        ),
        ("[server]\npublic_url = 'ftp://a.example'", "server.public_url must begin with http:// or https://"),
        ("[server]\npublic_url = 'https://a.example/x'", "server.public_url must have no path, query or fragment"),
        ("[server]\npublic_url = 'https://a.example?x'", "server.public_url must have no path, query or fragment"),
        ("[storage]\ndata_dir = ''", "storage.data_dir must be a path, not empty"),
        ("[database]\nurl = 'mysql://h/d'", "database.url must be empty, sqlite://PATH or postgres://"),
        ("[database]\nurl = 'postgres://'", "database.url must be empty, sqlite://PATH or postgres://"),
        (
            "[links]\ndomains = ['https://a.example']",
            "links.domains must be host names without scheme, port or path, such as go.example.com, not \"https://a.example\"",
        ),
        ("[links]\ndomains = ['a.example:80']", "not \"a.example:80\""),
        ("[links]\ndomains = ['127.0.0.1']", "not \"127.0.0.1\""),
        ("[links]\ndomains = ['a..example']", "not \"a..example\""),
        ("[links]\nslug_length = 3", "links.slug_length must be a whole number from 4 to 64, not 3"),
        ("[clicks]\ndurability = 'disk'", "clicks.durability must be one of \"process\", \"power\", not \"disk\""),
        (
            "[proxy]\ntrusted = ['10.0.0.0/33']",
            "proxy.trusted must be networks such as 10.0.0.0/8 or addresses such as 10.0.0.1, not \"10.0.0.0/33\"",
        ),
        (
            "[proxy]\ncountry_header = 'a header'",
            "proxy.country_header must be the name of a header, such as CF-IPCountry, not \"a header\"",
        ),
        ("[places]\ndatabase = 7", "places.database must be text, not a number"),
        ("[metrics]\nlisten = '9090'", "metrics.listen must be an IP address and a port"),
        (
            "[metrics]\nlisten = '127.0.0.1:8080'",
            "mask.toml line 2: metrics.listen must differ from the addresses of server.listen",
        ),
        (
            "[log]\nlevel = 'loud'",
            "log.level must be one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", not \"loud\"",
        ),
        ("[server]\nthreads = ", "mask.toml line 2: is not TOML: "),
        ("[log]\nlevel = loud", "mask.toml line 2: is not TOML: string values must be quoted"),
        ("[log]\nlevel = 'warn'\nlevel = 'info'", "mask.toml line 3: is not TOML: duplicate key"),
    ];
    for (file, expected) in cases {
        let faults = faults_of(file, &[]);
        assert!(faults.contains(expected), "{file}\n  gave: {faults}\n  not:  {expected}");
        assert_eq!(faults.lines().count(), 1, "one mistake is one fault:\n{faults}");
    }
}

#[test]
fn a_wrong_variable_or_flag_is_named_as_it_was_written() {
    let cases = [
        (
            "MASK_SERVER_THREADS",
            "1",
            "variable MASK_SERVER_THREADS: server_threads is no setting; did you mean MASK_SERVER__THREADS?",
        ),
        ("MASK_PUBLIC_URL", "x", "did you mean MASK_SERVER__PUBLIC_URL?"),
        ("MASK_QWERTYUIOP", "1", "is no setting; mask.reference.toml lists all there are"),
        (
            "MASK_SERVER__THREADS",
            "four",
            "variable MASK_SERVER__THREADS: server.threads must be a whole number from 0 to 1024, not \"four\"",
        ),
        ("MASK_SERVER__THREADS", "", "server.threads must be a whole number from 0 to 1024, not \"\""),
    ];
    for (name, value, expected) in cases {
        let faults = faults_of("", &[(name, value)]);
        assert!(faults.contains(expected), "{name}={value}\n  gave: {faults}\n  not:  {expected}");
    }

    let flags = [("server.public_url", "nowhere"), ("server.nothing_known", "1")];
    let faults = load("", &[], &flags).expect_err("wrong").to_string();
    assert!(faults.contains("flag --public-url: server.public_url must be a URL"), "{faults}");
    assert!(faults.contains("flag --nothing-known: server.nothing_known is no setting"), "{faults}");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_their_places() {
    let file = "[server]\nthreads = 'x'\nlisten = \n[links]\nslug = 3\nslug_length = 99\n";
    let variables = [("MASK_LINKS__SLUG_LENGTH", "7"), ("MASK_LOG__LEVEL", "loud")];
    let faults = load(file, &variables, &[("metrics.listen", "x")]).expect_err("wrong");
    let places: Vec<_> = faults.iter().map(|fault| (fault.source.to_string(), fault.key.as_str())).collect();
    let expected = [
        ("mask.toml line 2", "server.threads"),
        ("mask.toml line 3", ""),
        ("mask.toml line 5", "links.slug"),
        ("mask.toml line 6", "links.slug_length"),
        ("variable MASK_LOG__LEVEL", "log.level"),
        ("flag --listen", "metrics.listen"),
    ];
    assert_eq!(places, expected.map(|(source, key)| (source.to_owned(), key)));
    assert_eq!(faults.to_string().lines().count(), expected.len());
}

#[test]
fn a_section_written_twice_hides_no_other_fault() {
    let faults = faults_of("[server]\nthread = 1\n[log]\n[server]\nlisten = 'x'", &[]);
    let expected = ["line 2: server.thread is", "line 4: is not TOML: duplicate key", "line 5: server.listen must"];
    for expected in expected {
        assert!(faults.contains(expected), "{faults}");
    }
}

#[test]
fn a_password_is_shown_nowhere() {
    let urls = [
        ("postgres://user:hunter2@db.example:5432/mask", "postgres://user:***@db.example:5432/mask"),
        ("postgresql://user:hunter2@[::1]/mask?sslmode=require", "postgresql://user:***@[::1]/mask?sslmode=require"),
        ("postgres://db.example/mask?user=u&password=hunter2", "postgres://db.example/mask?user=u&password=***"),
        ("postgres://db.example/mask?pass%77ord=hunter2", "postgres://db.example/mask?password=***"),
        ("postgres://user:a@hunter2@db.example/mask", "postgres://user:***@db.example/mask"),
        ("postgres://user:a/hunter2@db.example/mask", "postgres://***"),
        ("postgres://user:a?hunter2@db.example/mask", "postgres://***"),
        ("postgres://user:hunter2@one:5432,two:5432/mask", "postgres://***"),
        ("postgres://user:a@db.example/mask#hunter2", "postgres://user:***@db.example/mask"),
        ("postgres://user@db.example/mask", "postgres://user@db.example/mask"),
        ("sqlite://./some dir/links.db", "sqlite://./some dir/links.db"),
    ];
    for (url, expected) in urls {
        let config = load("", &[("MASK_DATABASE__URL", url)], &[]).expect("right");
        assert_eq!(config.database.url.reveal(), url);
        assert_eq!(config.database.url.to_string(), expected);
        assert_eq!(shown(&config, "database.url").0, expected);
        assert!(!format!("{config:?}").contains(SECRET), "{url}");
    }
}

#[test]
fn no_fault_tells_a_password() {
    let values = [
        "hunter2",
        "postgress://user:hunter2@h/db",
        "host=h password=hunter2",
        "https://user:hunter2@h",
        "user:hunter2@h/db",
    ];
    for value in values {
        for key in ["database.url", "server.public_url"] {
            let (section, name) = key.split_once('.').expect("a section and a name");
            for file in [
                format!("[{section}]\n{name} = '{value}'"),
                format!("[{section}]\n{name} = ['{value}']"),
                format!("[{section}]\n{name} = {value}"),
                format!("[{section}]\n{name} = '{value}"),
                format!("[{section}]\n{name}s = '{value}'"),
            ] {
                let faults = load(&file, &[], &[]).expect_err(&file);
                assert!(!format!("{faults} {faults:?}").contains(SECRET), "{file}: {faults}");
            }
        }
    }
    let strays =
        [("MASK_LINKS__DOMAINS", "https://user:hunter2@h"), ("MASK_SERVER__THREADS", "postgres://u:hunter2@h/d")];
    assert!(!faults_of("", &strays).contains(SECRET));
}

#[test]
fn a_key_is_shown_nowhere() {
    let key = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=";
    let config = load("", &[("MASK_SECRETS__KEY", key)], &[]).expect("right");
    assert_eq!(config.secrets.key.as_ref().map(SecretKey::reveal), Some(b"hunter2hunter2hunter2hunter2hunt"));
    assert_eq!(shown(&config, "secrets.key"), ("***".to_owned(), "variable MASK_SECRETS__KEY".to_owned()));
    assert!(!format!("{config:?}").contains("hunter2") && !format!("{config:?}").contains(key));
    for wrong in ["aHVudGVyMg==", "hunter2", &format!("{key}{key}")] {
        let faults = faults_of("", &[("MASK_SECRETS__KEY", wrong)]);
        assert!(
            faults.contains("secrets.key must be empty or base64 of 32 bytes") && !faults.contains(wrong),
            "{faults}"
        );
    }
}

/// Settings of TLS that are right, but for what is given.
fn with_tls(change: &[(&str, &str)]) -> Result<Config, Faults> {
    let right = [
        ("server.public_url", "https://mask.example"),
        ("tls.mode", "files"),
        ("tls.listen", "127.0.0.1:443"),
        ("tls.cert_files", "a.pem,b.pem"),
        ("tls.key_files", "a.key,b.key"),
    ];
    load("", &[], &[&right[..], change].concat())
}

#[test]
fn settings_of_tls_must_fit_each_other() {
    let config = with_tls(&[]).expect("these are right");
    assert_eq!((config.tls.cert_files.len(), config.has_tls(), config.warnings()), (2, true, Vec::new()));
    let acme = [("tls.mode", "acme"), ("acme.eab_key_id", "kid"), ("acme.eab_hmac_key", "aGVsbG8_")];
    let config = with_tls(&acme).expect("these are right");
    assert_eq!(config.account_binding(), Some(("kid", b"hello?".to_vec())));
    assert_eq!(shown(&config, "acme.eab_hmac_key").0, "***");
    for (change, expected) in [
        (&[("tls.listen", "")][..], "tls.listen must name at least one address"),
        (&[("tls.listen", "127.0.0.1:8080")], "tls.listen must differ from the addresses of server.listen"),
        (&[("metrics.listen", "127.0.0.1:443")], "metrics.listen must differ from the addresses of tls.listen"),
        (&[("server.public_url", "http://mask.example")], "server.public_url must begin with https://"),
        (&[("tls.cert_files", ""), ("tls.key_files", "")], "tls.cert_files must name at least one file"),
        (&[("tls.key_files", "a.key")], "tls.key_files must name as many files as tls.cert_files"),
        (&[("tls.mode", "off")], "tls.listen must be empty, as tls.mode is off"),
        (&[("tls.mode", "on")], "tls.mode must be one of \"off\", \"files\", \"acme\", not \"on\""),
        (&[("tls.hsts_seconds", "-1")], "tls.hsts_seconds must be a whole number from 0 to 63072000"),
        (&[("tls.mode", "acme"), ("acme.eab_key_id", "kid")], "acme.eab_hmac_key must be set"),
        (&[("tls.mode", "acme"), ("acme.eab_hmac_key", "aGVsbG8_")], "acme.eab_key_id must be set"),
        (
            &[("tls.mode", "acme"), ("acme.eab_key_id", "kid"), ("acme.eab_hmac_key", "hunter2 !")],
            "acme.eab_hmac_key must be base64url",
        ),
        (&[("acme.directory", "http://ca.example/dir")], "acme.directory must be the https:// address of a directory"),
        (&[("acme.email", "nobody")], "acme.email must be an address"),
        (&[("proxy.proxy_protocol", "v2")], "proxy.proxy_protocol must be one of \"off\", \"on\""),
    ] {
        let faults = with_tls(change).expect_err("this is wrong").to_string();
        assert!(faults.contains(expected) && !faults.contains(SECRET), "{change:?}\n  gave: {faults}");
        assert_eq!(faults.lines().count(), 1, "one mistake is one fault:\n{faults}");
    }
    let unreachable = with_tls(&[("tls.mode", "acme"), ("tls.listen", "127.0.0.1:8443")]).expect("it may be passed on");
    assert!(unreachable.warnings()[0].contains("443"), "{:?}", unreachable.warnings());
    let unheard = with_tls(&[("proxy.proxy_protocol", "on")]).expect("allowed");
    assert!(unheard.warnings()[0].contains("proxy.trusted"), "{:?}", unheard.warnings());
}
