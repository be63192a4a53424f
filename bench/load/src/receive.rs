//! A receiver of webhooks: it reads each request to the end of its body and answers 200, or, when told so, never. `GET`
//! answers how many requests with a body came and over what time, so that what a server says it delivered can be held
//! against what arrived.
//!
//! It listens at as many addresses as it is given: each is an endpoint with connections of its own.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::Instant,
};

use mio::{
    Events, Interest, Poll, Registry, Token,
    net::{TcpListener, TcpStream},
};

use crate::{
    options::{Options, Trouble},
    request,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\n";

pub fn run(options: &Options) -> Result<(), Trouble> {
    let is_silent = options.optional::<String>("silent")?.is_some();
    let mut poll = Poll::new()?;
    let mut listeners = Vec::new();
    for address in options.all("listen") {
        let mut listener = TcpListener::bind(address.parse::<SocketAddr>()?)?;
        poll.registry().register(&mut listener, Token(listeners.len()), Interest::READABLE)?;
        listeners.push(listener);
    }
    println!("listening at {} addresses", listeners.len());
    let mut receiver = Receiver { is_silent, next: listeners.len(), ..Receiver::default() };
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in &events {
            match listeners.get(event.token().0) {
                Some(listener) => receiver.accept(listener, poll.registry())?,
                None => receiver.go_on(event.token(), &mut buffer),
            }
        }
    }
}

#[derive(Default)]
struct Receiver {
    is_silent: bool,
    connections: HashMap<Token, Connection>,
    /// The token of the next connection.
    next: usize,
    seen: Seen,
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

/// What came so far.
#[derive(Default)]
struct Seen {
    requests: u64,
    body_bytes: u64,
    first_and_last: Option<(Instant, Instant)>,
}

impl Seen {
    fn add(&mut self, body_bytes: usize) {
        let now = Instant::now();
        self.requests += 1;
        self.body_bytes += body_bytes as u64;
        self.first_and_last = Some((self.first_and_last.map_or(now, |(first, _)| first), now));
    }

    fn report(&self) -> Vec<u8> {
        let (since_first, since_last) = self
            .first_and_last
            .map_or((0.0, 0.0), |(first, last)| (first.elapsed().as_secs_f64(), last.elapsed().as_secs_f64()));
        let body = format!(
            "{{\"requests\":{},\"body_bytes\":{},\"since_first_s\":{since_first:.4},\"since_last_s\":{since_last:.4}}}",
            self.requests, self.body_bytes
        );
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}

impl Receiver {
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let token = Token(self.next);
                    self.next += 1;
                    registry.register(&mut stream, token, Interest::READABLE)?;
                    self.connections.insert(token, Connection { stream, input: Vec::new() });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn go_on(&mut self, token: Token, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        if !matches!(read(connection, buffer, self.is_silent, &mut self.seen), Ok(true)) {
            self.connections.remove(&token);
        }
    }
}

/// Reads what has come and answers each request that is whole; whether the connection goes on.
fn read(connection: &mut Connection, buffer: &mut [u8], is_silent: bool, seen: &mut Seen) -> io::Result<bool> {
    loop {
        let length = match connection.stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        connection.input.extend_from_slice(&buffer[..length]);
        while let Some(request) = request::read(&connection.input).map_err(|_| ErrorKind::InvalidData)? {
            connection.input.drain(..request.bytes);
            if request.is_get {
                connection.stream.write_all(&seen.report())?;
                continue;
            }
            seen.add(request.body_bytes);
            if !is_silent {
                connection.stream.write_all(ANSWER)?;
            }
        }
        if length < buffer.len() {
            return Ok(true);
        }
    }
}
