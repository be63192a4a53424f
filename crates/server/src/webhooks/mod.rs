//! Webhooks: from the outbox to those who subscribed.
//!
//! What is to be told was written by the store, in the transaction of what it tells of. Here it is taken from there, signed
//! ([`sign`]) with a secret that only this module can read ([`seal`]), and sent through the outbound guard ([`dispatch`]).

mod attempt;
mod backlog;
mod dispatch;
mod lane;
pub mod seal;
pub mod sign;
mod slots;

pub use backlog::keep_counting;
pub use dispatch::{Dispatcher, Means};
