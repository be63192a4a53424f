//! Looks at DNS, and what they mean for whose a domain is.
//!
//! Nobody waits for DNS in here. Whoever looks says so first, which puts off the next look ([`Store::claim_domains`],
//! [`Store::begin_look`]); what was seen comes back as a [`Look`], and is judged in the transaction that writes it down:
//! whoever has the domain at that moment is compared with, not whoever had it when DNS was asked.

use mask_core::{
    action::Action,
    domain::{Content, Domain, Look, Looked, Outcome, Status, next_look},
    id::DomainId,
    time::Time,
};

use super::row::{COLUMNS, find, is_lookalike, note_change, read, to_change, write, write_with_next};
use crate::{
    Deed, Error, Object, Store,
    db::{Dialect, Tx, values},
    replies::{Keep, Once},
    turns::Turn,
    webhooks::{By, Outbox, Telling},
    workspaces,
};

/// What came of the wish to look.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// It is on.
    Look(Domain),
    /// It was looked at a moment ago; this is what is known.
    Resting(Domain),
}

/// The domains that are served, and which state of them that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// The domains. Those of workspaces that were deleted lead nowhere by themselves.
    pub domains: Vec<Domain>,
    /// How often a workspace was deleted, or came back.
    pub workspaces: i64,
    /// How often what is served had changed.
    pub changes: i64,
}

fn begin(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    id: DomainId,
    now: Time,
    rest_since: Time,
    until: Time,
) -> Result<Option<Begun>, Error> {
    let owner = by.owner;
    let sql = "UPDATE domains SET asked_at = $3, next_look_at = $5 WHERE id = $1 AND owner = $2 \
               AND (asked_at IS NULL OR asked_at <= $4) AND (looked_at IS NULL OR looked_at <= $4)";
    let is_on = tx.execute(sql, &values![id, owner, now, rest_since, until])? > 0;
    let Some(mut domain) = find(tx, owner, id)? else { return Ok(None) };
    if !is_on {
        return Ok(Some(Begun::Resting(domain)));
    }
    // Whoever asks has done something about it: the time that there is for a proof begins anew.
    if domain.status != Status::Verified {
        let old = domain.clone();
        domain.sought_since = now;
        if domain.status == Status::Failed {
            (domain.status, domain.version, domain.updated_at) = (Status::Pending, domain.version + 1, now);
            telling.note(by, now, Action::DomainUpdated, Deed::of(Object::Domain(&old), Object::Domain(&domain)));
        }
        write(tx, &domain)?;
    }
    Ok(Some(Begun::Look(domain)))
}

fn settle(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    id: DomainId,
    look: &Look,
    now: Time,
) -> Result<Option<Domain>, Error> {
    let owner = by.owner;
    let Some(domain) = find(tx, owner, id)? else { return Ok(None) };
    let all = to_change(tx, "name", domain.name.as_str().into())?;
    let Some(mut domain) = all.iter().find(|domain| domain.id == id).cloned() else { return Ok(None) };
    // Another look was begun after this one, and says more of what DNS says by now.
    if domain.look.as_ref().is_some_and(|last| last.at > look.at && last.outcome != Outcome::Unavailable) {
        return Ok(Some(domain));
    }
    let old = domain.clone();
    let verdict = look.judge(&domain);
    let (mut outcome, mut message) = (verdict.outcome, verdict.message);
    domain.looks += 1;
    domain.has_proof = verdict.has_proof.unwrap_or(domain.has_proof);
    domain.points_here = verdict.points_here.unwrap_or(domain.points_here);
    let mut has_gained = false;
    if outcome == Outcome::Found && domain.status != Status::Verified {
        Turn::Looks(&domain.name.skeleton()).take(tx)?;
        let holder = all.iter().find(|other| other.status == Status::Verified);
        match holder {
            Some(holder) if look.shows(&holder.token) || was_shown_later(holder, look) => {
                (outcome, message) = (Outcome::Taken, still_held(&domain));
            }
            _ if is_lookalike(tx, owner, &domain.name)? => (outcome, message) = (Outcome::Taken, lookalike()),
            holder => {
                holder.map_or(Ok(()), |holder| lose(tx, telling, holder, look, now))?;
                has_gained = true;
            }
        }
    }
    if has_gained {
        (domain.status, domain.verified_at) = (Status::Verified, Some(now));
    }
    let next = next_look(&domain, domain.status, outcome, now);
    let has_failed = domain.status == Status::Pending && next.is_none();
    if has_failed {
        domain.status = Status::Failed;
    }
    if has_gained || has_failed {
        (domain.version, domain.updated_at) = (domain.version + 1, now);
    }
    domain.look = Some(Looked { at: look.at, outcome, message });
    write_with_next(tx, &domain, next.map(|wait| now.after(wait)))?;
    if has_gained {
        // What others once had there is nobody's any more.
        let sql = "DELETE FROM reserved_slugs WHERE domain = $1 AND owner <> $2";
        tx.execute(sql, &values![domain.name.as_str(), owner])?;
        note_change(tx)?;
        Outbox::of_domains(tx, by.clone(), telling, now)?.domain_verified(tx, &domain)?;
    }
    if has_gained || has_failed {
        let action = if has_gained { Action::DomainVerified } else { Action::DomainUpdated };
        telling.note(by, now, action, Deed::of(Object::Domain(&old), Object::Domain(&domain)));
    }
    Ok(Some(domain))
}

/// Whether a look that was begun later than this one has found the proof of whoever has the domain. One that nobody answered has
/// found nothing.
fn was_shown_later(holder: &Domain, look: &Look) -> bool {
    let was_answered = |last: &Looked| last.at > look.at && last.outcome != Outcome::Unavailable;
    holder.has_proof && holder.look.as_ref().is_some_and(was_answered)
}

/// The domain is somebody else's now, by this look.
fn lose(tx: &mut Tx<'_>, telling: &Telling, holder: &Domain, look: &Look, now: Time) -> Result<(), Error> {
    let mut lost = holder.clone();
    let message =
        "Another workspace has shown that this domain is its own, and the record that showed that it was yours \
                   was gone."
            .to_owned();
    (lost.status, lost.verified_at, lost.content.is_default) = (Status::Failed, None, false);
    (lost.has_proof, lost.version, lost.updated_at) = (false, lost.version + 1, now);
    lost.look = Some(Looked { at: look.at, outcome: Outcome::Taken, message });
    write_with_next(tx, &lost, None)?;
    // Who has it now is nothing that whoever had it may learn.
    let deed = Deed::of(Object::Domain(holder), Object::Domain(&lost));
    telling.note(&holder.owner.into(), now, Action::DomainLost, deed);
    Ok(())
}

fn still_held(domain: &Domain) -> String {
    format!(
        "Your record was found, and so was that of the workspace that has this domain now. Remove every other TXT record at \
         {} to take the domain over.",
        domain.proof_name()
    )
}

fn lookalike() -> String {
    "The records were found, but this name looks like a domain that another workspace has.".to_owned()
}

impl Store {
    /// Says that somebody looks at a domain now, who asked for that. Not more often than once in the time since
    /// `rest_since`; `until` is when a look is due again should nothing come of this one.
    pub async fn begin_look(
        &self,
        by: impl Into<By>,
        id: DomainId,
        now: Time,
        rest_since: Time,
        until: Time,
    ) -> Result<Option<Begun>, Error> {
        let by = by.into();
        self.change(move |tx, telling| begin(tx, &by, telling, id, now, rest_since, until)).await
    }

    /// Claims domains that are due for a look, at most so many, until a moment.
    pub async fn claim_domains(&self, now: Time, until: Time, most: u32) -> Result<Vec<Domain>, Error> {
        self.main
            .write(move |tx| {
                // Two nodes that claim at the same moment take different ones.
                let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
                let sql = format!(
                    "UPDATE domains SET next_look_at = $2 WHERE id IN \
                     (SELECT id FROM domains WHERE next_look_at <= $1 AND {} ORDER BY next_look_at LIMIT $3{lock}) RETURNING {COLUMNS}",
                    workspaces::is_there("owner")
                );
                tx.query(&sql, &values![now, until, i64::from(most)])?.into_iter().map(read).collect()
            })
            .await
    }

    /// Writes down what was seen of a domain, and what that makes of it. `None` when it is gone.
    pub async fn settle_domain(
        &self,
        by: impl Into<By>,
        id: DomainId,
        look: Look,
        now: Time,
        keep: Option<Keep<Option<Domain>>>,
    ) -> Result<Once<Option<Domain>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| Once::run(tx, keep, |tx| settle(tx, &by, telling, id, &look, now))).await
    }

    /// The domains that are served, unless they are still those of this state.
    pub async fn served_domains(&self, known: Option<i64>) -> Result<Option<Served>, Error> {
        self.main
            .scan(move |tx| {
                tx.snapshot(|tx| {
                    let row = tx.first("SELECT changes, workspaces FROM served_domains WHERE id = 1", &[])?;
                    let mut row =
                        row.ok_or_else(|| Error::Defect("nobody counts changes".to_owned()))?.columns("served_domains");
                    let (changes, workspaces) = (row.integer("changes")?, row.integer("workspaces")?);
                    if known == Some(changes) {
                        return Ok(None);
                    }
                    let sql = format!("SELECT {COLUMNS} FROM domains WHERE status = 1 ORDER BY id");
                    let mut domains: Vec<_> = tx.query(&sql, &[])?.into_iter().map(read).collect::<Result<_, _>>()?;
                    let deleted = workspaces::deleted(tx)?;
                    for domain in domains.iter_mut().filter(|domain| deleted.contains(&domain.owner.workspace)) {
                        domain.content = Content::default();
                    }
                    Ok(Some(Served { domains, workspaces, changes }))
                })
            })
            .await
    }
}
