//! The log and the metrics: what the program tells those who run it.
//!
//! The log goes to stderr, one event a line, as text for people or JSON for machines; stdout belongs to what a command
//! was asked for. Events inside a span carry its fields, so whatever happens in the span of a request carries its id. A
//! panic is an event like any other: it must not be missing from the one place that is watched.
//!
//! Only our own crates speak at the level that was set; of the others just warnings are heard. At `debug` a database
//! driver logs the values of a statement, and no level may put those into a log.
//!
//! Metrics are read on a listener of their own, away from the public one: what a business does is visible in them. It
//! answers one request after another on a handful of connections and shares no code with the redirect, so that a page
//! that is slow to make slows nobody.
//!
//! Rejected: the exporter's own listener, which brings a second HTTP client and server with it and is not stopped.

mod process;
mod scrape;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
    sync::OnceLock,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{Log, LogFormat, LogLevel};

pub use scrape::serve_metrics;

/// What the names of all our crates begin with.
const OURS: &str = "mask";

/// Upper bounds of the buckets of every `…_seconds` histogram: from a redirect's microseconds to the longest time-out.
const SECONDS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Starts the log, and sends panics to it. A second call changes nothing, so that tests may share a process.
pub fn init(log: &Log) {
    let ours = level(log.level);
    let filter = Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target(OURS, ours);
    // A log that cannot be written (a closed pipe, a full disk) must not take the server with it.
    let lines = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let lines = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        LogFormat::Text if io::stderr().is_terminal() => lines.boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    if tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let what = info.payload_as_str().unwrap_or("a panic without words");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    // Captured only when RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(panic = what, place, thread, %backtrace, "a panic, which is a defect of this program");
    } else {
        tracing::error!(panic = what, place, thread, "a panic, which is a defect of this program");
    }
}

/// Collects the metrics of this process from now on, and answers what renders them.
///
/// What is counted before the first call is lost, so it belongs at the start. The `metrics` crate has one recorder a
/// process, so this is the one process-wide value here: a second call answers the same.
pub fn metrics_exporter() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .expect("there are buckets");
        let handle = builder.install_recorder().expect("no other recorder is ever installed");
        process::describe();
        handle
    };
    HANDLE.get_or_init(install).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_filter() {
        let levels = [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
        for named in levels {
            assert_eq!(level(named).to_string(), named.as_str());
        }
    }
}
