//! What people did with their own accounts: each sign-in, and each change of how they sign in, written in the transaction that
//! does it.
//!
//! It is no part of the log of changes: that is a workspace's, and shows its admins what was done to what the workspace has.
//! This is a person's, and nobody else reads it. Rejected: a line in the log of each workspace that the person is in, which
//! would tell all of them when somebody comes and goes.

use mask_core::{
    activity::Activity,
    actor::Actor,
    id::{ActivityId, UserId},
    time::Time,
    workspace::Owner,
};

use crate::{
    By, Error, Listed, Store,
    db::{Row, Tx, values},
    row_id,
};

/// The request in which something is asked for, and where it comes from; nothing of what nobody asked over the API or by a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whence {
    /// The request's id, as its answer has it.
    pub request: Option<String>,
    /// The country, where that is known. The address is not kept.
    pub country: Option<String>,
    /// What the browser calls itself.
    pub device: Option<String>,
}

/// Somebody who changes something about themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oneself {
    /// Who.
    pub user: UserId,
    /// In which request, and from where.
    pub whence: Whence,
}

impl From<UserId> for Oneself {
    fn from(user: UserId) -> Self {
        Self { user, whence: Whence::default() }
    }
}

impl Oneself {
    /// As the one who changes something of a workspace.
    pub(crate) fn by(self, workspace: i64) -> By {
        let owner = Owner { workspace, is_test: false };
        By { owner, actor: Actor::Person(self.user), request: self.whence.request, country: self.whence.country }
    }
}

/// Something that somebody did with their own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedActivity {
    /// Its id.
    pub id: ActivityId,
    /// When.
    pub at: Time,
    /// What; see [`Activity`]. A newer node may have written one that this one does not know.
    pub action: String,
    /// In which request, and from where.
    pub whence: Whence,
    /// The session that it was about, if it was about one.
    pub object: Option<String>,
}

/// Writes what somebody did with their own account.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    user: i64,
    whence: &Whence,
    now: Time,
    action: Activity,
    object: Option<String>,
) -> Result<(), Error> {
    let Whence { request, country, device } = whence;
    let sql = "INSERT INTO account_activity (user_number, at, action, country, device, request, object) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let all = values![user, now, action.as_str(), country.as_ref(), device.as_ref(), request.as_ref(), object];
    tx.execute(sql, &all).map(drop)
}

fn line(row: Row) -> Result<LoggedActivity, Error> {
    let mut row = row.columns("account_activity");
    let (seq, at) = (row.integer("seq")?, row.time("at")?);
    let action = row.text("action")?;
    let country = row.optional_text("country")?;
    let device = row.optional_text("device")?;
    let request = row.optional_text("request")?;
    let object = row.optional_text("object")?;
    let user = row.text("id")?;
    let id = ActivityId::from_bits(row_id::bits(at, seq, (seq, user, &request, &object)));
    Ok(LoggedActivity { id, at, action, whence: Whence { request, country, device }, object })
}

impl Store {
    /// A page of what somebody did with their account, newest first.
    pub async fn list_activity(
        &self,
        user: UserId,
        after: Option<ActivityId>,
        limit: usize,
    ) -> Result<Listed<LoggedActivity>, Error> {
        self.main
            .read(move |tx| {
                let before = after.map_or(i64::MAX, |id| row_id::place(id.bits()).1);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = "SELECT a.seq, a.at, a.action, a.country, a.device, a.request, a.object, u.id \
                           FROM account_activity a JOIN users u ON u.number = a.user_number \
                           WHERE u.id = $1 AND a.seq < $2 ORDER BY a.seq DESC LIMIT $3";
                let rows = tx.query(sql, &values![user, before, most])?;
                let lines = rows.into_iter().map(line).collect::<Result<Vec<_>, _>>()?;
                Ok(Listed::of(lines, limit, |line| line.id.to_string()))
            })
            .await
    }

    /// Forgets what was written before this moment, at most `limit` lines; says how many.
    pub async fn forget_activity(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                // Numbers follow time, so the old ones come first and no index of times is needed.
                let sql = "DELETE FROM account_activity WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM account_activity \
                           ORDER BY seq LIMIT $2) AS oldest WHERE at < $1)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}
