//! A server of mail on a port of its own: it speaks SMTP as RFC 5321 has it, does with each letter as it was told, and keeps
//! what it took, byte for byte.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// The longest that a test waits for something that should be there at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is done with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes the letter.
    Takes,
    /// Answers the recipient with this line.
    ToRecipient(&'static str),
    /// Answers the sender with this line.
    ToSender(&'static str),
    /// Answers what the letter says with this line.
    ToContent(&'static str),
    /// Closes the connection when the letter begins.
    ClosesMidway,
    /// Keeps the letter, and closes the connection without saying so.
    KeepsSilently,
    /// Keeps the letter, and never says so.
    KeepsAndStalls,
}

/// How a server is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setup {
    /// Whether it can be encrypted after the beginning.
    pub(crate) offers_starttls: bool,
    /// Whether it is encrypted from the first byte.
    pub(crate) is_encrypted: bool,
    /// Who may send, and the password; anybody otherwise.
    pub(crate) user: Option<(&'static str, &'static str)>,
    /// Whether it sends, in the clear and after the word to encrypt, an answer that nobody asked for yet.
    pub(crate) smuggles: bool,
}

/// A letter that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The sender, as the envelope has it.
    pub(crate) from: String,
    /// The recipient, as the envelope has it.
    pub(crate) to: String,
    /// What the letter says, head and all.
    pub(crate) message: String,
    /// Whether it came encrypted.
    pub(crate) is_encrypted: bool,
    /// Who sent it, if anybody had to say so.
    pub(crate) user: Option<String>,
}

impl Taken {
    /// A line of its head, put together again where it is in several.
    pub(crate) fn header(&self, name: &str) -> String {
        let (head, _) = self.message.split_once("\r\n\r\n").expect("a head");
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_default().to_owned()
    }

    /// The first address of ours in it with this path.
    pub(crate) fn link(&self, path: &str) -> String {
        let text = self.message.replace("=\r\n", "").replace("=3D", "=");
        let place = text.find(path).unwrap_or_else(|| panic!("no {path} in {text}"));
        let end = text[place..].find(|letter: char| !(letter.is_ascii_alphanumeric() || "/-_?=".contains(letter)));
        text[place..place + end.expect("an end")].to_owned()
    }
}

/// See the module.
pub(crate) struct Postbox {
    /// Where it listens.
    pub(crate) port: u16,
    /// The certificate of the authority that its own is from, in PEM.
    pub(crate) authority: String,
    taken: mpsc::UnboundedReceiver<Taken>,
    task: JoinSet<()>,
}

impl Postbox {
    /// One that takes everything, in the clear.
    pub(crate) async fn start() -> Self {
        Self::that(Setup::default(), |_| Manner::Takes).await
    }

    /// One that is set up so, and decides by how many letters came before.
    pub(crate) async fn that(setup: Setup, manner: impl Fn(usize) -> Manner + Send + Sync + 'static) -> Self {
        Self::at(0, setup, manner).await
    }

    /// The same on this port.
    pub(crate) async fn at(port: u16, setup: Setup, manner: impl Fn(usize) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (authority, tls) = certificate();
        let (keep, taken) = mpsc::unbounded_channel();
        let letters = Arc::new(AtomicUsize::new(0));
        let manner: Arc<dyn Fn(usize) -> Manner + Send + Sync> = Arc::new(manner);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk {
                    setup,
                    manner: Arc::clone(&manner),
                    letters: Arc::clone(&letters),
                    keep: keep.clone(),
                    is_encrypted: setup.is_encrypted,
                    user: None,
                };
                open.spawn(serve(stream, talk, tls.clone()));
            }
        });
        Self { port, authority, taken, task }
    }

    /// Ends it: whoever connects from now on is refused.
    pub(crate) async fn close(mut self) {
        self.task.shutdown().await;
    }

    /// The next letter that it keeps.
    pub(crate) async fn next(&mut self) -> Taken {
        tokio::time::timeout(PATIENCE, self.taken.recv()).await.expect("a letter in time").expect("the server runs")
    }

    /// Whether it keeps something that nobody took yet.
    pub(crate) fn has_more(&self) -> bool {
        !self.taken.is_empty()
    }
}

/// An authority's certificate, and what a server with one of its certificates needs.
fn certificate() -> (String, TlsAcceptor) {
    let key = || rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).expect("parameters");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, key()).expect("an authority");
    let server_key = key();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let params = rcgen::CertificateParams::new(names).expect("parameters");
    let server = params.signed_by(&server_key, &authority).expect("a certificate");
    let private = PrivatePkcs8KeyDer::from(server_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], private.into())
        .expect("a certificate with its key");
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// What a connection has beside its bytes.
struct Talk {
    setup: Setup,
    manner: Arc<dyn Fn(usize) -> Manner + Send + Sync>,
    letters: Arc<AtomicUsize>,
    keep: mpsc::UnboundedSender<Taken>,
    is_encrypted: bool,
    user: Option<String>,
}

/// How a conversation goes on.
enum Next {
    Over,
    Encrypt,
}

/// Serves a connection; one that breaks is over, whatever was being said.
async fn serve(mut stream: TcpStream, mut talk: Talk, tls: TlsAcceptor) {
    let done = async {
        if talk.is_encrypted {
            return talk.speak(&mut BufReader::new(tls.accept(stream).await?), true).await.map(drop);
        }
        if let Next::Encrypt = talk.speak(&mut BufReader::new(&mut stream), true).await? {
            talk.is_encrypted = true;
            talk.speak(&mut BufReader::new(tls.accept(stream).await?), false).await?;
        }
        Ok::<_, io::Error>(())
    };
    drop(done.await);
}

impl Talk {
    async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut BufReader<S>,
        greets: bool,
    ) -> io::Result<Next> {
        if greets {
            say(stream, "220 postbox.example ESMTP").await?;
        }
        let (mut from, mut to) = (String::new(), String::new());
        let mut manner = None;
        loop {
            let line = read_line(stream).await?;
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let mut lines = vec!["250-postbox.example".to_owned()];
                    if self.setup.offers_starttls && !self.is_encrypted {
                        lines.push("250-STARTTLS".to_owned());
                    }
                    if self.setup.user.is_some() {
                        lines.push("250-AUTH PLAIN LOGIN".to_owned());
                    }
                    lines.push("250 SIZE 10000000".to_owned());
                    say(stream, &lines.join("\r\n")).await?;
                }
                "STARTTLS" if self.setup.offers_starttls && !self.is_encrypted => {
                    let more = if self.setup.smuggles { "\r\n250 AUTH PLAIN" } else { "" };
                    say(stream, &format!("220 go ahead{more}")).await?;
                    return Ok(Next::Encrypt);
                }
                "AUTH" => {
                    let said = line.strip_prefix("AUTH PLAIN ").and_then(|text| STANDARD.decode(text).ok());
                    let wanted = self.setup.user.map(|(user, password)| format!("\0{user}\0{password}").into_bytes());
                    if said.is_some() && said == wanted {
                        self.user = self.setup.user.map(|(user, _)| user.to_owned());
                        say(stream, "235 welcome").await?;
                    } else {
                        say(stream, "535 5.7.8 who are you").await?;
                    }
                }
                "MAIL" if self.setup.user.is_some() && self.user.is_none() => {
                    say(stream, "530 5.7.0 say who you are").await?;
                }
                "MAIL" => {
                    let this = (self.manner)(self.letters.fetch_add(1, Ordering::SeqCst));
                    manner = Some(this);
                    from = address(&line);
                    let answer = if let Manner::ToSender(answer) = this { answer } else { "250 ok" };
                    say(stream, answer).await?;
                }
                "RCPT" => {
                    to = address(&line);
                    let answer = if let Some(Manner::ToRecipient(answer)) = manner { answer } else { "250 ok" };
                    say(stream, answer).await?;
                }
                "DATA" => {
                    if manner == Some(Manner::ClosesMidway) {
                        return Ok(Next::Over);
                    }
                    say(stream, "354 go ahead").await?;
                    let message = read_message(stream).await?;
                    if let Some(Manner::ToContent(answer)) = manner {
                        say(stream, answer).await?;
                        continue;
                    }
                    let (from, to, user) = (from.clone(), to.clone(), self.user.clone());
                    // Whoever does not listen any more does not mind.
                    drop(self.keep.send(Taken { from, to, message, is_encrypted: self.is_encrypted, user }));
                    match manner {
                        Some(Manner::KeepsSilently) => return Ok(Next::Over),
                        // Until the other side gives up.
                        Some(Manner::KeepsAndStalls) => return stream.read(&mut [0; 64]).await.map(|_| Next::Over),
                        _ => say(stream, "250 kept").await?,
                    }
                }
                "RSET" | "NOOP" => say(stream, "250 ok").await?,
                "QUIT" => {
                    say(stream, "221 bye").await?;
                    return Ok(Next::Over);
                }
                _ => say(stream, "502 what is that").await?,
            }
        }
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// Reads up to the dot, and takes away the dots that were put before others (RFC 5321 §4.5.2).
async fn read_message<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<String> {
    let mut message = String::new();
    loop {
        let line = read_line(stream).await?;
        if line == "." {
            return Ok(message);
        }
        message += line.strip_prefix('.').unwrap_or(&line);
        message += "\r\n";
    }
}

fn address(line: &str) -> String {
    let begin = line.find('<').map_or(0, |place| place + 1);
    line[begin..].split('>').next().unwrap_or_default().to_owned()
}
