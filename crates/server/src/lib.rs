//! What happens: the server.
//!
//! Redirects are answered before any router, by [`redirect`]; whatever is not a short link goes on to [`api`]. Clicks go
//! from the redirect into the journal and from there, by [`clicks`], into the store. [`run`] puts it together.

pub mod accounts;
pub mod api;
pub mod bio;
pub mod body;
pub mod clicks;
pub mod clock;
pub mod config;
mod connection;
pub mod domains;
pub mod invitations;
pub mod listen;
pub mod mail;
pub mod oidc;
pub mod outbound;
pub mod password;
pub mod pictures;
pub mod places;
pub mod proxy;
pub mod redirect;
mod refusal;
pub mod run;
pub mod setup;
pub mod telemetry;
pub mod tls;
pub mod webhooks;
