//! Passwords: changed by whoever knows the old one, and chosen anew by whoever has a link.

use std::sync::Arc;

use mask_core::{
    id::UserId,
    mail::Address,
    person::{User, Word},
};
use mask_store::{Account, NewWord, Store, WordPurpose};
use serde_json::Value;

use super::{LINK_LASTS, PRINTED_LINK_LASTS, Visitor, link as link_to, new_word, outdated, read, sign_in, spent};
use crate::{
    api::{
        Api,
        error::{ApiError, Code},
        session::Person,
    },
    clock::Clock,
    mail::{AccountLetter, Letters},
};

/// The page on which a password is chosen.
pub(super) const PAGE: &str = "new-password";

/// Mails a link with which a new password can be chosen, if there is somebody with this address. The answer is the same if
/// not, and comes before anything is looked up: who has an account is told by its time no more than by its text.
pub async fn ask(api: &Api, visitor: &Visitor, body: Value) -> Result<(), ApiError> {
    let email = read::members(body, read::email)?;
    let now = api.clock.now();
    api.accounts.tries.count_letter(visitor.address, now)?;
    if !api.letters.is_mailing() {
        let message =
            "This installation sends no mail. Ask whoever runs it: `mask users reset-password` prints a link.";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    // For an account that is not there a place is waited for as well.
    let place = Arc::clone(&api.accounts.asking).acquire_owned().await.map_err(|_| ApiError::internal())?;
    let (word, new) = new_word(now, LINK_LASTS);
    let link = api.accounts.link(PAGE, &word);
    let (store, letters) = (api.store.clone(), Arc::clone(&api.letters));
    api.tasks.spawn(async move {
        if let Err(error) = write(&store, &letters, email, (&link, new)).await {
            tracing::warn!(%error, "a letter about a new password could not be written");
        }
        drop(place);
    });
    Ok(())
}

/// Writes the letter with this link to whoever has this address, if anybody does.
async fn write(
    store: &Store,
    letters: &Letters,
    email: Address,
    (link, word): (&str, NewWord),
) -> Result<(), mask_store::Error> {
    let Some(Account { user, .. }) = store.account_by_email(email).await? else { return Ok(()) };
    let letter = letters.account(AccountLetter::NewPassword { link }, user.email, word.now);
    store.create_password_word(user.id, word, Some(letter)).await.map(drop)
}

/// A link with which somebody can choose a password, for the operator to pass on.
pub async fn link(
    store: &Store,
    clock: &Clock,
    public_url: &str,
    user: UserId,
) -> Result<Option<String>, mask_store::Error> {
    let (word, new) = new_word(clock.now(), PRINTED_LINK_LASTS);
    let is_kept = store.create_password_word(user, new, None).await?;
    Ok(is_kept.then(|| link_to(public_url, PAGE, &word)))
}

/// Chooses a new password with the word of a link. All sessions end.
pub async fn reset(api: &Api, visitor: &Visitor, word: &Word, body: Value) -> Result<User, ApiError> {
    let now = api.clock.now();
    let found = api.store.word(word.hash(), WordPurpose::Password, now).await?;
    let (user, _) = found.ok_or_else(spent)?;
    let password = chosen(body, "password", &user)?;
    let hash = api.passwords.hash(password).await?;
    api.store.reset_password(word.hash(), hash, visitor.whence(api), now).await?.ok_or_else(spent)
}

fn chosen(body: Value, name: &'static str, user: &User) -> Result<String, ApiError> {
    read::members(body, |fields| read::password(fields, name, &about(&user.email, &user.name)))
}

fn about<'a>(email: &'a Address, name: &'a str) -> [&'a str; 2] {
    [email.as_str(), name]
}

/// Gives whoever is signed in another password: `current_password`, `password`. Their other sessions end.
pub async fn change(
    api: &Api,
    visitor: &Visitor,
    Person { user, session, .. }: &Person,
    body: Value,
) -> Result<(), ApiError> {
    let account = sign_in::account(api, user).await?;
    let (current, password) = read::members(body, |fields| {
        let current = fields.optional("current_password", read::typed);
        let password = read::password(fields, "password", &about(&user.email, &user.name));
        Some((current, password?))
    })?;
    sign_in::confirm(api, visitor, &account, "current_password", current).await?;
    let hash = api.passwords.hash(password).await?;
    api.store.set_password(visitor.asker(api, &account, *session), hash, api.clock.now()).await?.map_err(outdated)
}
