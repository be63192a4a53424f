//! The outbound guard: the one client with which the server calls addresses that its users chose.
//!
//! Whoever may name an address may try to make the server call its own network: its databases, its cloud's metadata, its
//! neighbours. So nothing here trusts a name or a spelling. The rule is about the **address that is dialled**, and it is
//! looked at where it is dialled:
//!
//! 1. [`Target::parse`] refuses at creation what can be told from the text: other schemes, user names, addresses that are
//!    not public in whatever spelling, names that lead inward. It does no IO, so it says nothing about what a name leads to.
//! 2. A connection asks for a name's addresses once ([`Resolve`]). All of them must be allowed ([`Networks`]), or none is
//!    dialled: a name that leads to a public and to a private address is somebody's trick, or somebody's mistake.
//! 3. The checked address is the one that is dialled. There is no second look-up in which the answer could change
//!    (rebinding). TLS still asks for the name: SNI, the certificate and `Host` are the target's.
//! 4. Nothing is followed: a redirect is an answer like any other. No proxy is read from the environment.
//! 5. Everything is bounded: the time to connect, the whole time, the head of the answer, the bytes of the body that are
//!    kept. What is longer is not read; its connection is closed.
//!
//! [`Outbound::send`] is all of it in one call. A [`Failure`] has a short code for logs and a sentence for people. The
//! sentence names no address that a name led to: it would tell a stranger how our network is laid out.
//!
//! `outbound.allow_networks` opens networks by name, and `http://` to them alone. Names that lead inward (`localhost`, one
//! label, `.internal`) are then no longer refused for how they look, as the addresses they lead to are what counts.
//!
//! What must stay true: there is no other client in the server for addresses of users; every address goes through
//! [`Networks::reach`] right before it is dialled; and nothing of an answer is kept that was not bounded first.
//!
//! Why not a ready-made client: [decision 0008](../../../../docs/decisions/0008-outbound-client.md).

mod address;
mod client;
mod failure;
mod header;
mod line;
mod network;
mod pool;
mod resolve;
#[cfg(test)]
mod tests;
mod tls;

pub use self::{
    address::{LONGEST_URL, Target},
    client::{Answered, Body, Outbound, Outgoing},
    failure::{Failure, NOT_HTTPS, REFUSED_ADDRESS, Stage, Tls, UNREADABLE_SECRET, sentence, taken_apart},
    header::parse as custom_header,
    network::{Networks, Reach, Special},
    resolve::{Addresses, Resolve, System},
    tls::AuthoritiesError,
};
pub(crate) use tls::{authorities as authorities_of, config as authorities};
