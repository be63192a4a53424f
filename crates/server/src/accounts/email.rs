//! Another address: asked for by whoever is signed in, and had by whoever reads what is sent to it.

use mask_core::{
    id::UserId,
    mail::Address,
    person::{User, Word},
};
use mask_store::{Asker, NewLetter, Readdressed, Store, Whence, WordPurpose, WriteNotice};
use serde_json::Value;

use super::{LINK_LASTS, Visitor, new_word, outdated, read, sign_in, spent};
use crate::{
    api::{
        Api,
        error::{ApiError, Code},
        session::Person,
    },
    clock::Clock,
    mail::AccountLetter,
};

/// The page on which an address is confirmed.
pub(super) const PAGE: &str = "confirm-email";

/// Asks for another address: `email`, `password`. Its reader confirms it by a mailed link, and then it is `None` who has it
/// already. Where nothing is mailed nobody can show that an address is theirs: whoever runs the installation may say so of their
/// own, and for others by `mask users change-email`.
pub async fn ask(api: &Api, visitor: &Visitor, me: &Person, body: Value) -> Result<Option<User>, ApiError> {
    let account = sign_in::account(api, &me.user).await?;
    let (email, password) = read::members(body, |fields| {
        let (email, password) = (read::email(fields), fields.optional("password", read::typed));
        Some((email?, password))
    })?;
    sign_in::confirm(api, visitor, &account, "password", password).await?;
    if !may_ask(api, &account.user) {
        let message =
            "This installation sends no mail, so nobody can confirm an address. Whoever runs it can change yours.";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let now = api.clock.now();
    let asker = visitor.asker(api, &account, me.session);
    let (word, new) = new_word(now, LINK_LASTS);
    if !api.letters.is_mailing() {
        api.store.create_email_word(asker, email, new, None).await?.map_err(outdated)?;
        return confirm(api, visitor, &word).await.map(Some);
    }
    api.accounts.tries.count_letter(visitor.address, now)?;
    let letter = AccountLetter::ConfirmEmail { link: &api.accounts.link(PAGE, &word) };
    let letter = api.letters.account(letter, email.clone(), now);
    if !api.store.create_email_word(asker, email, new, Some(letter)).await?.map_err(outdated)? {
        let message = "Too many letters were sent for this account. Try again tomorrow.";
        return Err(ApiError::too_many_at_once(message, 24 * 3600));
    }
    Ok(None)
}

/// Whether somebody may ask for another address.
pub(super) fn may_ask(api: &Api, user: &User) -> bool {
    api.letters.is_mailing() || user.is_admin
}

/// Gives somebody another address, because the operator says so.
pub async fn give(
    store: &Store,
    clock: &Clock,
    user: UserId,
    email: Address,
) -> Result<Readdressed, mask_store::Error> {
    let now = clock.now();
    let (word, new) = new_word(now, LINK_LASTS);
    if store.create_email_word(Asker::Operator(user), email, new, None).await? != Ok(true) {
        return Ok(Readdressed::Unknown);
    }
    store.change_email(word.hash(), Whence::default(), now, None).await
}

/// Gives whoever a word is for the address that it is about; the address before is told.
pub async fn confirm(api: &Api, visitor: &Visitor, word: &Word) -> Result<User, ApiError> {
    let now = api.clock.now();
    let notice: Option<WriteNotice> = api.letters.is_mailing().then(|| {
        let letters = api.letters.clone();
        let write = move |old: Address, new: &Address| -> NewLetter {
            letters.account(AccountLetter::EmailChanged { new: new.as_str() }, old, now)
        };
        Box::new(write) as WriteNotice
    });
    match api.store.change_email(word.hash(), visitor.whence(api), now, notice).await? {
        Readdressed::Done(user) => Ok(user),
        Readdressed::Taken => Err(ApiError::new(Code::Conflict, "Another account has this address.")),
        Readdressed::Unknown => Err(spent()),
    }
}

/// The address that a word is about, while it opens something.
pub(super) async fn asked(api: &Api, word: &Word) -> Result<Address, ApiError> {
    let found = api.store.word(word.hash(), WordPurpose::Email, api.clock.now()).await?;
    found.and_then(|(_, email)| email).ok_or_else(spent)
}
