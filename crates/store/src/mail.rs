//! The outbox of letters: what is to be mailed, written in the transaction of what it tells of.
//!
//! Whoever does something that somebody is to be mailed about posts a [`NewLetter`] in the same step; if the step is taken
//! back, so is the letter. What a letter says is sealed by the server, as it may hold links that open something, and a copy
//! of the database must not. Whoever sends letters claims some until a moment, sends each without any transaction, and says
//! what came of it. A claim that nobody settles ends by itself, so a letter is sent at least once; it is the same letter
//! then, with the same id. A letter that was sent is deleted, and one that is given up keeps only why.
//!
//! Nothing here names an owner: letters are the installation's, and no API shows them. One about a subscriber goes when the
//! subscriber goes (`ON DELETE CASCADE`).

use std::time::Duration;

use mask_core::{
    id::{LetterId, SubscriberId},
    mail::Address,
    time::Time,
};
use tokio::sync::watch;

use crate::{
    Error, Store,
    db::{Dialect, Row, Tx, Value, values},
    workspaces,
};

/// A letter to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// Its id, by which copies of it are recognised.
    pub id: LetterId,
    /// To whom.
    pub to: Address,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
    /// When it was written.
    pub now: Time,
}

/// A letter that whoever asked for it may send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedLetter {
    /// Its number.
    pub number: i64,
    /// Its id.
    pub id: LetterId,
    /// To whom.
    pub to: Address,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
    /// How often it was tried before.
    pub tries: u32,
    /// When it was written.
    pub created_at: Time,
    /// When the claim ends.
    pub until: Time,
}

/// What becomes of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterFate {
    /// It was sent, and is deleted.
    Sent,
    /// It is tried again then. A try counts, unless nothing about this letter was tried.
    Due {
        /// When.
        at: Time,
        /// Whether it was tried.
        was_tried: bool,
        /// What went wrong, if anything did.
        failure: Option<String>,
    },
    /// It is never sent.
    GivenUp {
        /// Why.
        failure: String,
    },
}

/// How the outbox is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Letters that wait.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Time>,
    /// What went wrong with one of them last.
    pub failure: Option<String>,
    /// Letters that were given up and are not forgotten yet.
    pub given_up: u64,
    /// Why the last of these was.
    pub reason: Option<String>,
}

const WAITING: i64 = 0;
const GIVEN_UP: i64 = 2;

/// Puts a letter into the outbox.
pub(crate) fn post(tx: &mut Tx<'_>, letter: &NewLetter, about: Option<SubscriberId>) -> Result<(), Error> {
    let sql = "INSERT INTO letters (id, recipient, subscriber_id, sealed, state, due_at, tries, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, 0, $6)";
    let about = about.map(|id| id.to_string());
    let all = values![letter.id.to_string(), letter.to.as_str(), about, &letter.sealed[..], WAITING, letter.now];
    tx.execute(sql, &all).map(drop)
}

fn claimed(row: Row, until: Time) -> Result<ClaimedLetter, Error> {
    let mut row = row.columns("letters");
    Ok(ClaimedLetter {
        number: row.integer("number")?,
        id: row.parsed("id", LetterId::parse)?,
        to: row.parsed("recipient", Address::parse)?,
        sealed: row.bytes("sealed")?,
        tries: row.required("tries", Value::into_small)?,
        created_at: row.time("created_at")?,
        until,
    })
}

/// How long letters of a workspace that was deleted are put off at a time.
const PUT_OFF: Duration = Duration::from_hours(1);

/// Puts off what is due of forms on pages of workspaces that were deleted: it goes out if that is taken back.
fn put_off(tx: &mut Tx<'_>, now: Time) -> Result<(), Error> {
    let sql = format!(
        "UPDATE letters SET due_at = $2 WHERE state = 0 AND due_at <= $1 AND EXISTS \
         (SELECT 1 FROM subscribers s WHERE s.id = letters.subscriber_id AND NOT ({}))",
        workspaces::is_there("s.owner")
    );
    tx.execute(&sql, &values![now, now.after(PUT_OFF)]).map(drop)
}

fn claim(tx: &mut Tx<'_>, most: u32, now: Time, until: Time) -> Result<Vec<ClaimedLetter>, Error> {
    put_off(tx, now)?;
    // Two nodes that claim at the same moment take different ones.
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "UPDATE letters SET due_at = $2 WHERE number IN \
         (SELECT number FROM letters WHERE state = 0 AND due_at <= $1 ORDER BY due_at LIMIT $3{lock}) \
         RETURNING number, id, recipient, sealed, tries, created_at"
    );
    let mut letters = Vec::new();
    for row in tx.query(&sql, &values![now, until, i64::from(most)])? {
        // One bad row must not stand in the way of all others; its claim ends, and it is told of again.
        match claimed(row, until) {
            Ok(letter) => letters.push(letter),
            Err(error) => tracing::error!(%error, "a letter cannot be read"),
        }
    }
    letters.sort_unstable_by_key(|letter| letter.number);
    Ok(letters)
}

/// A claim that ended may be somebody else's by now, and then it is theirs to say. But what was sent was sent.
fn settle(tx: &mut Tx<'_>, number: i64, until: Time, fate: LetterFate) -> Result<(), Error> {
    match fate {
        LetterFate::Sent => tx.execute("DELETE FROM letters WHERE number = $1", &values![number]),
        LetterFate::Due { at, was_tried, failure } => tx.execute(
            "UPDATE letters SET due_at = $3, tries = tries + $4, failure = coalesce($5, failure) \
             WHERE number = $1 AND state = 0 AND due_at = $2",
            &values![number, until, at, i64::from(was_tried), failure],
        ),
        LetterFate::GivenUp { failure } => {
            let empty: &[u8] = &[];
            let sql = "UPDATE letters SET state = $3, sealed = $4, failure = $5, tries = tries + 1 \
                       WHERE number = $1 AND state = 0 AND due_at = $2";
            tx.execute(sql, &values![number, until, GIVEN_UP, empty, failure])
        }
    }
    .map(drop)
}

fn outgoing(tx: &mut Tx<'_>) -> Result<Outgoing, Error> {
    let sql = "SELECT \
        (SELECT count(*) FROM letters WHERE state = 0), \
        (SELECT min(created_at) FROM letters WHERE state = 0), \
        (SELECT failure FROM letters WHERE state = 0 AND failure IS NOT NULL ORDER BY due_at DESC LIMIT 1), \
        (SELECT count(*) FROM letters WHERE state = 2), \
        (SELECT failure FROM letters WHERE state = 2 ORDER BY created_at DESC LIMIT 1)";
    let Some(row) = tx.first(sql, &[])? else { return Ok(Outgoing::default()) };
    let mut row = row.columns("letters");
    Ok(Outgoing {
        waiting: row.required("waiting", Value::into_small)?,
        oldest: row.optional_time("created_at")?,
        failure: row.optional_text("failure")?,
        given_up: row.required("given_up", Value::into_small)?,
        reason: row.optional_text("failure")?,
    })
}

/// How the outbox is, if this database has one.
pub(crate) fn look(tx: &mut Tx<'_>) -> Result<Option<Outgoing>, Error> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = 'letters'",
        Dialect::Postgres => "SELECT count(*) FROM pg_class WHERE oid = to_regclass('letters')",
    };
    let tables = tx.first(sql, &[])?.map_or(Ok(0), |row| row.columns("schema").integer("count"))?;
    if tables == 0 { Ok(None) } else { outgoing(tx).map(Some) }
}

impl Store {
    /// Changes when there may be a letter to send.
    pub fn postings(&self) -> watch::Receiver<()> {
        self.posted.subscribe()
    }

    /// When the next letter is due, if one waits at all.
    pub async fn next_letter(&self) -> Result<Option<Time>, Error> {
        self.main
            .read(|tx| {
                let row = tx.first("SELECT min(due_at) FROM letters WHERE state = 0", &[])?;
                row.map_or(Ok(None), |row| row.columns("letters").optional_time("due_at"))
            })
            .await
    }

    /// Claims at most so many letters that are due, until a moment; oldest first.
    pub async fn claim_letters(&self, most: u32, now: Time, until: Time) -> Result<Vec<ClaimedLetter>, Error> {
        self.main.write(move |tx| claim(tx, most, now, until)).await
    }

    /// Writes down what became of letters: the number of each, when its claim ends, and its fate.
    pub async fn settle_letters(&self, fates: Vec<(i64, Time, LetterFate)>) -> Result<(), Error> {
        self.main
            .write(move |tx| fates.into_iter().try_for_each(|(number, until, fate)| settle(tx, number, until, fate)))
            .await
    }

    /// How the outbox is.
    pub async fn outgoing_letters(&self) -> Result<Outgoing, Error> {
        self.main.read(outgoing).await
    }

    /// Forgets letters that were given up and were written before this moment, at most `limit`; says how many.
    pub async fn forget_letters(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM letters WHERE number IN \
                           (SELECT number FROM letters WHERE state = 2 AND created_at < $1 ORDER BY created_at LIMIT $2)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}
