//! The whole server over real sockets: one binary, one harness, real databases. Nothing is mocked that can be run.

mod coverage;
mod document;
mod drift;
mod harness;
mod links;
