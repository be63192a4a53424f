//! What somebody has shown, and whether it is so still.
//!
//! A password is compared outside of any transaction, and waits for its turn before that. Meanwhile the account may get another
//! password, be disabled, ask for a code as well, or have its sessions ended, because whoever owns it does not trust it any more.
//! So a step that rests on such a look is told what was seen, and is done only where that is so still: it holds the account's row
//! while it looks, and so does whoever changes any of this. Of two at the same moment the one that comes second finds what the
//! first has left.
//!
//! Rejected: a number that counts an account's changes. A name that was changed meanwhile is no reason to turn somebody away, and
//! whatever forgets to count would let in.

use mask_core::{
    id::{SessionId, UserId},
    time::Time,
};

use crate::{
    Error, Oneself, Whence,
    db::{Dialect, Tx, Value, values},
};

/// What lets somebody in.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// A password, and a code of the app where one is asked for.
    Password {
        /// What is kept of the password that was right.
        hash: Option<String>,
        /// The app that was asked for its code, by its secret, sealed; `None` where none was.
        app: Option<Vec<u8>>,
    },
    /// That a provider knows them.
    Elsewhere,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(***)",
            Self::Elsewhere => "Elsewhere",
        })
    }
}

/// Who changes how somebody signs in.
#[derive(Clone)]
pub enum Asker {
    /// They themselves.
    InPerson {
        /// Who, and from where.
        who: Oneself,
        /// The session in which they ask.
        session: SessionId,
        /// What was kept of their password when they were asked for it.
        password_hash: Option<String>,
    },
    /// Whoever runs the installation, for this person.
    Operator(UserId),
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InPerson { who, session, .. } => write!(f, "InPerson({}, {session})", who.user),
            Self::Operator(user) => write!(f, "Operator({user})"),
        }
    }
}

impl Asker {
    /// Whose account it is.
    pub(crate) fn user(&self) -> UserId {
        match self {
            Self::InPerson { who, .. } => who.user,
            Self::Operator(user) => *user,
        }
    }

    /// The session that goes on, whatever else ends.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self {
            Self::InPerson { session, .. } => Some(*session),
            Self::Operator(_) => None,
        }
    }

    /// From where it is asked for.
    pub(crate) fn whence(&self) -> Whence {
        match self {
            Self::InPerson { who, .. } => who.whence.clone(),
            Self::Operator(_) => Whence::default(),
        }
    }
}

/// What was shown is so no more: nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated;

/// An account whose row is held.
struct Held {
    number: i64,
    password_hash: Option<String>,
    disabled_at: Option<Time>,
}

/// What a query for accounts ends with that holds those it finds until the transaction ends. Whatever only points to them goes on.
pub(crate) fn holding(tx: &Tx<'_>) -> &'static str {
    match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR NO KEY UPDATE",
    }
}

fn held(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Held>, Error> {
    let sql = format!("SELECT number, password_hash, disabled_at FROM users WHERE id = $1{}", holding(tx));
    let Some(row) = tx.first(&sql, &values![user])? else { return Ok(None) };
    let mut row = row.columns("users");
    Ok(Some(Held {
        number: row.integer("number")?,
        password_hash: row.optional_text("password_hash")?,
        disabled_at: row.optional_time("disabled_at")?,
    }))
}

/// Holds somebody's account until the transaction ends, for a change of how they sign in.
pub(crate) fn hold(tx: &mut Tx<'_>, user: UserId) -> Result<(), Error> {
    held(tx, user).map(drop)
}

/// The app that is asked for its code. Looked for once the account is held: what a query finds that waits is of before.
fn app_of(tx: &mut Tx<'_>, user: i64) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT sealed FROM second_factors WHERE user_number = $1 AND is_confirmed = $2";
    let Some(row) = tx.first(sql, &values![user, true])? else { return Ok(None) };
    row.columns("second_factors").optional("sealed", Value::into_bytes)
}

/// Whether what somebody has shown lets them in at this moment.
pub(crate) fn lets_in(tx: &mut Tx<'_>, user: UserId, shown: &Shown) -> Result<bool, Error> {
    let Some(held) = held(tx, user)?.filter(|held| held.disabled_at.is_none()) else { return Ok(false) };
    Ok(match shown {
        Shown::Elsewhere => true,
        Shown::Password { hash, app } => held.password_hash == *hash && app_of(tx, held.number)? == *app,
    })
}

/// The number of the account that is to be changed, if whoever asks may still do so. It is held until the transaction ends.
pub(crate) fn still(tx: &mut Tx<'_>, asker: &Asker) -> Result<Option<i64>, Error> {
    let Some(held) = held(tx, asker.user())? else { return Ok(None) };
    let Asker::InPerson { session, password_hash, .. } = asker else { return Ok(Some(held.number)) };
    if held.disabled_at.is_some() || held.password_hash != *password_hash {
        return Ok(None);
    }
    let sql = "SELECT 1 FROM sessions WHERE id = $1 AND user_number = $2";
    Ok(tx.first(sql, &values![*session, held.number])?.map(|_| held.number))
}
