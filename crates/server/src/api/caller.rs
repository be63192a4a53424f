//! Authorisation as a parameter: `caller: Caller<LinksWrite>` in a handler's signature is the check, and it carries the
//! workspace. A handler without it cannot name an owner, and so cannot ask the store for anything.

use std::{
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::FromRequestParts;
use hyper::http::request::Parts;
use mask_core::{
    actor::Actor,
    id::{KeyId, UserId},
    key::Key,
    person::WordHash,
    role::Right,
    scope::{Scope, Scopes},
    time::Time,
    workspace::Owner,
};
use mask_store::{By, Store};

use super::{
    Api,
    error::{ApiError, Code},
    gate::{Identity, Seen},
    session::Person,
};

/// A scope, as a type.
pub trait Needs: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
    /// Another that will do as well.
    const OR: Option<Scope> = None;
    /// What will do for somebody in person, where that is less.
    const IN_PERSON: Option<Scope> = None;
}

macro_rules! needs {
    ($($(#[$doc:meta])+ $name:ident,)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )+};
}

needs! {
    /// `links:read`
    LinksRead,
    /// `links:write`
    LinksWrite,
    /// `bio-pages:read`
    BioPagesRead,
    /// `bio-pages:write`
    BioPagesWrite,
    /// `analytics:read`
    AnalyticsRead,
    /// `domains:read`
    DomainsRead,
    /// `domains:write`
    DomainsWrite,
    /// `qr-codes:read`
    QrCodesRead,
    /// `qr-codes:write`
    QrCodesWrite,
    /// `webhooks:read`
    WebhooksRead,
    /// `webhooks:write`
    WebhooksWrite,
    /// `workspace:read`
    WorkspaceRead,
    /// `workspace:write`
    WorkspaceWrite,
    /// `api-keys:read`
    ApiKeysRead,
    /// `api-keys:write`
    ApiKeysWrite,
}

/// `qr-codes:write`, or `bio-pages:write`: pictures are for both.
#[derive(Clone, Copy, Debug)]
pub enum Uploads {}

impl Needs for Uploads {
    const SCOPE: Scope = Scope::QrCodesWrite;
    const OR: Option<Scope> = Some(Scope::BioPagesWrite);
}

/// `workspace:write`, to take a member out; everybody may go by themselves, so the store looks who it is.
#[derive(Clone, Copy, Debug)]
pub enum MembersLeave {}

impl Needs for MembersLeave {
    const SCOPE: Scope = Scope::WorkspaceWrite;
    const IN_PERSON: Option<Scope> = Some(Scope::WorkspaceRead);
}

/// Whether these scopes are what is needed.
fn are_enough<S: Needs>(scopes: Scopes, is_person: bool) -> bool {
    let in_person = S::IN_PERSON.filter(|_| is_person);
    scopes.has(S::SCOPE) || [S::OR, in_person].into_iter().flatten().any(|scope| scopes.has(scope))
}

/// A right that no key has, as a type.
pub trait Claims: Send + Sync + 'static {
    /// The right.
    const RIGHT: Right;
}

/// To hand the workspace over.
#[derive(Clone, Copy, Debug)]
pub enum Transfers {}

impl Claims for Transfers {
    const RIGHT: Right = Right::Transfer;
}

/// To delete the workspace.
#[derive(Clone, Copy, Debug)]
pub enum Deletes {}

impl Claims for Deletes {
    const RIGHT: Right = Right::Delete;
}

/// What shows that a caller may do what they ask.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A key.
    Key(KeyId),
    /// A session, in the workspace with this slug.
    Session(WordHash, String),
}

/// Somebody who may do what `S` says, in the workspace and environment of their key, or in the one that they have chosen.
#[derive(Clone, Debug)]
pub struct Caller<S> {
    /// Whose objects they reach.
    pub owner: Owner,
    /// Who they are.
    pub actor: Actor,
    /// All that they may do.
    pub rights: Scopes,
    /// What shows it.
    pub proof: Proof,
    scope: PhantomData<S>,
}

/// Whose objects a request changes, who does, and from which country.
fn by(owner: Owner, actor: Actor, seen: &Seen) -> By {
    let country = seen.country.map(|country| country.as_str().to_owned());
    By { owner, actor, request: Some(seen.request_id.to_string()), country }
}

impl<S> Caller<S> {
    /// Whose objects this request changes, and who does.
    pub fn by(&self, seen: &Seen) -> By {
        by(self.owner, self.actor, seen)
    }

    /// That they have another scope beside `S`, for a part of what they ask.
    pub fn has_also(&self, scope: Scope) -> Result<(), ApiError> {
        if self.rights.has(scope) { Ok(()) } else { Err(lacking(self.actor, scope)) }
    }
}

/// What somebody is told who lacks a scope.
fn lacking(actor: Actor, scope: Scope) -> ApiError {
    if matches!(actor, Actor::Person(_)) {
        ApiError::insufficient_role(scope)
    } else {
        ApiError::insufficient_scope(scope)
    }
}

impl Proof {
    /// What it shows by now, for work that goes on long after it was first looked at: nothing once it was taken back.
    pub async fn rights(&self, store: &Store, owner: Owner, now: Time) -> Result<Scopes, mask_store::Error> {
        match self {
            Self::Key(id) => {
                let key = store.key_by_id(*id).await?.filter(|key| key.is_good(now));
                Ok(key.map_or(Scopes::default(), |key| key.content.scopes))
            }
            Self::Session(hash, slug) => {
                let Some((user, _)) = store.session_by_hash(*hash, now).await? else { return Ok(Scopes::default()) };
                let member = store.membership(user.id, slug.clone(), owner.is_test).await?;
                Ok(member.map_or(Scopes::default(), |member| member.role.scopes()))
            }
        }
    }
}

impl<S: Needs, T: Sync> FromRequestParts<T> for Caller<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, ApiError> {
        let (owner, actor, rights, proof) = match parts.extensions.get::<Identity>() {
            Some(Identity::Key(key)) => (key.owner, Actor::Key(key.id), key.content.scopes, Proof::Key(key.id)),
            Some(Identity::Person(person)) => {
                let (slug, member) = person.place()?;
                (member.owner, Actor::Person(person.user.id), member.role.scopes(), Proof::Session(person.hash, slug))
            }
            Some(Identity::Nobody(why)) => return Err(why.clone()),
            None => return Err(ApiError::internal()),
        };
        let is_person = matches!(actor, Actor::Person(_));
        // Both sides of a workspace have one name and one team, and a test key must not be worth a live one.
        let governs = S::SCOPE == Scope::WorkspaceWrite && !parts.method.is_safe();
        if governs && owner.is_test && !is_person {
            let message = "A test key changes nothing about the workspace and its people, as the live side shares them. Use a live key.";
            return Err(ApiError::new(Code::Forbidden, message));
        }
        if !are_enough::<S>(rights, is_person) {
            return Err(lacking(actor, S::SCOPE));
        }
        Ok(Self { owner, actor, rights, proof, scope: PhantomData })
    }
}

/// Somebody who is signed in, for what no key may do and no workspace has a say in.
#[derive(Clone, Debug)]
pub struct Signed(pub Arc<Person>);

impl<T: Sync> FromRequestParts<T> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, ApiError> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Person(person)) => Ok(Self(Arc::clone(person))),
            Some(Identity::Key(_)) => {
                Err(ApiError::new(Code::Forbidden, "This takes a person who is signed in; no API key may do it."))
            }
            Some(Identity::Nobody(why)) => Err(why.clone()),
            None => Err(ApiError::internal()),
        }
    }
}

/// Somebody who is signed in and has the right `R` in the workspace that they have chosen.
#[derive(Clone, Debug)]
pub struct InPerson<R> {
    owner: Owner,
    user: UserId,
    right: PhantomData<R>,
}

impl<R> InPerson<R> {
    /// Whose objects this request changes, and who does.
    pub fn by(&self, seen: &Seen) -> By {
        by(self.owner, Actor::Person(self.user), seen)
    }
}

impl<R: Claims, T: Sync> FromRequestParts<T> for InPerson<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, ApiError> {
        let Signed(person) = Signed::from_request_parts(parts, state).await?;
        let (_, member) = person.place()?;
        let least = R::RIGHT.least();
        if member.role < least {
            let message = format!("Your role in this workspace is {}; this takes {least}.", member.role);
            return Err(ApiError::new(Code::Forbidden, message));
        }
        Ok(Self { owner: member.owner, user: person.user.id, right: PhantomData })
    }
}

/// When each key was last used, written to the store at most once a minute for each.
#[derive(Debug, Default)]
pub struct Usage {
    noted: Mutex<HashMap<KeyId, i64>>,
}

impl Usage {
    /// Notes that a key is being used now.
    pub fn note(&self, api: &Arc<Api>, key: &Key) {
        let now = api.clock.now();
        if !self.is_due(key, now) {
            return;
        }
        let (store, id) = (api.store.clone(), key.id);
        api.tasks.spawn(async move {
            if let Err(error) = store.touch_key(id, now).await {
                tracing::warn!(%error, key = %id, "the time of a key's last use could not be written");
            }
        });
    }

    fn is_due(&self, key: &Key, now: Time) -> bool {
        let minute = now.unix_seconds().div_euclid(60);
        let is_known = key.last_used_at.is_some_and(|last| last.unix_seconds().div_euclid(60) >= minute);
        if is_known {
            return false;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() > 10_000 {
            noted.retain(|_, last| *last >= minute);
        }
        noted.insert(key.id, minute) != Some(minute)
    }
}
