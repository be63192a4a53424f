//! Turns: of steps that look first and then write, one after the other.
//!
//! Whoever may have so many of something is counted before one more is written, and whoever has a name that looks like another's
//! is looked for before it is theirs. On PostgreSQL two transactions that look at the same moment both see nothing, and both write.
//! So each takes the turn of what it is about first, which is given back when it ends. SQLite has one writer, and needs none
//! of this.
//!
//! The locks are [`BUCKETS`] in number, as those of addresses are ([`crate::slugs`]): two that share one wait for each other for
//! nothing. A step takes one turn at most.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher24;

use crate::{
    Error,
    db::{Dialect, Tx, values},
};

/// See the module.
const BUCKETS: u64 = 256;

/// Tells these locks from all others that a program may take of the same database ("turn" in the upper half).
const SPACE: i64 = 0x7475_726e << 32;

/// What is counted or looked for, one step at a time.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Turn<'t> {
    /// How many keys an owner has.
    Keys(i64),
    /// How many domains an owner has.
    Domains(i64),
    /// How many webhooks an owner has.
    Webhooks(i64),
    /// Whose a domain is that looks like this.
    Looks(&'t str),
    /// How many letters somebody with an account has got.
    Letters(&'t str),
    /// How many letters a mailbox has got that signs up at pages.
    Mailbox(&'t str),
    /// How many letters a mailbox has got that is invited.
    Invited(&'t str),
    /// How many workspaces somebody has.
    Workspaces(&'t str),
    /// How many messages of a page were mailed.
    Messages(&'t str),
}

impl Turn<'_> {
    fn number(self) -> i64 {
        let mut hasher = SipHasher24::new_with_keys(0, 0);
        self.hash(&mut hasher);
        SPACE | i64::try_from(hasher.finish() % BUCKETS).unwrap_or_default()
    }

    /// Waits until it is this step's turn, which it keeps until its transaction ends.
    pub(crate) fn take(self, tx: &mut Tx<'_>) -> Result<(), Error> {
        match tx.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => {
                tx.query("SELECT pg_advisory_xact_lock($1) IS NULL", &values![self.number()]).map(drop)
            }
        }
    }
}
