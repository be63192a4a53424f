//! Making an account without being asked, where the operator lets everybody do so.
//!
//! Where mail is sent, nobody has an account who does not read what is sent to its address: a link in a letter chooses the
//! password, and the answer does not tell whether there was an account. Rejected: to take a password with the form; whoever
//! signs up with somebody else's address would know the password of the account that its reader confirms.

use mask_core::{id::UserId, mail::Address};
use mask_store::{NewUser, Shown, SignUp};
use serde_json::Value;

use super::{LINK_LASTS, SignedIn, Visitor, begin, new_word, passwords, read, sign_in};
use crate::{
    api::{
        Api,
        error::{ApiError, Code},
    },
    config::SignUps,
    mail::AccountLetter,
};

/// What became of it.
#[derive(Debug)]
pub enum SignedUp {
    /// There is a letter to be read.
    Mailed,
    /// They are in: nothing is mailed here.
    In(SignedIn),
}

struct Wish {
    email: Address,
    name: String,
    password: Option<String>,
}

/// Makes an account: `email`, `name`, and `password` where nothing is mailed.
pub async fn sign_up(api: &Api, visitor: &Visitor, body: Value) -> Result<SignedUp, ApiError> {
    let refused = |message: &str| Err(ApiError::new(Code::Forbidden, message));
    match api.accounts.sign_ups {
        SignUps::Closed => return refused("Nobody can sign up here. Ask whoever runs it for an account."),
        SignUps::Invite => return refused("Signing up takes an invitation: open the link that you were sent."),
        SignUps::Open => {}
    }
    let is_mailing = api.letters.is_mailing();
    let wish = wish(body, is_mailing)?;
    let now = api.clock.now();
    api.accounts.tries.count_sign_up(visitor.address, now)?;
    let id = UserId::from_bits(api.ids.next(now));
    let Wish { email, name, password } = wish;
    let new = |password_hash| NewUser { id, email: email.clone(), name, password_hash, is_admin: false, now };
    if let Some(password) = password {
        let hash = api.passwords.hash(password).await?;
        let made = api.store.create_user(new(Some(hash.clone()))).await?;
        let user = made.ok_or_else(|| ApiError::new(Code::Conflict, "There is an account with this address."))?;
        let shown = Shown::Password { hash: Some(hash), app: None };
        return begin(api, visitor, user, shown).await?.map(SignedUp::In).ok_or_else(sign_in::wrong);
    }
    let (word, kept) = new_word(now, LINK_LASTS);
    let link = api.accounts.link(passwords::PAGE, &word);
    let letter = |letter| api.letters.account(letter, email.clone(), now);
    let (welcome, known) =
        (letter(AccountLetter::Welcome { link: &link }), letter(AccountLetter::KnownAlready { link: &link }));
    api.store.sign_up(SignUp { user: new(None), word: kept, welcome, known }).await?;
    Ok(SignedUp::Mailed)
}

fn wish(body: Value, is_mailing: bool) -> Result<Wish, ApiError> {
    let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let about = [said("email"), said("name")];
    read::members(body, |fields| {
        let (email, name) = (read::email(fields), read::name(fields));
        let password = if !is_mailing {
            Some(read::password(fields, "password", &about.each_ref().map(String::as_str))?)
        } else if fields.take("password").is_some() {
            fields.problems.refuse("password", "Must be absent: the link that is mailed asks for it");
            None
        } else {
            None
        };
        Some(Wish { email: email?, name: name?, password })
    })
}
