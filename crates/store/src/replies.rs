//! Kept replies: what makes a repeated POST answer as it did the first time.
//!
//! The reply is written in the transaction of the work that it tells of. So there is never work without its reply, nor
//! a reply without its work, whenever the process dies.

use mask_core::{actor::Actor, time::Time};

use crate::{
    Error, Store,
    db::{Tx, values},
};

/// The status of a reply that says: not now, but soon. It is not kept, as whoever asks again then is to be answered anew.
const NOT_NOW: u16 = 429;

/// A reply to be kept with the work that it tells of.
pub struct Keep<T> {
    /// Who asked.
    pub actor: Actor,
    /// What was asked for: the request's path.
    pub path: String,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: String,
    /// SHA-256 of the request's body.
    pub request_hash: [u8; 32],
    /// The time of the request.
    pub now: Time,
    /// Makes the reply.
    pub reply: Box<dyn FnOnce(&T) -> Kept + Send>,
}

/// A reply as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its status.
    pub status: u16,
    /// Its body, byte for byte.
    pub body: Vec<u8>,
}

/// What became of work that is to be done once.
#[derive(Clone, Debug, PartialEq)]
pub enum Once<T> {
    /// It was done now.
    Done(T),
    /// It was done before, and this was the reply.
    Replayed(Kept),
    /// The caller's key stands for another request.
    KeyReused,
}

impl<T> Once<T> {
    /// Does the work unless it was done before; keeps the reply if there is one to keep.
    pub(crate) fn run(
        tx: &mut Tx<'_>,
        keep: Option<Keep<T>>,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
    ) -> Result<Self, Error> {
        let Some(keep) = keep else { return work(tx).map(Self::Done) };
        // The row comes first and is filled in later: on PostgreSQL a second request then waits here for the first.
        let sql = "INSERT INTO replies (key_id, path, idempotency_key, request_hash, status, body, created_at) VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT DO NOTHING";
        let empty: &[u8] = &[];
        if tx.execute(
            sql,
            &values![keep.actor, &keep.path, &keep.idempotency_key, &keep.request_hash[..], empty, keep.now],
        )? == 0
        {
            let found = Self::find(tx, keep.actor, &keep.path, &keep.idempotency_key, keep.request_hash)?;
            let expired = || Error::Unavailable("a kept reply expired while it was asked for".to_owned());
            return found.ok_or_else(expired);
        }
        let done = work(tx)?;
        let kept = (keep.reply)(&done);
        if kept.status == NOT_NOW {
            let sql = "DELETE FROM replies WHERE key_id = $1 AND path = $2 AND idempotency_key = $3";
            tx.execute(sql, &values![keep.actor, keep.path, keep.idempotency_key])?;
            return Ok(Self::Done(done));
        }
        let sql = "UPDATE replies SET status = $4, body = $5 WHERE key_id = $1 AND path = $2 AND idempotency_key = $3";
        tx.execute(sql, &values![keep.actor, keep.path, keep.idempotency_key, kept.status, kept.body])?;
        Ok(Self::Done(done))
    }

    /// What is kept for a request, if anything is.
    fn find(
        tx: &mut Tx<'_>,
        actor: Actor,
        path: &str,
        idempotency_key: &str,
        request_hash: [u8; 32],
    ) -> Result<Option<Self>, Error> {
        let sql = "SELECT idempotency_key, request_hash, status, body FROM replies WHERE key_id = $1 AND path = $2 AND idempotency_key = $3";
        let Some(row) = tx.first(sql, &values![actor, path, idempotency_key])? else { return Ok(None) };
        let mut row = row.columns("replies");
        let _ = row.text("idempotency_key")?;
        if row.bytes("request_hash")? != request_hash {
            return Ok(Some(Self::KeyReused));
        }
        let status = row.integer("status")?;
        let status = u16::try_from(status).map_err(|_| row.corrupt("status"))?;
        Ok(Some(Self::Replayed(Kept { status, body: row.bytes("body")? })))
    }
}

impl Store {
    /// What this very request was answered before; done, with nothing, when it was not.
    pub async fn kept_reply(
        &self,
        actor: Actor,
        path: String,
        idempotency_key: String,
        request_hash: [u8; 32],
    ) -> Result<Once<()>, Error> {
        self.main
            .read(move |tx| Ok(Once::find(tx, actor, &path, &idempotency_key, request_hash)?.unwrap_or(Once::Done(()))))
            .await
    }

    /// Forgets replies that were kept before this moment, at most `limit` of them; says how many.
    pub async fn forget_replies(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM replies WHERE (key_id, path, idempotency_key) IN \
                           (SELECT key_id, path, idempotency_key FROM replies WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}
