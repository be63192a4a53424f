//! A relay before the authority: it passes on what is said, keeps what our server sends, and adds what Debian's Pebble (2.4) does
//! not speak: when it wants certificates renewed (ARI, RFC 9773).

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};

use super::super::pebble::Pebble;

/// See the module.
pub(super) struct Relay {
    /// Where its directory is.
    pub(super) directory: String,
    said: Arc<Mutex<Said>>,
}

/// What it says, and what was said to it.
#[derive(Default)]
struct Said {
    window: (&'static str, &'static str),
    /// The certificates whose renewal was asked about.
    asked: Vec<String>,
    /// What was posted, and where to.
    posts: Vec<(String, Value)>,
}

/// What both sides need to know.
struct Ways {
    address: String,
    pebble: String,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    said: Arc<Mutex<Said>>,
}

struct Message {
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn read(stream: &mut impl Read) -> io::Result<Message> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.split("\r\n");
            let first_line = lines.next().unwrap_or_default().to_owned();
            let pairs = lines.filter_map(|line| line.split_once(':'));
            let headers: Vec<_> = pairs.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.and_then(|(_, length)| length.parse().ok());
            let body = bytes.split_off(end + 4);
            let mut message = Message { first_line, headers, body };
            while length.is_some_and(|length: usize| message.body.len() < length) {
                match stream.read(&mut piece)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => message.body.extend_from_slice(&piece[..read]),
                }
            }
            return Ok(message);
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

impl Ways {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let session = ServerConnection::new(Arc::clone(&self.server)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, stream);
        let asked = read(&mut stream)?;
        let path = asked.first_line.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = match path.strip_prefix("/renewal-info/") {
            Some(certificate) => self.advice(certificate),
            None => self.passed_on(&path, &asked)?,
        };
        stream.write_all(&answer)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    fn advice(&self, certificate: &str) -> Vec<u8> {
        let mut said = self.said.lock().expect("nobody panicked");
        said.asked.push(certificate.to_owned());
        let body = json!({"suggestedWindow": {"start": said.window.0, "end": said.window.1}}).to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRetry-After: 21600\r\nConnection: close";
        format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn passed_on(&self, path: &str, asked: &Message) -> io::Result<Vec<u8>> {
        let part = |name: &str| serde_json::from_slice::<Value>(&asked.body).ok()?[name].as_str().map(str::to_owned);
        let payload = part("payload").and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let payload: Value = payload.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        if !payload.is_null() {
            self.said.lock().expect("nobody panicked").posts.push((path.to_owned(), payload.clone()));
        }
        let mut answer = self.ask(asked)?;
        if path == "/dir" || !payload["replaces"].is_null() {
            let mut body: Value = serde_json::from_slice(&answer.body).map_err(io::Error::other)?;
            if path == "/dir" {
                body["renewalInfo"] = json!(format!("https://{}/renewal-info", self.address));
            } else {
                body["replaces"] = payload["replaces"].clone();
            }
            answer.body = body.to_string().into_bytes();
        }
        let status = answer.first_line.split_once(' ').map_or("", |(_, status)| status);
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", answer.body.len());
        let kept = answer.headers.iter().filter(|(name, _)| !["connection", "content-length"].contains(&name.as_str()));
        kept.for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        Ok([head.as_bytes(), b"\r\n", &answer.body].concat())
    }

    /// Asks the authority the same, as of HTTP/1.0: what it answers ends with the connection.
    fn ask(&self, asked: &Message) -> io::Result<Message> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(&self.client), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, TcpStream::connect(&self.pebble)?);
        let mut head = asked.first_line.replace("HTTP/1.1", "HTTP/1.0") + "\r\n";
        let kept = asked.headers.iter().filter(|(name, _)| name != "connection");
        kept.for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        stream.write_all(&[head.as_bytes(), b"\r\n", &asked.body].concat())?;
        let mut answer = read(&mut stream)?;
        match stream.read_to_end(&mut answer.body) {
            // Nobody minds how it ends.
            Ok(_) | Err(_) => Ok(answer),
        }
    }
}

impl Relay {
    /// One before this authority, known by the same certificate. It wants nothing renewed before its time.
    pub(super) fn before(pebble: &Pebble) -> Self {
        let chain = vec![CertificateDer::from_pem_file(&pebble.ca_file).expect("a certificate")];
        let mut roots = RootCertStore::empty();
        roots.add(chain[0].clone()).expect("an authority");
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(&pebble.key_file).expect("a key"))
            .expect("a certificate");
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let window = ("2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z");
        let said = Arc::new(Mutex::new(Said { window, ..Said::default() }));
        let directory = format!("https://{address}/dir");
        let pebble = pebble.directory.trim_start_matches("https://").trim_end_matches("/dir").to_owned();
        let ways = Arc::new(Ways {
            address,
            pebble,
            server: Arc::new(server),
            client: Arc::new(client),
            said: Arc::clone(&said),
        });
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ways = Arc::clone(&ways);
                std::thread::spawn(move || ways.serve(stream));
            }
        });
        Self { directory, said }
    }

    /// From now on it wants certificates renewed between these moments.
    pub(super) fn wants(&self, start: &'static str, end: &'static str) {
        self.said.lock().expect("nobody panicked").window = (start, end);
    }

    /// The certificates whose renewal was asked about.
    pub(super) fn asked(&self) -> Vec<String> {
        self.said.lock().expect("nobody panicked").asked.clone()
    }

    /// The members with this name of all that was posted.
    pub(super) fn posted(&self, member: &str) -> Vec<Value> {
        let said = self.said.lock().expect("nobody panicked");
        said.posts.iter().filter_map(|(_, payload)| payload.get(member).cloned()).collect()
    }
}
