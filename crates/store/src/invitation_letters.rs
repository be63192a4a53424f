//! Letters that bring invitations: how many go out within a day.
//!
//! Whoever may invite says where our letters go, and whoever gets them has asked for none. So each is counted, in the transaction
//! that posts it, twice: for the mailbox over all workspaces, as a workspace is soon made; and for the workspace over all
//! mailboxes. An invitation that is made again, or taken back and made again, is another letter. The moment at which one more may
//! go out is known, and told.
//!
//! What was counted is forgotten when it counts no more. Rejected: to count the rows of the outbox, which go when they were sent,
//! or those of invitations, which go when another takes their place.

use std::time::Duration;

use mask_core::{
    invitation::{MAILBOX_LETTERS_A_DAY, WORKSPACE_LETTERS_A_DAY},
    time::Time,
};

use crate::{
    Error, Uninvited,
    db::{Tx, Value, values},
    turns::Turn,
};

const DAY: Duration = Duration::from_hours(24);

/// Waits until nobody else counts the letters of this mailbox. Whoever waits must hold nothing yet that others wait for.
pub(crate) fn take_turn(tx: &mut Tx<'_>, mailbox: &str) -> Result<(), Error> {
    Turn::Invited(mailbox).take(tx)
}

/// Why no letter may go out now from this workspace to this mailbox, if none may. The workspace's row is held.
pub(crate) fn refusal(tx: &mut Tx<'_>, workspace: i64, mailbox: &str, now: Time) -> Result<Option<Uninvited>, Error> {
    if let Some(free_at) = free_at(tx, "email_key", mailbox.into(), MAILBOX_LETTERS_A_DAY, now)? {
        return Ok(Some(Uninvited::MailboxFull(free_at)));
    }
    let free_at = free_at(tx, "workspace", workspace.into(), WORKSPACE_LETTERS_A_DAY, now)?;
    Ok(free_at.map(Uninvited::WorkspaceFull))
}

/// When there are fewer than `most` again, if there are as many now: when the first of the last `most` is a day old.
fn free_at(tx: &mut Tx<'_>, column: &str, value: Value, most: u32, now: Time) -> Result<Option<Time>, Error> {
    let sql = format!(
        "SELECT sent_at FROM invitation_letters WHERE {column} = $1 AND sent_at > $2 \
         ORDER BY sent_at DESC LIMIT 1 OFFSET {}",
        most - 1
    );
    let Some(row) = tx.first(&sql, &[value, now.before(DAY).into()])? else { return Ok(None) };
    Ok(Some(row.columns("invitation_letters").time("sent_at")?.after(DAY)))
}

/// Counts a letter.
pub(crate) fn note(tx: &mut Tx<'_>, workspace: i64, mailbox: &str, now: Time) -> Result<(), Error> {
    let sql = "INSERT INTO invitation_letters (workspace, email_key, sent_at) VALUES ($1, $2, $3)";
    tx.execute(sql, &values![workspace, mailbox, now]).map(drop)
}

/// Forgets those that count no more, at most `limit`; says how many.
pub(crate) fn forget(tx: &mut Tx<'_>, now: Time, limit: u32) -> Result<u64, Error> {
    let sql = "DELETE FROM invitation_letters WHERE number IN \
               (SELECT number FROM invitation_letters WHERE sent_at <= $1 ORDER BY sent_at LIMIT $2)";
    tx.execute(sql, &values![now.before(DAY), limit])
}
