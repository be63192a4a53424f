//! A receiver of the test's own: a real listener on a port of the system's choice, that behaves as it is told.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A running receiver. It ends with the value.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    _accepting: JoinSet<()>,
}

/// What a receiver has seen.
#[derive(Default)]
pub(super) struct State {
    connections: AtomicUsize,
    heard: Mutex<Vec<String>>,
}

impl Receiver {
    /// Listens on 127.0.0.1 and hands each connection to `behave`.
    pub(super) async fn start<F, W>(behave: F) -> Self
    where
        F: Fn(Wire) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self::start_on("127.0.0.1:0", behave).await
    }

    /// The same on another address.
    pub(super) async fn start_on<F, W>(address: &str, behave: F) -> Self
    where
        F: Fn(Wire) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                open.spawn(behave(Wire { stream, state: Arc::clone(&seen) }));
            }
        });
        Self { address, state, _accepting: accepting }
    }

    /// A receiver that answers every request like this.
    pub(super) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut wire| async move {
            while wire.hear().await.is_some() {
                wire.say(answer).await;
            }
        })
        .await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?a=1", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The heads and bodies of all requests.
    pub(super) fn heard(&self) -> Vec<String> {
        self.state.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection of a receiver.
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    state: Arc<State>,
}

impl Wire {
    /// The next request, or nothing when the client is gone.
    pub(super) async fn hear(&mut self) -> Option<String> {
        let request = read_request(&mut self.stream).await?;
        self.state.heard.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Some(request)
    }

    /// Writes; a client that is gone does not matter.
    pub(super) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap_or_default();
    }

    /// Waits until the client is gone.
    pub(super) async fn linger(mut self) {
        let mut rest = [0; 1024];
        while self.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }
}

/// Reads a head, and a body of the length that it names.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).expect("a head is ASCII");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().expect("a length")];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}
