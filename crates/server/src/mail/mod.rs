//! Mail: letters to people, from the outbox to a server that takes them.
//!
//! **The path of a letter.** Whoever does something that somebody is to be told about has a [`Letter`] written, by
//! [`Letters`], and hands it sealed to the step of the store that does the work; so the letter is there exactly if the work
//! was done. The [`Sender`], a thread of its own, claims what is due, opens it, hands it to the operator's server
//! ([`smtp`]) and writes down what came of it. No transaction is open meanwhile.
//!
//! **What must stay true.** Nothing is lost while the server of mail is away: letters wait, and are tried for four days
//! ([`mask_core::mail::next_try`]). Any process may die at any moment: a claim that nobody settles ends by itself, and the
//! letter is sent again, byte for byte with the same `Message-ID`, by which mail programs know it. What was refused for good
//! is not sent again. Addresses are parsed, and texts lose their line breaks, before they come near a header. What a letter
//! says is in no log and, while it waits, sealed in the database.
//!
//! **No guard.** The server of mail is the operator's choice and usually stands in his own network, so the guard of addresses
//! that *users* chose (`outbound`) has no say here. Nobody but the operator can name it.
//!
//! Letters carry no `List-Unsubscribe`: none of them is a newsletter. Each answers something that somebody just did.

mod account_letters;
mod letter;
mod letters;
mod link;
mod pages;
mod sender;
mod smtp;
mod webhook_letters;
mod wire;
mod words;

pub use account_letters::AccountLetter;
pub use letter::Letter;
pub use letters::{About, Invited, Letters};
pub use link::{Links, Purpose, Unfit};
pub use pages::routes;
pub use sender::{Means, Sender};
pub use smtp::{Server, Trouble};
