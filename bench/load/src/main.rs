//! Load for the benchmarks, and the floor below which no server can be.
//!
//! One thread on purpose: it is pinned to one core and the server to another, so that neither takes from the other.
//! `wrk` was rejected: it knows no open loop, cannot ask each of many addresses just once, and keeps no latencies by
//! request.
//!
//! ```text
//! mask-load floor --listen 127.0.0.1:0
//! mask-load receive --listen 127.0.0.1:8081 [--listen 127.0.0.2:8081…] [--silent yes]
//! mask-load ask --connect 127.0.0.1:8080 --template get.http… --values slugs.txt [--connections 64]
//!     [--pick random|each] [--seconds 10] [--requests 1000] [--rate 5000] [--by-value yes] [--seed 1]
//! ```

mod answer;
mod ask;
mod floor;
mod latency;
mod options;
mod receive;
mod request;
mod requests;
mod wire;

use std::{env, process::ExitCode};

use options::Options;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let done = Options::read(arguments).and_then(|options| match task.as_str() {
        "ask" => ask::run(&options),
        "floor" => floor::run(&options),
        "receive" => receive::run(&options),
        _ => Err(format!("`{task}` is none of `ask`, `floor` and `receive`").into()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mask-load: {error}");
            ExitCode::FAILURE
        }
    }
}
