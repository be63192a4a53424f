//! Asking: requests over kept connections, each with one request under way at a time, as browsers do.
//!
//! Without a rate this is a closed loop, for measuring what a request costs: the next request leaves when an answer has
//! come. With a rate it is an open loop, for measuring latency: requests are due at moments of their own, whether or not
//! the server keeps up, and a latency counts from the moment when the request was due. A closed loop would ask less of a
//! server that stalls, and so hide the stall.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};

use crate::{
    answer,
    latency::Seen,
    options::{Options, Trouble},
    requests::Requests,
    wire::{Tls, Wire},
};

/// How long answers are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn run(options: &Options) -> Result<(), Trouble> {
    let requests = Requests::read(options)?;
    let mut load = Load::new(options, &requests)?;
    load.connect()?;
    let cpu_before = cpu_seconds();
    let elapsed = load.run()?;
    println!("{}", load.seen.report(elapsed, cpu_seconds() - cpu_before));
    Ok(())
}

/// Which values are asked, and when there is no further request.
struct Plan {
    each: bool,
    /// Requests that were sent so far.
    sent: u64,
    most: u64,
    interval: Option<Duration>,
    for_at_most: Duration,
    random: u64,
    values: usize,
}

impl Plan {
    fn read(options: &Options, values: usize) -> Result<Self, Trouble> {
        let each = match options.optional::<String>("pick")?.as_deref() {
            None | Some("random") => false,
            Some("each") => true,
            Some(other) => return Err(format!("--pick cannot be `{other}`").into()),
        };
        let seconds = options.optional::<f64>("seconds")?;
        let requests = options.optional::<u64>("requests")?;
        if !each && seconds.is_none() && requests.is_none() {
            return Err("it would never end: give --seconds, --requests or --pick each".into());
        }
        let all = if each { values as u64 } else { u64::MAX };
        Ok(Self {
            each,
            sent: 0,
            most: requests.unwrap_or(u64::MAX).min(all),
            interval: options.optional::<f64>("rate")?.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            for_at_most: seconds.map_or(Duration::MAX, Duration::from_secs_f64),
            random: options.optional::<u64>("seed")?.unwrap_or(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            values,
        })
    }

    /// The moment of the next request since the beginning, in an open loop.
    fn due(&self) -> Option<Duration> {
        let sent = u32::try_from(self.sent).unwrap_or(u32::MAX);
        self.interval.map(|interval| interval * sent)
    }

    fn is_over(&self, since_start: Duration) -> bool {
        self.sent >= self.most || self.due().unwrap_or(since_start) >= self.for_at_most
    }

    fn next_value(&mut self) -> usize {
        let place = if self.each { self.sent } else { self.next_random() };
        self.sent += 1;
        usize::try_from(place % self.values as u64).unwrap_or_default()
    }

    /// xorshift64*, Vigna 2016; of the high bits, as the low ones are weak.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }
}

struct Connection {
    wire: Wire,
    out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    /// The value that was asked for, and from when its latency counts.
    under_way: Option<(usize, Instant)>,
}

struct Load<'r> {
    requests: &'r Requests,
    plan: Plan,
    address: SocketAddr,
    tls: Option<Tls>,
    poll: Poll,
    connections: Vec<Connection>,
    /// Connections with nothing under way.
    idle: Vec<usize>,
    buffer: Vec<u8>,
    seen: Seen,
    started: Instant,
}

impl<'r> Load<'r> {
    fn new(options: &Options, requests: &'r Requests) -> Result<Self, Trouble> {
        let connections = options.optional::<usize>("connections")?.unwrap_or(1).max(1);
        Ok(Self {
            requests,
            plan: Plan::read(options, requests.count())?,
            address: options.required("connect")?,
            tls: options.optional::<String>("tls")?.map(|name| Tls::to(&name)).transpose()?,
            poll: Poll::new()?,
            connections: Vec::with_capacity(connections),
            idle: (0..connections).rev().collect(),
            buffer: vec![0; 256 << 10],
            seen: Seen::new(options.optional::<String>("by-value")?.is_some()),
            started: Instant::now(),
        })
    }

    fn connect(&mut self) -> Result<(), Trouble> {
        for number in 0..self.idle.len() {
            let connection = self.open(number)?;
            self.connections.push(connection);
        }
        Ok(())
    }

    fn open(&self, number: usize) -> Result<Connection, Trouble> {
        let mut wire = Wire::open(self.address, self.tls.as_ref())?;
        self.poll.registry().register(&mut wire.stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Connection { wire, out: Vec::new(), written: 0, input: Vec::new(), under_way: None })
    }

    fn run(&mut self) -> Result<Duration, Trouble> {
        self.started = Instant::now();
        let mut events = Events::with_capacity(1024);
        let mut all_sent_at = None;
        loop {
            let now = Instant::now();
            self.send_what_is_due(now)?;
            if self.plan.is_over(now - self.started) {
                let under_way = self.connections.len() - self.idle.len();
                let is_late = now - *all_sent_at.get_or_insert(now) > PATIENCE;
                if under_way == 0 || is_late {
                    self.seen.failures += under_way as u64;
                    return Ok(self.started.elapsed());
                }
            }
            // Between two requests of an open loop lies less time than a poll can be told to wait; so it does not wait.
            let wait = if self.plan.interval.is_some() { Duration::ZERO } else { Duration::from_millis(100) };
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                polled => polled?,
            }
            for event in &events {
                self.go_on(event.token().0)?;
            }
        }
    }

    fn send_what_is_due(&mut self, now: Instant) -> Result<(), Trouble> {
        while !self.idle.is_empty() && !self.plan.is_over(now - self.started) {
            let counts_from = match self.plan.due() {
                Some(due) if self.started + due > now => return Ok(()),
                Some(due) => self.started + due,
                None => Instant::now(),
            };
            let Some(number) = self.idle.pop() else { return Ok(()) };
            let value = self.plan.next_value();
            let connection = &mut self.connections[number];
            self.requests.write(value, &mut connection.out);
            connection.written = 0;
            connection.under_way = Some((value, counts_from));
            self.write(number)?;
        }
        Ok(())
    }

    /// Something has happened to this connection.
    fn go_on(&mut self, number: usize) -> Result<(), Trouble> {
        if self.connections[number].wire.flush().is_err() {
            return self.replace(number);
        }
        if self.connections[number].written < self.connections[number].out.len() {
            self.write(number)?;
        }
        loop {
            let connection = &mut self.connections[number];
            match connection.wire.read(&mut self.buffer) {
                Ok(0) => return self.replace(number),
                Ok(length) => {
                    connection.input.extend_from_slice(&self.buffer[..length]);
                    self.take_answer(number)?;
                    // Over TLS that is the end of a record, and more may be there.
                    if length < self.buffer.len() && self.tls.is_none() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.replace(number),
            }
        }
    }

    fn take_answer(&mut self, number: usize) -> Result<(), Trouble> {
        let connection = &mut self.connections[number];
        match answer::read(&connection.input) {
            Ok(Some(answer)) if connection.input.len() >= answer.bytes => {
                connection.input.drain(..answer.bytes);
                if let Some((value, from)) = connection.under_way.take() {
                    self.seen.add(value, answer.status, from.elapsed());
                    self.idle.push(number);
                }
                // A closed loop asks again at once, while the connection is warm in the caches.
                if self.plan.interval.is_none() { self.send_what_is_due(Instant::now()) } else { Ok(()) }
            }
            Ok(_) => Ok(()),
            Err(answer::Misunderstood) => self.replace(number),
        }
    }

    fn write(&mut self, number: usize) -> Result<(), Trouble> {
        let connection = &mut self.connections[number];
        while connection.written < connection.out.len() {
            match connection.wire.write(&connection.out[connection.written..]) {
                Ok(length) => connection.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.replace(number),
            }
        }
        Ok(())
    }

    /// The server has closed the connection, or sent what is no answer.
    fn replace(&mut self, number: usize) -> Result<(), Trouble> {
        let fresh = self.open(number)?;
        let lost = std::mem::replace(&mut self.connections[number], fresh);
        if lost.under_way.is_some() {
            self.seen.failures += 1;
            self.idle.push(number);
        }
        Ok(())
    }
}

/// The processor time that this process has used. It has one thread.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok());
    nanoseconds.map_or(0.0, |nanoseconds| Duration::from_nanos(nanoseconds).as_secs_f64())
}
