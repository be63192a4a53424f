//! The whole server over real sockets: one binary, one harness, real databases. Nothing is mocked that can be run.

mod analytics;
mod binary;
mod bulk;
mod cli;
mod coverage;
mod crash;
mod document;
mod drift;
mod foundation;
mod harness;
mod hostile;
mod idempotency;
mod import;
mod limits;
mod links;
mod lists;
mod password;
mod places;
mod privacy;
mod redirect;
mod rules;
mod slugs;
mod wire;
