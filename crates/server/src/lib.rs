//! What happens: the server.
//!
//! Redirects are answered before any router, by [`redirect`]; whatever is not a short link goes on to [`api`]. Clicks go
//! from the redirect into the journal and from there, by [`clicks`], into the store.

pub mod body;
pub mod clock;
pub mod config;
pub mod proxy;
