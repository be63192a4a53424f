//! Words in links: each opens one thing, once, for whoever has the link.
//!
//! Kept is the hash of a word, what it is for, whose it is and until when. Using it deletes it, in the transaction of what
//! it does, so of two who use it at once one finds nothing. What goes with a word is deleted too: a new password ends every
//! other link with which one could be set.
//!
//! A letter with a word is posted in the same step. How many go to one person a day is bounded here, as whoever asks for
//! them need not be who gets them; what is beyond is dropped in silence, as every answer here is the same whether or not
//! there is such a person.
//!
//! Rejected: signed links without a row, as for subscribers: they cannot be used up.

use mask_core::{
    activity::Activity,
    id::UserId,
    mail::Address,
    person::{User, WordHash},
    time::Time,
};

use crate::{
    Asker, Error, NewLetter, NewUser, Outdated, Store, Whence,
    accounts::{has_users, write_password},
    activity,
    db::{Tx, values},
    mail::post,
    people::{USER, WRITTEN_USER, insert_user, user},
    shown::{hold, still},
    turns::Turn,
};

/// Most letters with a link that go to one person within a day.
const LETTERS_A_DAY: i64 = 10;
const DAY: std::time::Duration = std::time::Duration::from_hours(24);
/// How long the word of a set-up link is kept that nobody used.
const SET_UP_IS_KEPT: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// What a word is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordPurpose {
    /// To choose a password.
    Password,
    /// To show that an address is one's own, and have it.
    Email,
}

impl WordPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Email => "email",
        }
    }
}

const SET_UP: &str = "set-up";

/// A word to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewWord {
    /// What is kept of it.
    pub hash: WordHash,
    /// The time of its making.
    pub now: Time,
    /// Until when it opens something.
    pub until: Time,
}

/// Somebody who signs up, and the letter that they get: one, or the other where they have an account already.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Who.
    pub user: NewUser,
    /// The word in the letter, with which a password is chosen.
    pub word: NewWord,
    /// For somebody new.
    pub welcome: NewLetter,
    /// For somebody who has an account.
    pub known: NewLetter,
}

/// What became of a change of address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readdressed {
    /// They have it now.
    Done(User),
    /// Somebody else has it.
    Taken,
    /// The word opens nothing.
    Unknown,
}

/// Writes the letter to whoever had an address: to it, when it has been changed to the other.
pub type WriteNotice = Box<dyn FnOnce(Address, &Address) -> NewLetter + Send>;

/// Ends every word of somebody.
pub(crate) fn end(tx: &mut Tx<'_>, user: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM words WHERE user_number = $1", &values![user]).map(drop)
}

pub(crate) fn is_set_up(tx: &mut Tx<'_>, hash: WordHash) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM words WHERE hash = $1 AND purpose = $2";
    Ok(tx.first(sql, &values![&hash.0[..], SET_UP])?.is_some())
}

pub(crate) fn end_set_up(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.execute("DELETE FROM words WHERE purpose = $1", &values![SET_UP]).map(drop)
}

fn insert(
    tx: &mut Tx<'_>,
    word: NewWord,
    purpose: &str,
    user: Option<i64>,
    email: Option<&Address>,
) -> Result<(), Error> {
    let sql = "INSERT INTO words (hash, purpose, user_number, email, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let all = values![&word.hash.0[..], purpose, user, email.map(Address::as_str), word.now, word.until];
    tx.execute(sql, &all).map(drop)
}

/// Somebody who may sign in and may get a letter more today.
fn addressee(tx: &mut Tx<'_>, id: UserId, is_mailed: bool, now: Time) -> Result<Option<i64>, Error> {
    if is_mailed {
        Turn::Letters(&id.to_string()).take(tx)?;
    }
    let sql = "SELECT u.number, (SELECT count(*) FROM words w WHERE w.user_number = u.number AND w.created_at > $2) \
               AS words FROM users u WHERE u.id = $1 AND u.disabled_at IS NULL";
    let a_day_ago = now.before(DAY);
    let Some(row) = tx.first(sql, &values![id, a_day_ago])? else { return Ok(None) };
    let mut row = row.columns("users");
    let number = row.integer("number")?;
    let is_enough = is_mailed && row.integer("words")? >= LETTERS_A_DAY;
    Ok((!is_enough).then_some(number))
}

/// Whose a word is, and the address that it is about.
fn read(
    tx: &mut Tx<'_>,
    hash: WordHash,
    purpose: WordPurpose,
    now: Time,
) -> Result<Option<(i64, User, Option<Address>)>, Error> {
    let sql = format!(
        "SELECT {USER}, u.number, w.email AS new_email FROM words w JOIN users u ON u.number = w.user_number \
         WHERE w.hash = $1 AND w.purpose = $2 AND w.expires_at > $3 AND u.disabled_at IS NULL"
    );
    let Some(row) = tx.first(&sql, &values![&hash.0[..], purpose.as_str(), now])? else { return Ok(None) };
    let mut row = row.columns("words");
    let user = user(&mut row)?;
    let number = row.integer("number")?;
    let email = row.optional_parsed("new_email", Address::parse)?;
    Ok(Some((number, user, email)))
}

/// Whose a word is that is used up by this: of two who come at once, one gets it.
fn take(
    tx: &mut Tx<'_>,
    hash: WordHash,
    purpose: WordPurpose,
    now: Time,
) -> Result<Option<(i64, User, Option<Address>)>, Error> {
    let Some(found) = read(tx, hash, purpose, now)? else { return Ok(None) };
    // Whatever ends the word meanwhile is waited for.
    hold(tx, found.1.id)?;
    let was_there = tx.execute("DELETE FROM words WHERE hash = $1", &values![&hash.0[..]])? == 1;
    Ok(was_there.then_some(found))
}

/// Keeps a word of somebody's and posts the letter that brings it; `false` when there is nobody who may sign in, or they have
/// had enough letters.
fn create(
    tx: &mut Tx<'_>,
    id: UserId,
    word: NewWord,
    purpose: WordPurpose,
    email: Option<&Address>,
    letter: Option<&NewLetter>,
) -> Result<bool, Error> {
    let Some(number) = addressee(tx, id, letter.is_some(), word.now)? else { return Ok(false) };
    insert(tx, word, purpose.as_str(), Some(number), email)?;
    letter.map_or(Ok(()), |letter| post(tx, letter, None))?;
    Ok(true)
}

impl Store {
    /// Keeps the word of a new set-up link; `false` when there is an account already, and nothing to set up.
    pub async fn create_setup_word(&self, hash: WordHash, now: Time) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                if has_users(tx)? {
                    return Ok(false);
                }
                let old = now.before(SET_UP_IS_KEPT);
                tx.execute("DELETE FROM words WHERE purpose = $1 AND created_at < $2", &values![SET_UP, old])?;
                let until = Time::from_unix_millis(i64::MAX);
                insert(tx, NewWord { hash, now, until }, SET_UP, None, None).map(|()| true)
            })
            .await
    }

    /// Whether this is the word of a set-up link, and there is something to set up.
    pub async fn is_setup_word(&self, hash: WordHash) -> Result<bool, Error> {
        self.main.read(move |tx| Ok(!has_users(tx)? && is_set_up(tx, hash)?)).await
    }

    /// Keeps a word with which somebody chooses a password, and posts the letter about it, if that is how they get it.
    /// `false` when there is nobody who may sign in, or they have had enough letters.
    pub async fn create_password_word(
        &self,
        id: UserId,
        word: NewWord,
        letter: Option<NewLetter>,
    ) -> Result<bool, Error> {
        let made =
            self.main.write(move |tx| create(tx, id, word, WordPurpose::Password, None, letter.as_ref())).await?;
        self.posted.send_replace(());
        Ok(made)
    }

    /// Keeps a word with which somebody gets another address, and posts the letter about it to that; `false` as above.
    pub async fn create_email_word(
        &self,
        asker: Asker,
        email: Address,
        word: NewWord,
        letter: Option<NewLetter>,
    ) -> Result<Result<bool, Outdated>, Error> {
        let made = self
            .main
            .write(move |tx| {
                if still(tx, &asker)?.is_none() {
                    return Ok(Err(Outdated));
                }
                create(tx, asker.user(), word, WordPurpose::Email, Some(&email), letter.as_ref()).map(Ok)
            })
            .await?;
        self.posted.send_replace(());
        Ok(made)
    }

    /// Makes an account without a password, or finds the one that is there, and posts the letter with the word with which a
    /// password is chosen. Nothing tells which of the two it was.
    pub async fn sign_up(&self, new: SignUp) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                let SignUp { user, word, welcome, known } = new;
                let (id, letter) = match insert_user(tx, &user)? {
                    Some(made) => (Some(made.id), welcome),
                    None => (id_of(tx, &user.email)?, known),
                };
                let Some(id) = id else { return Ok(()) };
                let Some(number) = addressee(tx, id, true, word.now)? else { return Ok(()) };
                insert(tx, word, WordPurpose::Password.as_str(), Some(number), None)?;
                post(tx, &letter, None)
            })
            .await?;
        self.posted.send_replace(());
        Ok(())
    }

    /// Whose a word is, and the address that it is about; it stays as it is.
    pub async fn word(
        &self,
        hash: WordHash,
        purpose: WordPurpose,
        now: Time,
    ) -> Result<Option<(User, Option<Address>)>, Error> {
        let read = self.main.read(move |tx| read(tx, hash, purpose, now)).await?;
        Ok(read.map(|(_, user, email)| (user, email)))
    }

    /// Uses up a word to set a password; all sessions end, and all other words. `None` when it opens nothing.
    pub async fn reset_password(
        &self,
        hash: WordHash,
        password_hash: String,
        whence: Whence,
        now: Time,
    ) -> Result<Option<User>, Error> {
        self.main
            .write(move |tx| {
                let Some((number, user, _)) = take(tx, hash, WordPurpose::Password, now)? else { return Ok(None) };
                write_password(tx, number, &password_hash, None, now)?;
                activity::note(tx, number, &whence, now, Activity::PasswordReset, None)?;
                Ok(Some(user))
            })
            .await
    }

    /// Uses up a word to give somebody the address that it is about, and posts the notice to the one that they had.
    pub async fn change_email(
        &self,
        hash: WordHash,
        whence: Whence,
        now: Time,
        notice: Option<WriteNotice>,
    ) -> Result<Readdressed, Error> {
        let done = self
            .main
            .write(move |tx| {
                let Some((number, before, Some(email))) = take(tx, hash, WordPurpose::Email, now)? else {
                    return Ok(Readdressed::Unknown);
                };
                if id_of(tx, &email)?.is_some_and(|id| id != before.id) {
                    return Ok(Readdressed::Taken);
                }
                let sql = format!(
                    "UPDATE users SET email = $2, email_key = $3, version = version + 1, updated_at = $4 \
                     WHERE number = $1 RETURNING {WRITTEN_USER}"
                );
                let all = values![number, email.as_str(), email.key(), now];
                // Somebody may get it at this very moment.
                let written = tx.attempt(|tx| tx.first(&sql, &all))?;
                let Some(row) = written else { return Ok(Readdressed::Taken) };
                let Some(row) = row else { return Ok(Readdressed::Unknown) };
                let user = user(&mut row.columns("users"))?;
                // What was sent to the address before is for whoever reads that.
                end(tx, number)?;
                activity::note(tx, number, &whence, now, Activity::EmailChanged, None)?;
                notice.map_or(Ok(()), |notice| post(tx, &notice(before.email, &user.email), None))?;
                Ok(Readdressed::Done(user))
            })
            .await?;
        self.posted.send_replace(());
        Ok(done)
    }

    /// Forgets words that ended before this moment, at most `limit`; says how many.
    pub async fn forget_words(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM words WHERE hash IN \
                           (SELECT hash FROM words WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}

fn id_of(tx: &mut Tx<'_>, email: &Address) -> Result<Option<UserId>, Error> {
    let row = tx.first("SELECT id FROM users WHERE email_key = $1", &values![email.key()])?;
    row.map(|row| row.columns("users").parsed("id", UserId::parse)).transpose()
}
