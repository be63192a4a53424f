//! Second factors: an authenticator app, and codes for the day on which it is lost.
//!
//! The app's secret is sealed by the server. It counts from the moment at which somebody has typed a code of it; until then
//! another one may take its place. Each half minute's code is taken once, and so is each recovery code: whoever comes second
//! with one finds it used, also on another node. Whoever changes any of this holds the account meanwhile ([`crate::shown`]).

use mask_core::{activity::Activity, id::UserId, time::Time};

use crate::{
    Asker, Error, Oneself, Outdated, Store, activity,
    db::{Columns, Tx, Value, values},
    people::user_number,
    shown::still,
};

/// Somebody's authenticator app.
#[derive(Clone, PartialEq, Eq)]
pub struct Factor {
    /// Its secret, sealed.
    pub sealed: Vec<u8>,
    /// Whether a code of it was typed once, so that it is asked for.
    pub is_confirmed: bool,
    /// The last half minute whose code was taken.
    pub last_step: i64,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Factor(***, is_confirmed: {}, last_step: {})", self.is_confirmed, self.last_step)
    }
}

/// The factor of a row that may have none.
pub(crate) fn factor(row: &mut Columns) -> Result<Option<Factor>, Error> {
    let sealed = row.optional("sealed", Value::into_bytes)?;
    let is_confirmed = row.optional_boolean("is_confirmed")?;
    let last_step = row.optional_integer("last_step")?;
    let whole = sealed.zip(is_confirmed).zip(last_step);
    Ok(whole.map(|((sealed, is_confirmed), last_step)| Factor { sealed, is_confirmed, last_step }))
}

fn write_codes(tx: &mut Tx<'_>, user: i64, codes: &[[u8; 32]]) -> Result<(), Error> {
    tx.execute("DELETE FROM recovery_codes WHERE user_number = $1", &values![user])?;
    let sql = "INSERT INTO recovery_codes (user_number, hash) VALUES ($1, $2)";
    codes.iter().try_for_each(|code| tx.execute(sql, &values![user, &code[..]]).map(drop))
}

impl Store {
    /// Keeps the secret of an app that somebody is setting up; `false` when they have one that is in use already.
    pub async fn begin_totp(&self, asker: Asker, sealed: Vec<u8>, now: Time) -> Result<Result<bool, Outdated>, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = still(tx, &asker)? else { return Ok(Err(Outdated)) };
                let sql = "INSERT INTO second_factors AS f (user_number, sealed, is_confirmed, last_step, created_at) \
                           VALUES ($1, $2, $3, 0, $4) ON CONFLICT (user_number) DO UPDATE \
                           SET sealed = excluded.sealed, created_at = excluded.created_at WHERE f.is_confirmed = $3";
                Ok(Ok(tx.execute(sql, &values![number, sealed, false, now])? == 1))
            })
            .await
    }

    /// Puts an app to use whose code of this half minute was typed, with these recovery codes. The secret is that which was
    /// looked at: `false` when another has taken its place, or it is in use already.
    pub async fn confirm_totp(
        &self,
        asker: Asker,
        sealed: Vec<u8>,
        step: i64,
        codes: Vec<[u8; 32]>,
        now: Time,
    ) -> Result<Result<bool, Outdated>, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = still(tx, &asker)? else { return Ok(Err(Outdated)) };
                let sql = "UPDATE second_factors SET is_confirmed = $4, last_step = $3 \
                           WHERE user_number = $1 AND sealed = $2 AND is_confirmed = $5";
                if tx.execute(sql, &values![number, sealed, step, true, false])? == 0 {
                    return Ok(Ok(false));
                }
                write_codes(tx, number, &codes)?;
                activity::note(tx, number, &asker.whence(), now, Activity::AppConfirmed, None).map(|()| Ok(true))
            })
            .await
    }

    /// Takes the code of this half minute; `false` when it, or a later one, was taken before.
    pub async fn use_totp(&self, user: UserId, step: i64) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, user)? else { return Ok(false) };
                let sql = "UPDATE second_factors SET last_step = $2 \
                           WHERE user_number = $1 AND last_step < $2 AND is_confirmed = $3";
                Ok(tx.execute(sql, &values![number, step, true])? == 1)
            })
            .await
    }

    /// Takes a recovery code by its hash; `false` when there is none such, or not any more.
    pub async fn use_recovery_code(&self, who: impl Into<Oneself>, hash: [u8; 32], now: Time) -> Result<bool, Error> {
        let Oneself { user, whence } = who.into();
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, user)? else { return Ok(false) };
                let sql = "DELETE FROM recovery_codes WHERE user_number = $1 AND hash = $2";
                if tx.execute(sql, &values![number, &hash[..]])? == 0 {
                    return Ok(false);
                }
                activity::note(tx, number, &whence, now, Activity::RecoveryCodeUsed, None).map(|()| true)
            })
            .await
    }

    /// Gives somebody whose app is in use other recovery codes; `false` when none is.
    pub async fn replace_recovery_codes(
        &self,
        asker: Asker,
        codes: Vec<[u8; 32]>,
        now: Time,
    ) -> Result<Result<bool, Outdated>, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = still(tx, &asker)? else { return Ok(Err(Outdated)) };
                let sql = "SELECT 1 FROM second_factors WHERE user_number = $1 AND is_confirmed = $2";
                if tx.first(sql, &values![number, true])?.is_none() {
                    return Ok(Ok(false));
                }
                write_codes(tx, number, &codes)?;
                let replaced = Activity::RecoveryCodesReplaced;
                activity::note(tx, number, &asker.whence(), now, replaced, None).map(|()| Ok(true))
            })
            .await
    }

    /// Asks somebody for no codes any more; `false` when nobody did.
    pub async fn end_totp(&self, asker: Asker, now: Time) -> Result<Result<bool, Outdated>, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = still(tx, &asker)? else { return Ok(Err(Outdated)) };
                write_codes(tx, number, &[])?;
                let sql = "DELETE FROM second_factors WHERE user_number = $1 RETURNING is_confirmed";
                let Some(row) = tx.first(sql, &values![number])? else { return Ok(Ok(false)) };
                // One that was never put to use was asked for by nobody.
                if row.columns("second_factors").boolean("is_confirmed")? {
                    activity::note(tx, number, &asker.whence(), now, Activity::AppEnded, None)?;
                }
                Ok(Ok(true))
            })
            .await
    }
}
