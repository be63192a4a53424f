//! The first account: whoever has the set-up link makes it, and the installation and its default workspace are theirs.
//!
//! The link is printed at each start for as long as there is no account, with a new word each time. Its word is kept as a
//! hash, works once, and is over when there is an account, whoever made it. Rejected: to let the first who comes make it, as
//! a server is found within minutes of its start by those who look for such.

use mask_core::{
    id::{MemberId, UserId},
    person::{User, Word},
    role::Role,
};
use mask_store::{FirstUser, NewMember, NewUser, Store};
use serde_json::Value;

use super::{SignedIn, Visitor, link as link_to, new_session, read};
use crate::{
    api::{Api, error::ApiError},
    clock::{self, Clock, Ids},
    setup,
};

/// The page of the set-up link.
pub(super) const PAGE: &str = "setup";

/// A set-up link for an installation that has no account yet; `None` when it has one.
pub async fn link(store: &Store, clock: &Clock, public_url: &str) -> Result<Option<String>, mask_store::Error> {
    let word = Word::new(clock::secret());
    let is_needed = store.create_setup_word(word.hash(), clock.now()).await?;
    Ok(is_needed.then(|| link_to(public_url, PAGE, &word)))
}

/// What is sent to make the first account.
#[derive(Debug)]
pub struct SetUp {
    email: mask_core::mail::Address,
    name: String,
    password: String,
}

impl SetUp {
    fn read(body: Value) -> Result<Self, ApiError> {
        let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = [said("email"), said("name")];
        read::members(body, |fields| {
            let (email, name) = (read::email(fields), read::name(fields));
            let password = read::password(fields, "password", &about.each_ref().map(String::as_str));
            Some(Self { email: email?, name: name?, password: password? })
        })
    }
}

/// Makes the first account with the word of the link.
pub async fn make(api: &Api, visitor: &Visitor, word: &Word, body: Value) -> Result<SignedIn, ApiError> {
    if !api.store.is_setup_word(word.hash()).await? {
        return Err(super::spent());
    }
    let SetUp { email, name, password } = SetUp::read(body)?;
    let password_hash = Some(api.passwords.hash(password).await?);
    let (workspace, _) = setup::ensure_workspace(&api.store, &api.clock, &Ids::default()).await?;
    let now = api.clock.now();
    let id = UserId::from_bits(api.ids.next(now));
    let user = User {
        id,
        email: email.clone(),
        name: name.clone(),
        is_admin: true,
        disabled_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let (session, cookies) = new_session(api, visitor, (user.id, &user.email));
    let first = FirstUser {
        word: word.hash(),
        user: NewUser { id, email, name, password_hash, is_admin: true, now },
        member: NewMember {
            id: MemberId::from_bits(api.ids.next(now)),
            workspace: workspace.number,
            user: id,
            role: Role::Owner,
            now,
        },
        session,
    };
    // Somebody else with a link may have been faster.
    if !api.store.create_first_user(first).await? {
        return Err(super::spent());
    }
    tracing::info!(user = %id, "the first account was made");
    Ok(SignedIn { user, cookies })
}
