//! The authenticator app: setting it up, taking its codes and recovery codes, and doing without it again.

use mask_core::{
    id::UserId,
    person::User,
    qr::Look,
    totp::{self, RECOVERY_CODES, SECRET_BYTES},
};
use mask_picture::qr::{self, Drawing};
use mask_store::{Account, Asker};
use ring::hmac;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Visitor, outdated, read, sign_in};
use crate::{
    api::{
        Api,
        error::{ApiError, Code},
        fields::text,
        session::Person,
    },
    clock,
};

/// Pixels of the code that an app reads.
const PICTURE_SIZE: u16 = 256;

/// An app that is being set up.
#[derive(Debug)]
pub struct Begun {
    /// The secret, for whoever types it.
    pub secret: String,
    /// What the code says.
    pub uri: String,
    /// The code, as SVG.
    pub picture: String,
}

/// What a secret is sealed about.
fn about(user: UserId) -> String {
    format!("totp {user}")
}

fn mac(secret: &[u8], message: &[u8]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mut mac = [0; 20];
    mac.copy_from_slice(hmac::sign(&key, message).as_ref());
    mac
}

/// The half minute whose code this is, of the app whose secret is sealed here.
fn step_of(api: &Api, user: UserId, sealed: &[u8], typed: u32) -> Result<Option<i64>, ApiError> {
    let secret = api.vault.open_about(&about(user), sealed).map_err(|error| {
        tracing::error!(%error, %user, "the secret of an authenticator app cannot be opened");
        ApiError::internal()
    })?;
    Ok(totp::step_of(typed, api.clock.now(), |message| mac(&secret, message)))
}

fn hash(user: UserId, letters: &str) -> [u8; 32] {
    Sha256::digest(format!("{user} {letters}")).into()
}

fn codes(user: UserId) -> (Vec<String>, Vec<[u8; 32]>) {
    let made = (0..RECOVERY_CODES).map(|_| {
        let mut chance = [0; 16];
        chance.copy_from_slice(&clock::secret()[..16]);
        let code = totp::recovery_code(chance);
        let hash = hash(user, &code.replace('-', ""));
        (code, hash)
    });
    made.unzip()
}

/// Takes a code of somebody who signs in: six digits of the app, or one of the recovery codes; each once.
pub(super) async fn take(api: &Api, visitor: &Visitor, account: &Account, typed: &str) -> Result<(), ApiError> {
    let user = account.user.id;
    api.accounts.tries.count_code(visitor, user, api.clock.now())?;
    let is_good = match (&account.factor, totp::parse_code(typed), totp::parse_recovery_code(typed)) {
        (Some(factor), Ok(digits), _) => match step_of(api, user, &factor.sealed, digits)? {
            Some(step) => api.store.use_totp(user, step).await?,
            None => false,
        },
        (_, _, Ok(letters)) => {
            let who = visitor.oneself(api, user);
            api.store.use_recovery_code(who, hash(user, &letters), api.clock.now()).await?
        }
        _ => false,
    };
    if is_good { Ok(()) } else { Err(ApiError::unauthorized("The code is wrong, or it was used already.")) }
}

fn password(body: Value) -> Result<Option<String>, ApiError> {
    read::members(body, |fields| Some(fields.optional("password", read::typed)))
}

async fn confirmed(api: &Api, visitor: &Visitor, me: &Person, body: Value) -> Result<Asker, ApiError> {
    let account = sign_in::account(api, &me.user).await?;
    sign_in::confirm(api, visitor, &account, "password", password(body)?).await?;
    Ok(visitor.asker(api, &account, me.session))
}

/// Begins to set an app up: `password`. It is asked for nothing until a code of it was typed.
pub async fn begin(api: &Api, visitor: &Visitor, me: &Person, body: Value) -> Result<Begun, ApiError> {
    let asker = confirmed(api, visitor, me, body).await?;
    let user = &me.user;
    let mut secret = [0; SECRET_BYTES];
    secret.copy_from_slice(&clock::secret()[..SECRET_BYTES]);
    let sealed = api.vault.seal_about(&about(user.id), &secret);
    if !api.store.begin_totp(asker, sealed, api.clock.now()).await?.map_err(outdated)? {
        return Err(ApiError::new(Code::Conflict, "An app is set up already. Turn it off first."));
    }
    shown(api, user, &secret)
}

fn shown(api: &Api, user: &User, secret: &[u8]) -> Result<Begun, ApiError> {
    let host = api.accounts.public_url.split_once("://").map_or("", |(_, host)| host);
    let uri = totp::uri(&format!("Mask {host}"), user.email.as_str(), secret);
    let look = Look::default();
    let picture = qr::svg(&Drawing { content: &uri, look: &look, logo: None }, PICTURE_SIZE).map_err(|error| {
        tracing::error!(%error, "the code of an authenticator app cannot be drawn");
        ApiError::internal()
    })?;
    Ok(Begun { secret: totp::base32(secret), uri, picture })
}

/// Puts the app to use: `code`. Answers the recovery codes, which are shown this once.
pub async fn confirm(api: &Api, visitor: &Visitor, me: &Person, body: Value) -> Result<Vec<String>, ApiError> {
    let user = &me.user;
    let account = sign_in::account(api, user).await?;
    let asker = visitor.asker(api, &account, me.session);
    let typed = read::members(body, |fields| fields.required("code", text(totp::parse_code)))?;
    api.accounts.tries.count_code(visitor, user.id, api.clock.now())?;
    let none = || ApiError::new(Code::Conflict, "No app is being set up.");
    let factor = account.factor.filter(|factor| !factor.is_confirmed).ok_or_else(none)?;
    let Some(step) = step_of(api, user.id, &factor.sealed, typed)? else {
        return Err(ApiError::invalid("code", "Must be the six digits that your app shows now"));
    };
    let (shown, hashes) = codes(user.id);
    if !api.store.confirm_totp(asker, factor.sealed, step, hashes, api.clock.now()).await?.map_err(outdated)? {
        return Err(none());
    }
    Ok(shown)
}

/// Turns the app off: `password`.
pub async fn end(api: &Api, visitor: &Visitor, me: &Person, body: Value) -> Result<(), ApiError> {
    let asker = confirmed(api, visitor, me, body).await?;
    api.store.end_totp(asker, api.clock.now()).await?.map(drop).map_err(outdated)
}

/// Other recovery codes in place of those before: `password`.
pub async fn recovery_codes(api: &Api, visitor: &Visitor, me: &Person, body: Value) -> Result<Vec<String>, ApiError> {
    let asker = confirmed(api, visitor, me, body).await?;
    let (shown, hashes) = codes(me.user.id);
    if !api.store.replace_recovery_codes(asker, hashes, api.clock.now()).await?.map_err(outdated)? {
        return Err(ApiError::new(Code::Conflict, "No app is set up."));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        // Eight digits there, of which six are ours.
        for (seconds, expected) in
            [(59_i64, 287_082), (1_111_111_109, 81_804), (1_234_567_890, 5_924), (20_000_000_000, 353_130)]
        {
            let message = seconds.div_euclid(30).to_be_bytes();
            assert_eq!(totp::code(&mac(b"12345678901234567890", &message)), expected);
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_found_by_their_hash() {
        let user = UserId::from_bits(1);
        let (shown, hashes) = codes(user);
        let once: std::collections::HashSet<_> = hashes.iter().collect();
        assert_eq!((shown.len(), once.len()), (RECOVERY_CODES, RECOVERY_CODES));
        let typed = totp::parse_recovery_code(&shown[3].to_uppercase()).expect("a code");
        assert_eq!(hash(user, &typed), hashes[3]);
        assert_ne!(hash(UserId::from_bits(2), &typed), hashes[3], "it is nobody else's");
    }
}
