//! Signing in by way of a provider of identities: OpenID Connect, the code flow with PKCE.
//!
//! [`Ticket`] is what the browser keeps meanwhile, [`Provider`] asks and is answered, [`jwt`] sees whether what it says was
//! said by it. Why this is ours and no library's: [decision 0012](../../../../docs/decisions/0012-oidc.md).

pub mod jwt;
mod provider;
mod ticket;

pub use provider::{Failed, Known, Provider};
pub use ticket::{COOKIE, GOOD_FOR, Ticket};
