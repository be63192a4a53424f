//! Where a visitor came from: what the `Referer` header says, in a form that can be grouped by.
//!
//! The host is the registrable one by the Public Suffix List, so that `m.facebook.com` and `l.facebook.com` are one line of
//! a chart, while `alice.github.io` and `bob.github.io`, who share nothing but a landlord, are two. What is known by
//! several names gets one. Our own hosts are no referrer: somebody came from one of our pages, which tells nothing. No
//! referrer is `None`, which the API calls `direct`.
//!
//! Of the address no more is kept than its scheme, host, port and path: a query holds what is nobody's business.
//!
//! An Android app says `android-app://` and its package, which is a name written backwards; the list of suffixes would
//! make nonsense of it, so it stays whole unless it is known.

use url::{Host, Url};

use crate::redirect::Hosts;

/// The longest address.
const MOST_URL_BYTES: usize = 256;
/// The longest name of a host, as DNS has it.
const MOST_HOST_BYTES: usize = 253;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referrer {
    /// The host.
    pub host: Option<String>,
    /// The address without its query.
    pub url: Option<String>,
}

/// Names of one site beside its usual one: short links that it makes of what its people share, and names that it had.
const ALIASES: [(&str, &str); 13] = [
    ("t.co", "x.com"),
    ("twitter.com", "x.com"),
    ("lnkd.in", "linkedin.com"),
    ("fb.com", "facebook.com"),
    ("fb.me", "facebook.com"),
    ("fb.watch", "facebook.com"),
    ("instagr.am", "instagram.com"),
    ("ig.me", "instagram.com"),
    ("youtu.be", "youtube.com"),
    ("redd.it", "reddit.com"),
    ("pin.it", "pinterest.com"),
    ("wa.me", "whatsapp.com"),
    ("t.me", "telegram.org"),
];

/// Android's apps by their packages, and the sites that they are the apps of.
const APPS: [(&str, &str); 17] = [
    ("com.facebook.katana", "facebook.com"),
    ("com.facebook.lite", "facebook.com"),
    ("com.facebook.orca", "messenger.com"),
    ("com.google.android.apps.magazines", "news.google.com"),
    ("com.google.android.gm", "mail.google.com"),
    ("com.google.android.googlequicksearchbox", "google.com"),
    ("com.google.android.youtube", "youtube.com"),
    ("com.instagram.android", "instagram.com"),
    ("com.linkedin.android", "linkedin.com"),
    ("com.microsoft.office.outlook", "outlook.com"),
    ("com.pinterest", "pinterest.com"),
    ("com.reddit.frontpage", "reddit.com"),
    ("com.slack", "slack.com"),
    ("com.twitter.android", "x.com"),
    ("com.whatsapp", "whatsapp.com"),
    ("com.zhiliaoapp.musically", "tiktok.com"),
    ("org.telegram.messenger", "telegram.org"),
];

impl Referrer {
    /// Reads the header. Whatever it is: what cannot be read is no referrer.
    pub fn read(header: &str, own: &Hosts) -> Self {
        Self::of(header, own).unwrap_or_default()
    }

    fn of(header: &str, own: &Hosts) -> Option<Self> {
        let url = Url::parse(header).ok()?;
        let host = match url.scheme() {
            "http" | "https" => site(&url, own)?,
            "android-app" => app(url.host_str()?)?,
            _ => return None,
        };
        Some(Self { host: Some(host), url: Some(without_query(&url)) })
    }
}

/// The name of a site; `None` for one of ours.
fn site(url: &Url, own: &Hosts) -> Option<String> {
    let name = match url.host()? {
        // The address of a machine has no suffix.
        Host::Ipv4(address) => return not_ours(address.to_string(), own),
        Host::Ipv6(address) => return not_ours(address.to_string(), own),
        Host::Domain(name) => not_ours(name.trim_end_matches('.').to_owned(), own)?,
    };
    if name.is_empty() || name.len() > MOST_HOST_BYTES {
        return None;
    }
    // A name that is a suffix itself, such as that of a machine in an office, has nothing to be shortened to.
    let registrable = psl::domain_str(&name).unwrap_or(&name);
    Some(renamed(&ALIASES, registrable).to_owned())
}

fn not_ours(name: String, own: &Hosts) -> Option<String> {
    (!own.is_served(&name)).then_some(name)
}

fn app(package: &str) -> Option<String> {
    let fits = !package.is_empty()
        && package.len() <= MOST_HOST_BYTES
        && package.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let package = package.to_ascii_lowercase();
    fits.then(|| renamed(&APPS, &package).to_owned())
}

fn renamed<'n>(table: &[(&str, &'static str)], name: &'n str) -> &'n str {
    table.iter().find(|(known, _)| *known == name).map_or(name, |(_, usual)| usual)
}

fn without_query(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let mut text = format!("{}://{host}", url.scheme());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    text.push_str(url.path());
    if text.len() > MOST_URL_BYTES {
        // What a URL holds is ASCII. Half an encoded letter at the cut is none.
        let end = text.floor_char_boundary(MOST_URL_BYTES);
        let half = text[..end].rfind('%').filter(|at| end - at < 3);
        text.truncate(half.unwrap_or(end));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Hosts {
        Hosts::new(&"https://app.mask.example".parse().expect("a url"), &["go.example".to_owned()])
    }

    fn host(header: &str) -> Option<String> {
        Referrer::read(header, &own()).host
    }

    #[test]
    fn hosts() {
        for (header, expected) in [
            ("https://www.Example.com/", Some("example.com")),
            ("https://a.b.example.co.uk/x", Some("example.co.uk")),
            ("https://alice.github.io/x", Some("alice.github.io")),
            ("https://github.io/", Some("github.io")),
            ("https://m.facebook.com/", Some("facebook.com")),
            ("https://l.facebook.com/l.php?u=x", Some("facebook.com")),
            ("https://lm.facebook.com/", Some("facebook.com")),
            ("https://l.instagram.com/", Some("instagram.com")),
            ("https://t.co/abc", Some("x.com")),
            ("https://mobile.twitter.com/", Some("x.com")),
            ("https://x.com/", Some("x.com")),
            ("https://lnkd.in/abc", Some("linkedin.com")),
            ("https://out.reddit.com/", Some("reddit.com")),
            ("https://www.google.de/", Some("google.de")),
            ("android-app://com.google.android.gm/", Some("mail.google.com")),
            ("android-app://com.google.android.gm", Some("mail.google.com")),
            ("android-app://com.Slack/", Some("slack.com")),
            ("android-app://com.unknown.app/https/example.com", Some("com.unknown.app")),
            // The same name, written otherwise.
            ("https://example.com.", Some("example.com")),
            ("https://example.com:8443/x", Some("example.com")),
            ("https://user:secret@example.com/", Some("example.com")),
            ("https://bücher.example/", Some("xn--bcher-kva.example")),
            ("https://www.xn--bcher-kva.de/", Some("xn--bcher-kva.de")),
            ("https://münchen.公司.cn/", Some("xn--mnchen-3ya.xn--55qx5d.cn")),
            ("HTTPS://EXAMPLE.COM", Some("example.com")),
            (" https://example.com/ ", Some("example.com")),
            // Machines.
            ("http://192.0.2.7:8080/x", Some("192.0.2.7")),
            ("http://0xC0.0.2.7/", Some("192.0.2.7")),
            ("http://[2001:DB8::7]/x", Some("2001:db8::7")),
            ("http://intranet/wiki", Some("intranet")),
            ("http://wiki.corp/", Some("wiki.corp")),
            // Ours.
            ("https://go.example/abcd", None),
            ("https://GO.Example.:8080/abcd", None),
            ("https://app.mask.example/", None),
            ("https://www.go.example/", Some("go.example")),
            // No site.
            ("", None),
            ("-", None),
            ("about:client", None),
            ("about:blank", None),
            ("example.com", None),
            ("/path", None),
            ("https://", None),
            ("https:///", None),
            ("https://%00/", None),
            ("https://a b/", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("file:///home/me/page.html", None),
            ("chrome-extension://abcdefgh/page.html", None),
            ("ftp://example.com/", None),
            ("android-app://", None),
            ("android-app://a%00b/", None),
        ] {
            assert_eq!(host(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn a_server_of_one_machine_is_no_referrer_of_its_own() {
        let own = Hosts::new(&"http://localhost:8080".parse().expect("a url"), &[]);
        for header in ["http://localhost:8080/docs", "http://127.0.0.1:8080/", "http://[::1]:8080/"] {
            assert_eq!(Referrer::read(header, &own), Referrer::default(), "{header}");
        }
    }

    #[test]
    fn addresses() {
        let long = format!("https://example.com/{}", "x".repeat(300));
        let encoded = format!("https://example.com/{}%C3%BC", "x".repeat(MOST_URL_BYTES - 20 - 2));
        for (header, expected) in [
            ("https://user:pass@Example.com:8443/a/b?token=1#part", Some("https://example.com:8443/a/b")),
            ("http://example.com:80", Some("http://example.com/")),
            ("http://[2001:db8::7]:81/x?", Some("http://[2001:db8::7]:81/x")),
            ("https://example.com/é", Some("https://example.com/%C3%A9")),
            ("android-app://com.google.android.gm", Some("android-app://com.google.android.gm")),
            ("https://go.example/abcd", None),
            ("nonsense", None),
            (&long, Some(&long[..MOST_URL_BYTES])),
            (&encoded, Some(&encoded[..MOST_URL_BYTES - 2])),
        ] {
            assert_eq!(Referrer::read(header, &own()).url.as_deref(), expected, "{header}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_nothing_private_is_kept(text in ".{0,300}", path in "[ -~é]{0,400}") {
            let _ = Referrer::read(&text, &own());
            let referrer = Referrer::read(&format!("https://me:pw@www.example.com/{path}"), &own());
            if let Some(url) = referrer.url {
                proptest::prop_assert!(url.len() <= MOST_URL_BYTES && !url.contains(['?', '#', ' ']), "{}", url);
                proptest::prop_assert!(url.starts_with("https://www.example.com/"), "{}", url);
                proptest::prop_assert!(Url::parse(&url).is_ok());
            }
        }
    }
}
