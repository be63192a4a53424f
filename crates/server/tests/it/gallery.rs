//! Somebody's server of pictures, on a port of its own: it shows what it was told to, and counts who asks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use mask_picture::photo::{Purpose, remake};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What lies at a path.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// These bytes, as a picture or whatever they are.
    Bytes(Vec<u8>),
    /// An answer with this status and these header lines, and no body.
    Says(u16, String),
    /// The beginning of an answer that never goes on.
    Stalls,
}

type Walls = Arc<Mutex<(HashMap<String, Shown>, usize)>>;

/// See the module. It closes when it is dropped.
pub(crate) struct Gallery {
    /// Without a slash at the end.
    pub(crate) url: String,
    walls: Walls,
    _task: JoinSet<()>,
}

impl Gallery {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let walls = Walls::default();
        let (mut task, shared) = (JoinSet::new(), Arc::clone(&walls));
        task.spawn(async move {
            let mut visitors = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                visitors.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, walls, _task: task }
    }

    /// Shows something at a path, and answers where that is.
    pub(crate) fn show(&self, path: &str, shown: Shown) -> String {
        self.walls.lock().expect("no panic").0.insert(path.to_owned(), shown);
        format!("{}{path}", self.url)
    }

    /// How many requests came.
    pub(crate) fn visits(&self) -> usize {
        self.walls.lock().expect("no panic").1
    }
}

/// A drawing of a square of this colour.
pub(crate) fn drawing(colour: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="{colour}"/></svg>"#
    )
}

/// A PNG of 512 × 512 of this colour.
pub(crate) fn picture(colour: &str) -> Vec<u8> {
    remake(drawing(colour).as_bytes(), Purpose::Logo).expect("a drawing").bytes
}

async fn serve(mut stream: TcpStream, walls: Walls) {
    let mut bytes = Vec::new();
    loop {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            match stream.read_buf(&mut bytes).await {
                Ok(1..) => continue,
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes.drain(..end + 4);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let shown = {
            let mut walls = walls.lock().expect("no panic");
            walls.1 += 1;
            walls.0.get(&path).cloned()
        };
        let shown = shown.unwrap_or(Shown::Says(404, String::new()));
        if answer(&mut stream, shown).await.is_none() {
            return;
        }
    }
}

async fn answer(stream: &mut TcpStream, shown: Shown) -> Option<()> {
    let (status, headers, body) = match shown {
        Shown::Bytes(bytes) => (200, String::new(), bytes),
        Shown::Says(status, headers) => (status, headers, Vec::new()),
        Shown::Stalls => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun").await.ok()?;
            // Until the other side gives up.
            let _ = stream.read(&mut [0; 1]).await;
            return None;
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()
}
