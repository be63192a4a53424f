//! The settings of mail: the server that takes letters, and who they are from.
//!
//! The address of the server may hold a password, so what was written is never quoted. Credentials do not travel in the
//! clear: together with `starttls = "never"` they are refused, but for a server on this machine.

use std::fmt;

use mask_core::mail::Mailbox;
use percent_encoding::percent_decode_str;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{
    Config,
    layers::Layers,
    rules::{Checked, Value, text},
    secret::hide,
};

/// The port of submission, where encryption begins by STARTTLS.
const SUBMISSION: u16 = 587;
/// The port of submission that is encrypted from the start.
const SUBMISSIONS: u16 = 465;

/// Whether a connection that begins in the clear is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// It is, or nothing is sent.
    Required,
    /// It is where the server offers it.
    Offered,
    /// It is not.
    Never,
}

/// A server that takes letters. `Debug` and `Display` hide the password; only [`SmtpUrl::credentials`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    shown: String,
    /// Its name or address, as it is looked up.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is encrypted from the first byte.
    pub is_encrypted: bool,
    credentials: Option<(String, Zeroizing<String>)>,
    is_loopback: bool,
}

impl SmtpUrl {
    /// `smtp://` or `smtps://`, perhaps a user and a password, a host, perhaps a port.
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_encrypted = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return None,
        };
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        // The hosts of schemes that URLs know nothing of are not looked into; so they are read again as of one they know.
        let host = Host::parse(url.host_str().filter(|host| !host.is_empty())?).ok()?;
        let is_loopback = match &host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", _) | (_, None) => return None,
            (user, Some(password)) => Some((decoded(user)?, Zeroizing::new(decoded(password)?))),
        };
        is_bare.then(|| Self {
            shown: hide(text),
            host: match host {
                Host::Domain(name) => name,
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            port: url.port().unwrap_or(if is_encrypted { SUBMISSIONS } else { SUBMISSION }),
            is_encrypted,
            credentials,
            is_loopback,
        })
    }

    /// The user and the password, for the server alone.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({self})")
    }
}

/// A server that takes letters, or nothing.
pub(super) fn smtp_url(value: &Value) -> Checked<Option<SmtpUrl>> {
    match text(value)? {
        "" => Ok(None),
        written => SmtpUrl::parse(written).map(Some).ok_or_else(|| {
            "must be empty, smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT; user and password go together, \
             percent-encoded, and may be left out (what was written is not shown: it may hold a password)"
                .to_owned()
        }),
    }
}

/// Who a letter is from or for, or nobody.
pub(super) fn mailbox(value: &Value) -> Checked<Option<Mailbox>> {
    match text(value)? {
        "" => Ok(None),
        written => Mailbox::parse(written).map(Some).map_err(|_| {
            format!(
                "must be an address such as links@example.com or Links <links@example.com>, not \"{}\"",
                hide(written)
            )
        }),
    }
}

impl Config {
    /// What is right by itself and wrong beside another setting of mail.
    pub(super) fn check_mail(&self, layers: &mut Layers) {
        let Some(server) = &self.mail.smtp_url else { return };
        if self.mail.from.is_none() {
            layers.refuse("mail.from", "must say who letters are from, such as Links <links@example.com>");
        }
        let is_in_the_clear = self.mail.starttls == StartTls::Never && !server.is_encrypted && !server.is_loopback;
        if is_in_the_clear && server.credentials.is_some() {
            layers.refuse(
                "mail.starttls",
                "must not be \"never\" where mail.smtp_url has a password, which it would show",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: &[(&str, &str)]) -> Result<Config, String> {
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Config::load(None, [], &flags).map_err(|faults| faults.to_string())
    }

    #[test]
    fn servers() {
        let parts = |text| SmtpUrl::parse(text).map(|url| (url.host.clone(), url.port, url.is_encrypted));
        for (text, host, port, is_encrypted) in [
            ("smtp://mail.example.com", "mail.example.com", 587, false),
            ("smtps://mail.example.com", "mail.example.com", 465, true),
            ("smtp://MAIL.Example.com:25/", "mail.example.com", 25, false),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, false),
            ("smtp://[::1]:2525", "::1", 2525, false),
            ("smtps://u:p@bücher.example", "xn--bcher-kva.example", 465, true),
        ] {
            assert_eq!(parts(text), Some((host.to_owned(), port, is_encrypted)), "{text}");
        }
        for text in [
            "mail.example.com",
            "smtp://",
            "smtp://:25",
            "http://mail.example.com",
            "smtp://u@mail.example.com",
            "smtp://:p@mail.example.com",
            "smtp://mail.example.com/x",
            "smtp://mail.example.com?tls=no",
            "smtp://mail.example.com:99999",
            "smtp://mail example.com",
            "smtp://u:%ff@mail.example.com",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn passwords_are_hidden_and_read() {
        let url = SmtpUrl::parse("smtps://links%40example.com:p%20%40w@mail.example.com").expect("a server");
        assert_eq!(url.credentials(), Some(("links@example.com", "p @w")));
        for shown in [url.to_string(), format!("{url:?}")] {
            assert!(!shown.contains("p%20") && !shown.contains("p @w") && shown.contains("***"), "{shown}");
        }
        let wrong = load(&[("mail.smtp_url", "smtp://u:hunter2@mail.example.com/path")]).expect_err("a path");
        assert!(wrong.contains("mail.smtp_url") && !wrong.contains("hunter2"), "{wrong}");
        let right =
            load(&[("mail.smtp_url", "smtp://u:hunter2@mail.example.com"), ("mail.from", "a@b.co")]).expect("right");
        assert!(right.describe().iter().all(|setting| !setting.value_shown.contains("hunter2")));
    }

    #[test]
    fn settings_that_do_not_go_together() {
        let server = ("mail.smtp_url", "smtp://u:p@mail.example.com");
        let from = ("mail.from", "Links <links@example.com>");
        assert!(load(&[server]).expect_err("nobody").contains("mail.from"));
        assert!(load(&[server, from]).is_ok());
        assert!(load(&[server, from, ("mail.starttls", "offered")]).is_ok());
        assert!(load(&[server, from, ("mail.starttls", "never")]).expect_err("in the clear").contains("mail.starttls"));
        assert!(load(&[("mail.smtp_url", "smtp://mail.example.com"), from, ("mail.starttls", "never")]).is_ok());
        assert!(load(&[("mail.smtp_url", "smtp://u:p@127.0.0.1"), from, ("mail.starttls", "never")]).is_ok());
        assert!(load(&[("mail.smtp_url", "smtps://u:p@mail.example.com"), from, ("mail.starttls", "never")]).is_ok());
        assert!(load(&[("mail.from", "nobody")]).expect_err("no address").contains("mail.from"));
        assert!(load(&[("mail.starttls", "sometimes")]).is_err());
    }
}
