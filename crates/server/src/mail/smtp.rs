//! Handing letters to a server of mail, one after the other on one connection.
//!
//! What went wrong is told apart by whom it concerns, as that decides what is done next. When the *server* is not there, does
//! not let us in or refuses our sender, no letter is to blame: none counts as tried, and all wait. When it does not want
//! *this letter* now, the letter waits by itself and the others go on; a connection that breaks amid a letter is counted so
//! too, or a letter that a server chokes on would hold up all others for ever. When it refuses the recipient or what the
//! letter says for good (5xx), the letter is given up.
//!
//! An answer's text is kept for the operator with the recipient's address taken out of it.

use std::{io, path::Path, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    self,
    authentication::{Credentials, Mechanism},
    client::AsyncSmtpConnection,
    commands::{Data, Mail, Rcpt, Rset},
    extension::ClientId,
};
use mask_core::mail::Address;
use rustls::ClientConfig;
use tokio::{net::TcpStream, time::timeout};
use url::Host;

use super::{
    letter::one_line,
    wire::{self, Greeted},
};
use crate::{
    config::{Config, SmtpUrl, StartTls},
    outbound::{AuthoritiesError, authorities},
};

/// How long a connection may take until letters can be handed over, encryption and password included.
const OPENED_WITHIN: Duration = Duration::from_secs(30);
/// How long one letter may take. A server may look into it (RFC 5321 §4.5.3.2 allows for ten minutes; those that people use
/// answer in seconds).
pub(super) const SENT_WITHIN: Duration = Duration::from_mins(2);
/// How long a parting may take.
const PARTED_WITHIN: Duration = Duration::from_secs(2);
/// Most characters that are kept of what went wrong.
const LONGEST_REASON: usize = 300;

/// What came in the way of a letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The server cannot be used; this says nothing of any letter.
    #[error("the server of mail cannot be used: {0}")]
    Away(String),
    /// This letter is not taken now.
    #[error("the letter is not taken now: {0}")]
    Later(String),
    /// The connection broke amid this letter.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// This letter is never taken.
    #[error("the letter is refused: {0}")]
    Refused(String),
}

/// A server of mail, and how it is spoken to.
#[derive(Clone)]
pub struct Server {
    url: SmtpUrl,
    starttls: StartTls,
    tls: Arc<ClientConfig>,
    hello: ClientId,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.url)
    }
}

impl Server {
    /// The server of the settings, if they name one.
    pub fn of(config: &Config) -> Result<Option<Self>, AuthoritiesError> {
        let Some(url) = config.mail.smtp_url.clone() else { return Ok(None) };
        let mut tls = authorities(config.outbound.ca_file.as_deref().map(Path::new))?;
        // Those are for HTTP.
        tls.alpn_protocols.clear();
        let hello = match config.server.public_url.host() {
            Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
            Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
            Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
            None => ClientId::default(),
        };
        Ok(Some(Self { url, starttls: config.mail.starttls, tls: Arc::new(tls), hello }))
    }

    /// A connection on which letters can be handed over.
    pub async fn connect(&self) -> Result<Connection, Trouble> {
        match timeout(OPENED_WITHIN, self.open()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(why)) => Err(Trouble::Away(one_line(&why, LONGEST_REASON))),
            Err(_) => Err(Trouble::Away(format!("no answer within {} seconds", OPENED_WITHIN.as_secs()))),
        }
    }

    async fn open(&self) -> Result<Connection, String> {
        let stream = self.stream().await.map_err(|error| error.to_string())?;
        let connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await;
        let mut connection = connection.map_err(|error| said(&error))?;
        if let Some((user, password)) = self.url.credentials() {
            let credentials = Credentials::new(user.to_owned(), password.to_owned());
            let welcome = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            welcome.map_err(|error| {
                format!("it does not take the user and password of mail.smtp_url: {}", said(&error))
            })?;
        }
        Ok(Connection(connection))
    }

    async fn stream(&self) -> Result<Greeted, wire::Error> {
        let SmtpUrl { host, port, .. } = &self.url;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let tls = Arc::clone(&self.tls);
        if self.url.is_encrypted {
            return Greeted::encrypted(stream, host, tls).await;
        }
        let must = match self.starttls {
            StartTls::Never => return Ok(Greeted::plain(stream)),
            StartTls::Required => true,
            // A password is for nobody on the way.
            StartTls::Offered => self.url.credentials().is_some(),
        };
        Greeted::upgraded(stream, host, &self.hello.to_string(), tls, must).await
    }
}

/// A connection to a server of mail.
pub struct Connection(AsyncSmtpConnection);

impl Connection {
    /// Hands over a letter.
    pub(super) async fn send(&mut self, from: &Address, to: &Address, message: &[u8]) -> Result<(), Trouble> {
        let sent = timeout(SENT_WITHIN, self.hand_over(from, to, message)).await;
        let late = || Err(Trouble::Broken(format!("no answer within {} seconds", SENT_WITHIN.as_secs())));
        sent.unwrap_or_else(|_| late()).map_err(|trouble| without_address(trouble, to))
    }

    async fn hand_over(&mut self, from: &Address, to: &Address, message: &[u8]) -> Result<(), Trouble> {
        let (from, to) = (lettre_address(from)?, lettre_address(to)?);
        let taken = self.0.command(Mail::new(Some(from), Vec::new())).await;
        taken.map_err(|error| match error.status() {
            Some(_) => Trouble::Away(format!("it refuses mail.from: {}", said(&error))),
            None => Trouble::Broken(said(&error)),
        })?;
        let taken = self.0.command(Rcpt::new(to, Vec::new())).await;
        taken.map_err(|error| of_letter(&error))?;
        self.0.command(Data).await.map_err(|error| of_letter(&error))?;
        self.0.message(message).await.map_err(|error| of_letter(&error))?;
        Ok(())
    }

    /// Begins anew after a letter that was not taken.
    pub(super) async fn reset(&mut self) -> Result<(), Trouble> {
        match timeout(PARTED_WITHIN, self.0.command(Rset)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Trouble::Broken(said(&error))),
            Err(_) => Err(Trouble::Broken("no answer".to_owned())),
        }
    }

    /// Takes leave. What was handed over is handed over, whatever is answered.
    pub async fn quit(mut self) {
        // One that does not answer is left alone.
        drop(timeout(PARTED_WITHIN, self.0.quit()).await);
    }
}

/// What an answer to a letter means. Some codes speak of us and not of the letter (RFC 5321 §3.8, RFC 4954 §6).
fn of_letter(error: &smtp::Error) -> Trouble {
    let why = said(error);
    match error.status().map(|code| code.to_string()).as_deref() {
        None => Trouble::Broken(why),
        Some("421" | "530" | "535" | "538") => Trouble::Away(why),
        Some(_) if error.is_permanent() => Trouble::Refused(why),
        Some(_) => Trouble::Later(why),
    }
}

/// What went wrong, in one line: the error and what it came of.
fn said(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        // Some say what they came of themselves.
        let words = inner.downcast_ref::<io::Error>().map_or_else(|| inner.to_string(), ToString::to_string);
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = inner.source();
    }
    one_line(&text, LONGEST_REASON)
}

fn without_address(trouble: Trouble, to: &Address) -> Trouble {
    let hide = |text: String| text.replace(to.as_str(), "the recipient").replace(&to.key(), "the recipient");
    match trouble {
        Trouble::Away(why) => Trouble::Away(hide(why)),
        Trouble::Later(why) => Trouble::Later(hide(why)),
        Trouble::Broken(why) => Trouble::Broken(hide(why)),
        Trouble::Refused(why) => Trouble::Refused(hide(why)),
    }
}

fn lettre_address(address: &Address) -> Result<lettre::Address, Trouble> {
    address.as_str().parse().map_err(|error| Trouble::Refused(format!("no address for mail: {error}")))
}
