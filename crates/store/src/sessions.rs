//! Where people are signed in: beginning, using and ending sessions.
//!
//! A session slides: its end is always thirty days after it was last used, which is written at most once a minute. What was
//! ended is gone, so the next request with its cookie finds nothing, on every node.

use mask_core::{
    id::{SessionId, UserId},
    person::{Session, WordHash},
    time::Time,
};

use crate::{
    Error, NewSession, Store,
    accounts::end_sessions,
    db::values,
    people::{SESSION, insert_session, session, user_number},
};

impl Store {
    /// Begins a session in place of the one with this hash, which the same browser had before. `false` when there is no such
    /// person.
    pub async fn begin_session(&self, new: NewSession, instead_of: Option<WordHash>) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                if let Some(hash) = instead_of {
                    tx.execute("DELETE FROM sessions WHERE hash = $1", &values![&hash.0[..]])?;
                }
                insert_session(tx, new)
            })
            .await
    }

    /// Notes that a session was used, and when it ends now.
    pub async fn touch_session(&self, id: SessionId, now: Time, until: Time) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                let sql = "UPDATE sessions SET seen_at = $2, expires_at = $3 WHERE id = $1 AND seen_at < $2";
                tx.execute(sql, &values![id, now, until]).map(drop)
            })
            .await
    }

    /// Where somebody is signed in, the latest first.
    pub async fn list_sessions(&self, user: UserId, now: Time) -> Result<Vec<Session>, Error> {
        self.main
            .read(move |tx| {
                let sql = format!(
                    "SELECT {SESSION} FROM sessions s JOIN users u ON u.number = s.user_number \
                     WHERE u.id = $1 AND s.expires_at > $2 ORDER BY s.id DESC"
                );
                let rows = tx.query(&sql, &values![user, now])?.into_iter();
                rows.map(|row| session(&mut row.columns("sessions"), user)).collect()
            })
            .await
    }

    /// Ends one of somebody's sessions; says whether they had it.
    pub async fn end_session(&self, user: UserId, id: SessionId) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, user)? else { return Ok(false) };
                let sql = "DELETE FROM sessions WHERE id = $1 AND user_number = $2";
                Ok(tx.execute(sql, &values![id, number])? == 1)
            })
            .await
    }

    /// Ends all of somebody's sessions, but perhaps one; says how many.
    pub async fn end_sessions(&self, user: UserId, except: Option<SessionId>) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, user)? else { return Ok(0) };
                end_sessions(tx, number, except)
            })
            .await
    }

    /// Forgets sessions that ended before this moment, at most `limit`; says how many.
    pub async fn forget_sessions(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM sessions WHERE id IN \
                           (SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}
