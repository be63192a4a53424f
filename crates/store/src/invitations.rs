//! Invitations: one for each mailbox and workspace, found by the hash of its word, and gone once it was used.
//!
//! Whoever uses one holds the workspace's row, as whoever else changes who is in it. An invitation of a workspace that was
//! deleted is not there, and comes back with it.
//!
//! How many letters go out with invitations is bounded by [`crate::invitation_letters`].

use mask_core::{
    action::Action,
    actor::Actor,
    cursor::Cursor,
    id::{InvitationId, MemberId},
    invitation::{Invitation, MOST_INVITATIONS},
    mail::Address,
    member::{Unallowed, may_give},
    person::WordHash,
    role::Role,
    scope::Scope,
    time::Time,
    workspace::Workspace,
};

use crate::{
    By, Deed, Error, Keep, Listed, NewLetter, NewMember, NewSession, NewUser, Object, Once, Oneself, Store,
    db::{Columns, Row, Tx, values},
    invitation_letters, keys, mail, members, people,
    webhooks::Telling,
    workspaces,
};

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// What it is.
    pub invitation: Invitation,
    /// What is kept of its word.
    pub hash: WordHash,
    /// The letter that brings the word, if it is mailed.
    pub letter: Option<NewLetter>,
}

/// Why nobody was invited, or an invitation was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninvited {
    /// There is no such invitation any more, or its workspace is gone.
    Absent,
    /// It is for somebody else.
    Foreign,
    /// They are in the workspace already.
    Known,
    /// There is an account with this address already.
    HasAccount,
    /// There are [`MOST_INVITATIONS`] that wait.
    TooMany,
    /// The mailbox has been sent as many as it may be in a day; one more may go out then.
    MailboxFull(Time),
    /// The workspace has mailed as many as it may in a day; one more may go out then.
    WorkspaceFull(Time),
    /// It is not for the caller to do.
    Unallowed(Unallowed),
}

/// What an invitation leads to, for whoever has its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The invitation.
    pub invitation: Invitation,
    /// Where to.
    pub workspace: Workspace,
    /// Whether there is an account with its address.
    pub has_account: bool,
}

const COLUMNS: &str = "i.id, i.email, i.role, i.invited_by, i.created_at, i.expires_at";

fn read(row: &mut Columns) -> Result<Invitation, Error> {
    Ok(Invitation {
        id: row.parsed("id", InvitationId::parse)?,
        email: row.parsed("email", Address::parse)?,
        role: row.parsed("role", Role::parse)?,
        invited_by: row.parsed("invited_by", Actor::parse)?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

fn invitation(row: Row) -> Result<Invitation, Error> {
    read(&mut row.columns("invitations"))
}

/// Writes an invitation, in the place of the one before for the same mailbox.
fn invite(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    new: &NewInvitation,
) -> Result<Result<Invitation, Uninvited>, Error> {
    let workspace = by.owner.workspace;
    let NewInvitation { invitation, hash, letter } = new;
    let key = invitation.email.key();
    if letter.is_some() {
        invitation_letters::take_turn(tx, &key)?;
    }
    if workspaces::lock(tx, workspace)?.is_none() {
        return Ok(Err(Uninvited::Absent));
    }
    let Some(asker) = members::standing(tx, by.actor, workspace)? else { return Ok(Err(Uninvited::Absent)) };
    if let Err(why) = may_give(asker, invitation.role) {
        return Ok(Err(Uninvited::Unallowed(why)));
    }
    let known =
        "SELECT 1 FROM members m JOIN users u ON u.number = m.user_number WHERE m.workspace = $1 AND u.email_key = $2";
    if tx.first(known, &values![workspace, &key])?.is_some() {
        return Ok(Err(Uninvited::Known));
    }
    // Looked at first: the invitation of before stays as it is where this one is refused.
    if letter.is_some()
        && let Some(why) = invitation_letters::refusal(tx, workspace, &key, invitation.created_at)?
    {
        return Ok(Err(why));
    }
    // What nobody can use any more stands in nobody's way.
    let sql = "DELETE FROM invitations WHERE workspace = $1 AND (email_key = $2 OR expires_at <= $3)";
    tx.execute(sql, &values![workspace, &key, invitation.created_at])?;
    let row = tx.first("SELECT count(*) FROM invitations WHERE workspace = $1", &values![workspace])?;
    let waiting = row.map_or(Ok(0), |row| row.columns("invitations").integer("count"))?;
    if usize::try_from(waiting).is_ok_and(|waiting| waiting >= MOST_INVITATIONS) {
        return Ok(Err(Uninvited::TooMany));
    }
    let sql = "INSERT INTO invitations (id, workspace, email, email_key, role, hash, invited_by, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let all = values![
        invitation.id,
        workspace,
        invitation.email.as_str(),
        &key,
        invitation.role.as_str(),
        &hash.0[..],
        invitation.invited_by,
        invitation.created_at,
        invitation.expires_at
    ];
    tx.execute(sql, &all)?;
    if let Some(letter) = letter {
        mail::post(tx, letter, None)?;
        invitation_letters::note(tx, workspace, &key, invitation.created_at)?;
    }
    let deed = Deed::made(Object::Invitation(invitation));
    telling.note(by, invitation.created_at, Action::InvitationCreated, deed);
    Ok(Ok(invitation.clone()))
}

/// An invitation that is good, and the number of its workspace.
fn find(tx: &mut Tx<'_>, hash: WordHash, now: Time) -> Result<Option<(Invitation, i64)>, Error> {
    let sql = format!("SELECT {COLUMNS}, i.workspace FROM invitations i WHERE i.hash = $1 AND i.expires_at > $2");
    let Some(row) = tx.first(&sql, &values![&hash.0[..], now])? else { return Ok(None) };
    let mut row = row.columns("invitations");
    let (invitation, workspace) = (read(&mut row)?, row.integer("workspace")?);
    Ok(is_backed(tx, &invitation, workspace, now)?.then_some((invitation, workspace)))
}

/// Whether whoever invited could still do it: an invitation is worth no more than they are by now.
fn is_backed(tx: &mut Tx<'_>, invitation: &Invitation, workspace: i64, now: Time) -> Result<bool, Error> {
    if let Actor::Key(id) = invitation.invited_by
        && !keys::may(tx, id, Scope::WorkspaceWrite, now)?
    {
        return Ok(false);
    }
    let inviter = members::standing(tx, invitation.invited_by, workspace)?;
    Ok(inviter.is_some_and(|role| may_give(role, invitation.role).is_ok()))
}

fn open(tx: &mut Tx<'_>, hash: WordHash, now: Time) -> Result<Option<Opened>, Error> {
    let Some((invitation, number)) = find(tx, hash, now)? else { return Ok(None) };
    let Some(workspace) = workspaces::find(tx, number)? else { return Ok(None) };
    let account = tx.first("SELECT 1 FROM users WHERE email_key = $1", &values![invitation.email.key()])?;
    Ok(Some(Opened { invitation, workspace, has_account: account.is_some() }))
}

/// An invitation that is good, and that nobody else uses until this transaction ends.
fn to_use(tx: &mut Tx<'_>, hash: WordHash, now: Time) -> Result<Option<(Invitation, Workspace)>, Error> {
    let Some((_, number)) = find(tx, hash, now)? else { return Ok(None) };
    let Some(workspace) = workspaces::lock(tx, number)? else { return Ok(None) };
    // Somebody else may have used it, or taken it back, before the lock was ours.
    Ok(find(tx, hash, now)?.map(|(invitation, _)| (invitation, workspace)))
}

fn join(
    tx: &mut Tx<'_>,
    telling: &Telling,
    (invitation, workspace): (Invitation, Workspace),
    who: Oneself,
    id: MemberId,
    now: Time,
) -> Result<Result<(Workspace, Role), Uninvited>, Error> {
    let place = NewMember { id, workspace: workspace.number, user: who.user, role: invitation.role, now };
    if !people::insert_member(tx, place)? {
        return Ok(Err(Uninvited::Known));
    }
    tx.execute("DELETE FROM invitations WHERE id = $1", &values![invitation.id])?;
    members::note_joined(tx, telling, &who.by(workspace.number), id, now)?;
    Ok(Ok((workspace, invitation.role)))
}

fn accept(
    tx: &mut Tx<'_>,
    telling: &Telling,
    hash: WordHash,
    who: Oneself,
    id: MemberId,
    now: Time,
) -> Result<Result<(Workspace, Role), Uninvited>, Error> {
    let Some(found) = to_use(tx, hash, now)? else { return Ok(Err(Uninvited::Absent)) };
    let sql = "SELECT 1 FROM users WHERE id = $1 AND email_key = $2 AND disabled_at IS NULL";
    if tx.first(sql, &values![who.user, found.0.email.key()])?.is_none() {
        return Ok(Err(Uninvited::Foreign));
    }
    join(tx, telling, found, who, id, now)
}

impl Store {
    /// Invites somebody, unless they are there already.
    pub async fn create_invitation(
        &self,
        by: impl Into<By>,
        new: NewInvitation,
        keep: Option<Keep<Result<Invitation, Uninvited>>>,
    ) -> Result<Once<Result<Invitation, Uninvited>>, Error> {
        let by = by.into();
        let done = self.change(move |tx, telling| Once::run(tx, keep, |tx| invite(tx, &by, telling, &new))).await?;
        self.posted.send_replace(());
        Ok(done)
    }

    /// A page of a workspace's invitations that are good at this moment, oldest first.
    pub async fn list_invitations(
        &self,
        workspace: i64,
        now: Time,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<Invitation>, Error> {
        self.main
            .read(move |tx| {
                let after = after.map_or_else(String::new, |cursor| cursor.id);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = format!(
                    "SELECT {COLUMNS} FROM invitations i WHERE i.workspace = $1 AND i.id > $2 AND i.expires_at > $3 \
                     ORDER BY i.id LIMIT $4"
                );
                let rows = tx.query(&sql, &values![workspace, after, now, most])?;
                let rows = rows.into_iter().map(invitation).collect::<Result<Vec<_>, _>>()?;
                Ok(Listed::of(rows, limit, |invitation| invitation.id.to_string()))
            })
            .await
    }

    /// Takes an invitation back; `None` when there is none that is good.
    pub async fn revoke_invitation(
        &self,
        by: impl Into<By>,
        id: InvitationId,
        now: Time,
    ) -> Result<Option<Invitation>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let sql = format!(
                "DELETE FROM invitations AS i WHERE i.id = $1 AND i.workspace = $2 AND i.expires_at > $3 RETURNING {}",
                COLUMNS.replace("i.", "")
            );
            let revoked = tx.first(&sql, &values![id, by.owner.workspace, now])?.map(invitation).transpose()?;
            if let Some(invitation) = &revoked {
                let deed = Deed::deleted(Object::Invitation(invitation));
                telling.note(&by, now, Action::InvitationRevoked, deed);
            }
            Ok(revoked)
        })
        .await
    }

    /// What the invitation with this word leads to, if it is good.
    pub async fn open_invitation(&self, hash: WordHash, now: Time) -> Result<Option<Opened>, Error> {
        self.main.read(move |tx| open(tx, hash, now)).await
    }

    /// Uses an invitation: its place is this person's then. Answers where that is, and what they are there.
    pub async fn accept_invitation(
        &self,
        hash: WordHash,
        who: impl Into<Oneself>,
        id: MemberId,
        now: Time,
        keep: Option<Keep<Result<(Workspace, Role), Uninvited>>>,
    ) -> Result<Once<Result<(Workspace, Role), Uninvited>>, Error> {
        let who = who.into();
        self.change(move |tx, telling| Once::run(tx, keep, |tx| accept(tx, telling, hash, who, id, now))).await
    }

    /// Uses an invitation for somebody who has no account yet: makes it, with the address that was invited, and signs them in.
    pub async fn accept_as_new(
        &self,
        hash: WordHash,
        user: NewUser,
        session: NewSession,
        id: MemberId,
    ) -> Result<Result<(Workspace, Role), Uninvited>, Error> {
        self.change(move |tx, telling| {
            let now = user.now;
            let Some(found) = to_use(tx, hash, now)? else { return Ok(Err(Uninvited::Absent)) };
            if found.0.email.key() != user.email.key() {
                return Ok(Err(Uninvited::Foreign));
            }
            let Some(user) = people::insert_user(tx, &user)? else { return Ok(Err(Uninvited::HasAccount)) };
            let who = Oneself { user: user.id, whence: session.whence() };
            people::insert_session(tx, session)?;
            join(tx, telling, found, who, id, now)
        })
        .await
    }

    /// Forgets invitations that ended before this moment, and their letters that count no more then, at most `limit` of each; says
    /// how many.
    pub async fn forget_invitations(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM invitations WHERE id IN \
                           (SELECT id FROM invitations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
                let ended = tx.execute(sql, &values![before, i64::from(limit)])?;
                Ok(ended.max(invitation_letters::forget(tx, before, limit)?))
            })
            .await
    }
}
