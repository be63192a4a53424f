//! Certificates that an authority has signed, what is shown to it meanwhile, and our account with it.
//!
//! **Who has one.** Every name that is verified, and the installation's own ([`Store::ensure_certificates`]). A row stays when
//! its name is nobody's any more, until its certificate ends: whoever shows the name again needs no new one. Such a row is
//! never due.
//!
//! **Who orders.** Whoever claims a row ([`Store::claim_certificates`]), until the claim ends; nobody waits for the authority
//! in here. That an order begins is counted for all nodes together ([`Store::begin_order`]).
//!
//! **Who comes first.** An hour has only so many orders, and a workspace may have more names than that. So the installation's own
//! names come first, whatever is left, then whatever has a certificate, in the order in which these end, and a part of the orders
//! ([`Budget`]) is for renewals alone. Names that have none come by turns: the next of the workspace for which the fewest orders
//! began in this hour. They are claimed only as far as orders are left for them; a name that waits stays due, so its turn comes.
//! Rejected: to claim whatever is due and put it off where no order is left, as then whoever has most names is there whenever one
//! is.
//!
//! **How nodes learn of it.** Each change of a row has a number, one for all rows. A node says up to which number it knows
//! them, and is told what has changed since, and what is shown to the authority now.
//!
//! Nothing here names an owner: a certificate is the name's, and keys are sealed. Whose a name is, is in `domains`.

use mask_core::time::Time;

use crate::{
    Error, Store,
    db::{Dialect, Row, Tx, Value, values},
};

/// A name whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedCertificate {
    /// The name.
    pub name: String,
    /// The certificate that it has, sealed.
    pub sealed: Option<Vec<u8>>,
    /// How often it was tried in vain since the last success.
    pub failures: u32,
    /// When the claim ends.
    pub until: Time,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFate {
    /// There is a new certificate.
    Issued {
        /// It and its key, sealed.
        sealed: Vec<u8>,
        /// When its life begins.
        not_before: Time,
        /// When it ends.
        not_after: Time,
        /// When it is looked after next.
        due_at: Time,
    },
    /// There is none.
    Failed {
        /// Why, for people.
        error: String,
        /// When it is tried again.
        due_at: Time,
    },
    /// Nothing was ordered.
    Due {
        /// When it is looked after next.
        at: Time,
    },
}

/// A certificate as nodes learn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedCertificate {
    /// The name.
    pub name: String,
    /// It and its key, sealed, if there is one.
    pub sealed: Option<Vec<u8>>,
    /// When it ends.
    pub not_after: Option<Time>,
    /// Why the last try failed, if it did.
    pub error: Option<String>,
    /// How often the row has changed.
    pub version: i64,
}

/// What is shown to an authority that looks whether a name leads here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// What it is asked for by.
    pub token: String,
    /// The name.
    pub name: String,
    /// What it is to see.
    pub answer: String,
}

/// What a node does not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChanges {
    /// Certificates that have changed.
    pub certificates: Vec<ChangedCertificate>,
    /// All that is shown to authorities now.
    pub challenges: Vec<Challenge>,
    /// The number of the last change.
    pub changes: i64,
}

/// How the certificates of an installation are, for whoever looks after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateStandings {
    /// Names in use that have one, and when it begins and ends; those that end first come first.
    pub ends: Vec<(String, Time, Time)>,
    /// Names in use whose last try failed, and why.
    pub failed: Vec<(String, String)>,
    /// How many names in use have none and wait for it.
    pub waiting: u64,
}

/// What tells of a row of this table that its name is verified or the installation's own.
fn is_needed(table: &str) -> String {
    format!(
        "({table}.is_own = true OR EXISTS (SELECT 1 FROM domains WHERE domains.name = {table}.name AND domains.status = 1))"
    )
}

/// How many orders may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Counted are those that began after this moment.
    pub since: Time,
    /// Most of them.
    pub most: u32,
}

impl Budget {
    /// Most of them that are for names that have no certificate yet: what is left is for renewals.
    const fn for_newcomers(self) -> u32 {
        self.most - self.most / 4
    }
}

/// The number of a change that is made now. Held until the transaction ends, so that numbers come in the order of commits.
fn next_change(tx: &mut Tx<'_>) -> Result<i64, Error> {
    let sql = "UPDATE certificate_changes SET changes = changes + 1 WHERE id = 1 RETURNING changes";
    let row = tx.first(sql, &[])?.ok_or_else(|| Error::Defect("certificates have no number of changes".to_owned()))?;
    row.columns("certificate_changes").integer("changes")
}

fn ensure(tx: &mut Tx<'_>, own: &[String], now: Time) -> Result<(), Error> {
    let known = tx.query("SELECT name FROM certificates WHERE is_own = true ORDER BY name", &[])?;
    let known: Vec<String> =
        known.into_iter().map(|row| row.columns("certificates").text("name")).collect::<Result<_, _>>()?;
    for name in known.iter().filter(|name| !own.contains(name)) {
        tx.execute("UPDATE certificates SET is_own = false WHERE name = $1", &values![name])?;
    }
    let missing = "SELECT name FROM domains WHERE status = 1 \
                   AND NOT EXISTS (SELECT 1 FROM certificates WHERE certificates.name = domains.name) ORDER BY name";
    let missing: Vec<String> = (tx.query(missing, &[])?.into_iter())
        .map(|row| row.columns("domains").text("name"))
        .collect::<Result<_, _>>()?;
    let new = own.iter().filter(|name| !known.contains(name)).map(|name| (name, true));
    let new: Vec<_> = new.chain(missing.iter().map(|name| (name, false))).collect();
    if !new.is_empty() {
        let change = next_change(tx)?;
        for (name, is_own) in new {
            let sql = "INSERT INTO certificates (name, is_own, due_at, failures, version, changed) \
                       VALUES ($1, $2, $3, 0, 0, $4) \
                       ON CONFLICT (name) DO UPDATE SET is_own = certificates.is_own OR excluded.is_own";
            tx.execute(sql, &values![name, is_own, now, change])?;
        }
    }
    let is_needed = is_needed("certificates");
    let over = format!("DELETE FROM certificates WHERE (not_after IS NULL OR not_after < $1) AND NOT {is_needed}");
    tx.execute(&over, &values![now]).map(drop)
}

/// Which rows are claimed: so many of those that are due, until a moment.
#[derive(Clone, Copy)]
struct Claim {
    most: u32,
    now: Time,
    until: Time,
}

/// Two nodes that claim at the same moment take different ones.
fn lock(tx: &Tx<'_>) -> &'static str {
    if tx.dialect() == Dialect::Postgres { " FOR UPDATE OF c SKIP LOCKED" } else { "" }
}

/// Claims the installation's own names, and those that have a certificate.
fn claim_held(tx: &mut Tx<'_>, claim: Claim) -> Result<Vec<ClaimedCertificate>, Error> {
    let Claim { most, now, until } = claim;
    let sql = format!(
        "UPDATE certificates SET due_at = $2 WHERE name IN \
         (SELECT c.name FROM certificates c WHERE c.due_at <= $1 AND (c.is_own = true OR c.sealed IS NOT NULL) AND {} \
          ORDER BY CASE WHEN c.is_own = true THEN 0 ELSE 1 END, coalesce(c.not_after, 0), c.name LIMIT $3{}) \
         RETURNING name, sealed, failures",
        is_needed("c"),
        lock(tx)
    );
    let rows = tx.query(&sql, &values![now, until, most])?;
    rows.into_iter().map(|row| claimed(row, until)).collect()
}

/// Claims names that have no certificate yet, by turns of the workspaces that they are of; of one workspace those that somebody
/// asked for first.
fn claim_newcomers(tx: &mut Tx<'_>, claim: Claim, since: Time) -> Result<Vec<ClaimedCertificate>, Error> {
    let Claim { most, now, until } = claim;
    let sql = format!(
        "UPDATE certificates SET due_at = $2 WHERE name IN \
         (SELECT c.name FROM certificates c JOIN \
           (SELECT n.name AS turn_of, n.is_unasked, coalesce(o.orders, 0) \
              + row_number() OVER (PARTITION BY n.workspace ORDER BY n.is_unasked, n.due_at, n.name) AS turn \
            FROM (SELECT w.name, w.due_at, d.owner / 2 AS workspace, \
                    CASE WHEN w.wanted_at IS NULL THEN 1 ELSE 0 END AS is_unasked \
                  FROM certificates w JOIN domains d ON d.name = w.name AND d.status = 1 \
                  WHERE w.due_at <= $1 AND w.is_own = false AND w.sealed IS NULL) AS n \
            LEFT JOIN (SELECT workspace, count(*) AS orders FROM acme_orders \
                  WHERE started_at > $4 AND workspace IS NOT NULL GROUP BY workspace) AS o \
            ON o.workspace = n.workspace) AS t \
          ON t.turn_of = c.name WHERE c.due_at <= $1 \
          ORDER BY t.turn, t.is_unasked, c.due_at, c.name LIMIT $3{}) \
         RETURNING name, sealed, failures",
        lock(tx)
    );
    let rows = tx.query(&sql, &values![now, until, most, since])?;
    rows.into_iter().map(|row| claimed(row, until)).collect()
}

fn claim(tx: &mut Tx<'_>, claim: Claim, budget: Budget) -> Result<Vec<ClaimedCertificate>, Error> {
    let mut all = claim_held(tx, claim)?;
    let places = claim.most.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX));
    let begun = u32::try_from(orders_since(tx, budget.since)?).unwrap_or(u32::MAX);
    let most = places.min(budget.for_newcomers().saturating_sub(begun));
    if most > 0 {
        all.extend(claim_newcomers(tx, Claim { most, ..claim }, budget.since)?);
    }
    Ok(all)
}

fn is_own(tx: &mut Tx<'_>, name: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM certificates WHERE name = $1 AND is_own = true";
    Ok(tx.first(sql, &values![name])?.is_some())
}

/// How many orders began after a moment.
fn orders_since(tx: &mut Tx<'_>, since: Time) -> Result<i64, Error> {
    let row = tx.first("SELECT count(*) FROM acme_orders WHERE started_at > $1", &values![since])?;
    row.map_or(Ok(0), |row| row.columns("acme_orders").integer("count"))
}

fn claimed(row: Row, until: Time) -> Result<ClaimedCertificate, Error> {
    let mut row = row.columns("certificates");
    Ok(ClaimedCertificate {
        name: row.text("name")?,
        sealed: row.optional("sealed", Value::into_bytes)?,
        failures: row.required("failures", Value::into_small)?,
        until,
    })
}

/// A claim that ended may be somebody else's by now, and then it is theirs to say. But what was issued was issued.
fn settle(tx: &mut Tx<'_>, name: &str, until: Time, fate: CertificateFate) -> Result<(), Error> {
    match fate {
        CertificateFate::Due { at } => {
            let sql = "UPDATE certificates SET due_at = $3 WHERE name = $1 AND due_at = $2";
            tx.execute(sql, &values![name, until, at])?;
        }
        CertificateFate::Failed { error, due_at } => {
            let change = next_change(tx)?;
            let sql = "UPDATE certificates SET due_at = $3, failures = failures + 1, error = $4, wanted_at = NULL, \
                       version = version + 1, changed = $5 WHERE name = $1 AND due_at = $2";
            tx.execute(sql, &values![name, until, due_at, error, change])?;
        }
        CertificateFate::Issued { sealed, not_before, not_after, due_at } => {
            let change = next_change(tx)?;
            let sql = "UPDATE certificates SET due_at = $2, sealed = $3, not_before = $4, not_after = $5, failures = 0, \
                       error = NULL, wanted_at = NULL, version = version + 1, changed = $6 WHERE name = $1";
            tx.execute(sql, &values![name, due_at, sealed, not_before, not_after, change])?;
        }
    }
    Ok(())
}

fn changed(row: Row) -> Result<ChangedCertificate, Error> {
    let mut row = row.columns("certificates");
    Ok(ChangedCertificate {
        name: row.text("name")?,
        sealed: row.optional("sealed", Value::into_bytes)?,
        not_after: row.optional_time("not_after")?,
        error: row.optional_text("error")?,
        version: row.integer("version")?,
    })
}

fn challenge(row: Row) -> Result<Challenge, Error> {
    let mut row = row.columns("acme_challenges");
    Ok(Challenge { token: row.text("token")?, name: row.text("name")?, answer: row.text("answer")? })
}

fn changes(tx: &mut Tx<'_>, known: Option<i64>, now: Time) -> Result<Option<CertificateChanges>, Error> {
    let row = tx.first("SELECT changes FROM certificate_changes WHERE id = 1", &[])?;
    let changes = row.map_or(Ok(0), |row| row.columns("certificate_changes").integer("changes"))?;
    if known == Some(changes) {
        return Ok(None);
    }
    let sql = "SELECT name, sealed, not_after, error, version FROM certificates WHERE changed > $1 ORDER BY changed";
    let certificates =
        tx.query(sql, &values![known.unwrap_or(-1)])?.into_iter().map(changed).collect::<Result<_, _>>()?;
    let sql = "SELECT token, name, answer FROM acme_challenges WHERE ends_at > $1 ORDER BY ends_at";
    let challenges = tx.query(sql, &values![now])?.into_iter().map(challenge).collect::<Result<_, _>>()?;
    Ok(Some(CertificateChanges { certificates, challenges, changes }))
}

fn standings(tx: &mut Tx<'_>) -> Result<CertificateStandings, Error> {
    let sql = format!(
        "SELECT name, not_before, not_after, error FROM certificates WHERE {} ORDER BY not_after, name",
        is_needed("certificates")
    );
    let mut standings = CertificateStandings::default();
    for row in tx.query(&sql, &[])? {
        let mut row = row.columns("certificates");
        let name = row.text("name")?;
        match (row.optional_time("not_before")?, row.optional_time("not_after")?) {
            (Some(start), Some(end)) => standings.ends.push((name.clone(), start, end)),
            _ => standings.waiting += 1,
        }
        if let Some(error) = row.optional_text("error")? {
            standings.failed.push((name, error));
        }
    }
    Ok(standings)
}

/// How certificates are, if this database has any.
pub(crate) fn look(tx: &mut Tx<'_>) -> Result<Option<CertificateStandings>, Error> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = 'certificates'",
        Dialect::Postgres => "SELECT count(*) FROM pg_class WHERE oid = to_regclass('certificates')",
    };
    let tables = tx.first(sql, &[])?.map_or(Ok(0), |row| row.columns("schema").integer("count"))?;
    if tables == 0 { Ok(None) } else { standings(tx).map(Some) }
}

impl Store {
    /// Sees to it that every verified name, and each of the installation's own, has a row, and that rows go which nobody needs.
    pub async fn ensure_certificates(&self, own: Vec<String>, now: Time) -> Result<(), Error> {
        self.main.write(move |tx| ensure(tx, &own, now)).await
    }

    /// Claims at most so many names that are due, until a moment: first those that come first, and of those that have no
    /// certificate yet as many as orders are left for.
    pub async fn claim_certificates(
        &self,
        most: u32,
        now: Time,
        until: Time,
        budget: Budget,
    ) -> Result<Vec<ClaimedCertificate>, Error> {
        self.main.write(move |tx| claim(tx, Claim { most, now, until }, budget)).await
    }

    /// Notes that somebody has asked for names that have no certificate yet.
    pub async fn want_certificates(&self, names: Vec<String>, now: Time) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                names.iter().try_for_each(|name| {
                    let sql = "UPDATE certificates SET wanted_at = $2 \
                               WHERE name = $1 AND sealed IS NULL AND wanted_at IS NULL";
                    tx.execute(sql, &values![name, now]).map(drop)
                })
            })
            .await
    }

    /// Counts an order that begins now; `false`, and nothing is counted, when there are as many as may be. The installation's own
    /// names are not held up: they are few, and without them nobody gets in.
    pub async fn begin_order(&self, name: String, now: Time, budget: Budget) -> Result<bool, Error> {
        let Budget { since, most } = budget;
        self.main
            .write(move |tx| {
                if tx.dialect() == Dialect::Postgres {
                    // Nodes count one after the other.
                    tx.query("SELECT changes FROM certificate_changes WHERE id = 1 FOR UPDATE", &[])?;
                }
                tx.execute("DELETE FROM acme_orders WHERE started_at <= $1", &values![since])?;
                if orders_since(tx, since)? >= i64::from(most) && !is_own(tx, &name)? {
                    return Ok(false);
                }
                // Written down at once: whoever gives the name up has still had the order.
                let sql = "INSERT INTO acme_orders (name, started_at, workspace) \
                           VALUES ($1, $2, (SELECT owner / 2 FROM domains WHERE name = $1 AND status = 1))";
                tx.execute(sql, &values![name, now])?;
                Ok(true)
            })
            .await
    }

    /// Writes down what became of a claim that ends at `until`.
    pub async fn settle_certificate(&self, name: String, until: Time, fate: CertificateFate) -> Result<(), Error> {
        self.main.write(move |tx| settle(tx, &name, until, fate)).await
    }

    /// Shows something to authorities until a moment, on every node. What was shown until before now is forgotten.
    pub async fn show_challenge(&self, challenge: Challenge, now: Time, ends_at: Time) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                next_change(tx)?;
                tx.execute("DELETE FROM acme_challenges WHERE ends_at <= $1", &values![now])?;
                let Challenge { token, name, answer } = challenge;
                let sql = "INSERT INTO acme_challenges (token, name, answer, ends_at) VALUES ($1, $2, $3, $4) \
                           ON CONFLICT (token) DO UPDATE SET name = $2, answer = $3, ends_at = $4";
                tx.execute(sql, &values![token, name, answer, ends_at]).map(drop)
            })
            .await
    }

    /// Shows it no more.
    pub async fn hide_challenge(&self, token: String) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                if tx.execute("DELETE FROM acme_challenges WHERE token = $1", &values![token])? > 0 {
                    next_change(tx)?;
                }
                Ok(())
            })
            .await
    }

    /// What has changed since the change of this number, unless that was the last; all there is for whoever knows nothing.
    pub async fn certificate_changes(
        &self,
        known: Option<i64>,
        now: Time,
    ) -> Result<Option<CertificateChanges>, Error> {
        self.main.scan(move |tx| tx.snapshot(|tx| changes(tx, known, now))).await
    }

    /// How the certificates of all names in use are.
    pub async fn certificate_standings(&self) -> Result<CertificateStandings, Error> {
        self.main.scan(standings).await
    }

    /// Our account with an authority, sealed.
    pub async fn acme_account(&self, directory: String) -> Result<Option<Vec<u8>>, Error> {
        self.main
            .read(move |tx| {
                let row = tx.first("SELECT sealed FROM acme_accounts WHERE directory = $1", &values![directory])?;
                row.map(|row| row.columns("acme_accounts").bytes("sealed")).transpose()
            })
            .await
    }

    /// Keeps an account, unless there is one by now; answers the one that is kept.
    pub async fn keep_acme_account(&self, directory: String, sealed: Vec<u8>, now: Time) -> Result<Vec<u8>, Error> {
        self.main
            .write(move |tx| {
                let sql = "INSERT INTO acme_accounts (directory, sealed, created_at) VALUES ($1, $2, $3) \
                           ON CONFLICT (directory) DO NOTHING";
                tx.execute(sql, &values![&directory, sealed, now])?;
                let row = tx.first("SELECT sealed FROM acme_accounts WHERE directory = $1", &values![directory])?;
                let row = row.ok_or_else(|| Error::Defect("an account vanished in its own transaction".to_owned()))?;
                row.columns("acme_accounts").bytes("sealed")
            })
            .await
    }

    /// Forgets an account that the authority does not know any more, if it is still this one.
    pub async fn forget_acme_account(&self, directory: String, sealed: Vec<u8>) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM acme_accounts WHERE directory = $1 AND sealed = $2";
                tx.execute(sql, &values![directory, sealed]).map(drop)
            })
            .await
    }
}
