//! The floor: a socket loop that answers every request with the same redirect. It reads nothing, chooses nothing and keeps
//! nothing, so what it costs is the kernel's part, which no server gets around.
//!
//! The answer is as long as Mask's own, header for header.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
};

use mio::{
    Events, Interest, Poll, Registry, Token,
    net::{TcpListener, TcpStream},
};

use crate::options::{Options, Trouble};

const ANSWER: &[u8] = b"HTTP/1.1 302 Found\r\n\
    location: https://shop.example.com/collections/spring/products/linen-shirt-blue?ref=newsletter-14\r\n\
    cache-control: private, no-store\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\n";
const LISTENER: Token = Token(usize::MAX);

pub fn run(options: &Options) -> Result<(), Trouble> {
    let mut listener = TcpListener::bind(options.required::<SocketAddr>("listen")?)?;
    println!("listening on {}", listener.local_addr()?);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = HashMap::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    let mut next = 0;
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, poll.registry(), &mut connections, &mut next)?;
            } else if let Some(stream) = connections.get_mut(&event.token())
                && !matches!(answer(stream, &mut buffer), Ok(true))
            {
                connections.remove(&event.token());
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    registry: &Registry,
    connections: &mut HashMap<Token, TcpStream>,
    next: &mut usize,
) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                *next += 1;
                registry.register(&mut stream, Token(*next), Interest::READABLE)?;
                connections.insert(Token(*next), stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Answers what has come; whether the connection goes on. Whoever asks here sends a request at a time and in one piece,
/// so each read is a request, and a read that does not fill the buffer has read all there is.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
    match stream.read(buffer) {
        Ok(0) => Ok(false),
        Ok(_) => stream.write_all(ANSWER).map(|()| true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}
