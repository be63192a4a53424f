//! Invitations: a place in a workspace that is kept for a mailbox, until its owner comes for it.
//!
//! Whoever has the invitation's word has shown that they read what was sent to that mailbox; only its hash is kept
//! ([`crate::person::Word`]). It is for that mailbox alone: who is signed in with another address cannot use it.

use std::time::Duration;

use crate::{actor::Actor, id::InvitationId, mail::Address, role::Role, time::Time};

/// How long an invitation is good for.
pub const LASTS: Duration = Duration::from_hours(7 * 24);
/// The same in days, as people are told.
pub const LASTS_DAYS: u32 = 7;
/// Most invitations of a workspace that wait: each is a letter to somebody who may not know us.
pub const MOST_INVITATIONS: usize = 100;
/// Most invitations that are mailed to one mailbox within a day, by all workspaces together: its owner asked for none of them,
/// and does not care whose they are.
pub const MAILBOX_LETTERS_A_DAY: u32 = 10;
/// Most invitations that one workspace mails within a day, whoever they go to.
pub const WORKSPACE_LETTERS_A_DAY: u32 = 100;

/// An invitation that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id, which opens nothing.
    pub id: InvitationId,
    /// For whom.
    pub email: Address,
    /// As what.
    pub role: Role,
    /// Who invited them.
    pub invited_by: Actor,
    /// When.
    pub created_at: Time,
    /// Until when it is good.
    pub expires_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_how_long() {
        assert_eq!(LASTS, Duration::from_hours(24) * LASTS_DAYS);
    }
}
