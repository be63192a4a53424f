//! Where people are signed in: beginning, using and ending sessions.
//!
//! A session slides: its end is always thirty days after it was last used, which is written at most once a minute. What was
//! ended is gone, so the next request with its cookie finds nothing, on every node.

use std::collections::HashMap;

use mask_core::{
    activity::Activity,
    id::{SessionId, UserId},
    person::{Session, WordHash},
    time::Time,
};

use crate::{
    Error, NewSession, Oneself, Shown, Store,
    accounts::end_sessions,
    activity,
    db::{Tx, Value, values},
    people::{SESSION, insert_session, session, user_number},
    shown::lets_in,
};

/// Sessions that are looked up by one query.
const AT_ONCE: usize = 200;

/// The numbers of the workspaces in which whoever has a session has a place.
fn workspaces_of(tx: &mut Tx<'_>, sessions: &[WordHash], since: Time) -> Result<HashMap<WordHash, Vec<i64>>, Error> {
    let mut found: HashMap<WordHash, Vec<i64>> = HashMap::new();
    let places: Vec<_> = (2..=AT_ONCE + 1).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT s.hash, m.workspace FROM sessions s JOIN users u ON u.number = s.user_number \
         JOIN members m ON m.user_number = u.number \
         WHERE s.expires_at > $1 AND u.disabled_at IS NULL AND s.hash IN ({})",
        places.join(", ")
    );
    for sessions in sessions.chunks(AT_ONCE) {
        let mut bound: Vec<Value> = vec![since.into()];
        bound.extend(sessions.iter().map(|session| Value::from(&session.0[..])));
        // One text for every number of sessions, so that it is prepared once. No session has this hash.
        bound.resize(AT_ONCE + 1, Value::from(&[0_u8; 0][..]));
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("sessions");
            let hash = <[u8; 32]>::try_from(row.bytes("hash")?).map_err(|_| row.corrupt("hash"))?;
            found.entry(WordHash(hash)).or_default().push(row.integer("workspace")?);
        }
    }
    Ok(found)
}

impl Store {
    /// The numbers of the workspaces in which those have a place whose sessions these are, as far as they had not ended at this
    /// moment.
    pub async fn workspaces_by_session(
        &self,
        sessions: Vec<WordHash>,
        since: Time,
    ) -> Result<HashMap<WordHash, Vec<i64>>, Error> {
        self.main.read(move |tx| workspaces_of(tx, &sessions, since)).await
    }

    /// Begins a session in place of those with these hashes, which the same browser had before. `false` when what they have shown
    /// lets nobody in any more: then nothing is done.
    pub async fn begin_session(&self, new: NewSession, shown: Shown, instead_of: Vec<WordHash>) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                if !lets_in(tx, new.session.user, &shown)? {
                    return Ok(false);
                }
                for hash in &instead_of {
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
    pub async fn end_session(&self, who: impl Into<Oneself>, id: SessionId, now: Time) -> Result<bool, Error> {
        let Oneself { user, whence } = who.into();
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, user)? else { return Ok(false) };
                let sql = "DELETE FROM sessions WHERE id = $1 AND user_number = $2";
                if tx.execute(sql, &values![id, number])? == 0 {
                    return Ok(false);
                }
                activity::note(tx, number, &whence, now, Activity::SessionEnded, Some(id.to_string()))?;
                Ok(true)
            })
            .await
    }

    /// Ends all of somebody's sessions, but perhaps one; says how many.
    pub async fn end_sessions(
        &self,
        who: impl Into<Oneself>,
        except: Option<SessionId>,
        now: Time,
    ) -> Result<u64, Error> {
        let Oneself { user, whence } = who.into();
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, user)? else { return Ok(0) };
                let ended = end_sessions(tx, number, except)?;
                if ended > 0 {
                    activity::note(tx, number, &whence, now, Activity::OthersEnded, None)?;
                }
                Ok(ended)
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
