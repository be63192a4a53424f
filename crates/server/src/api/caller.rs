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
    id::KeyId,
    key::Key,
    scope::{Scope, Scopes},
    time::Time,
    workspace::Owner,
};

use super::{Api, error::ApiError, gate::Identity};

/// A scope, as a type.
pub trait Needs: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
    /// Another that will do as well.
    const OR: Option<Scope> = None;
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

/// Whether these scopes are what is needed.
fn are_enough<S: Needs>(scopes: Scopes) -> bool {
    scopes.has(S::SCOPE) || S::OR.is_some_and(|scope| scopes.has(scope))
}

/// Somebody who may do what `S` says, in the workspace and environment of their key.
#[derive(Clone, Debug)]
pub struct Caller<S> {
    /// Whose objects they reach.
    pub owner: Owner,
    /// The key that they used.
    pub key: KeyId,
    /// All that it may do.
    pub rights: Scopes,
    scope: PhantomData<S>,
}

impl<S: Needs, T: Sync> FromRequestParts<T> for Caller<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, ApiError> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Key(key)) if are_enough::<S>(key.content.scopes) => {
                Ok(Self { owner: key.owner, key: key.id, rights: key.content.scopes, scope: PhantomData })
            }
            Some(Identity::Key(_)) => Err(ApiError::insufficient_scope(S::SCOPE)),
            Some(Identity::Nobody(why)) => Err(why.clone()),
            None => Err(ApiError::internal()),
        }
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
