//! Recipients: where messages of bio pages are mailed to, once whoever reads there has agreed.
//!
//! A message is one row of its page whatever becomes of the letter about it (`subscribers.rs`). In the same transaction it is
//! told here to whom it would be mailed: who has agreed gets it, who has said nothing yet is asked, as far as one may ask
//! ([`MOST_ASKS`], [`ASK_REST`]), and who has refused hears nothing.

use mask_core::{
    id::RecipientId,
    mail::Address,
    recipient::{ASK_REST, MOST_ASKS, Recipient, Standing},
    time::Time,
    workspace::Owner,
};

use crate::{
    Error, NewLetter, Store,
    db::{Columns, Dialect, Row, Tx, values},
    mail, subscribers,
};

/// Writes a letter to a recipient, once it is known who that is.
pub type WriteToRecipient = Box<dyn FnOnce(RecipientId) -> NewLetter + Send>;

/// An address that somebody named.
pub struct NewRecipient {
    /// Its id, if it is new.
    pub id: RecipientId,
    /// The address.
    pub email: Address,
    /// The letter that asks it.
    pub ask: WriteToRecipient,
    /// When it was named.
    pub now: Time,
}

impl std::fmt::Debug for NewRecipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewRecipient({})", self.id)
    }
}

const COLUMNS: &str = "id, email, standing";

fn read(row: &mut Columns) -> Result<Recipient, Error> {
    Ok(Recipient {
        id: row.parsed("id", RecipientId::parse)?,
        email: row.parsed("email", Address::parse)?,
        standing: row.parsed("standing", Standing::parse)?,
    })
}

fn recipient(row: Row) -> Result<Recipient, Error> {
    read(&mut row.columns("recipients"))
}

/// Finds an address of the workspace, or writes it down, and asks it if it may be asked now. Nobody else asks it until the
/// transaction ends.
pub(crate) fn meet(tx: &mut Tx<'_>, owner: Owner, new: NewRecipient) -> Result<Recipient, Error> {
    let NewRecipient { id, email, ask, now } = new;
    let sql = "INSERT INTO recipients (id, workspace, email, email_key, standing, asks, created_at) \
               VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (workspace, email_key) DO NOTHING";
    let standing = Standing::Asked.as_str();
    tx.execute(sql, &values![id.to_string(), owner.workspace, email.as_str(), email.key(), standing, now])?;
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS}, asks, asked_at FROM recipients WHERE workspace = $1 AND email_key = $2{lock}");
    let Some(row) = tx.first(&sql, &values![owner.workspace, email.key()])? else {
        return Err(Error::Defect("a recipient vanished in their own transaction".to_owned()));
    };
    let mut row = row.columns("recipients");
    let known = read(&mut row)?;
    let (asks, asked_at) = (row.integer("asks")?, row.optional_time("asked_at")?);
    let is_rested = asked_at.is_none_or(|last| last <= subscribers::ago(now, ASK_REST));
    if known.standing == Standing::Asked && asks < MOST_ASKS && is_rested {
        mail::post(tx, &ask(known.id), None)?;
        let sql = "UPDATE recipients SET asks = asks + 1, asked_at = $2 WHERE id = $1";
        tx.execute(sql, &values![known.id.to_string(), now])?;
    }
    Ok(known)
}

impl Store {
    /// Notes that messages of the owner's pages are to be mailed to an address, and asks it unless it was asked.
    pub async fn ask_recipient(&self, owner: Owner, new: NewRecipient) -> Result<Recipient, Error> {
        let met = self.main.write(move |tx| meet(tx, owner, new)).await?;
        self.posted.send_replace(());
        Ok(met)
    }

    /// Who a link from a letter is about.
    pub async fn recipient(&self, id: RecipientId) -> Result<Option<Recipient>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM recipients WHERE id = $1");
        self.main.read(move |tx| tx.first(&sql, &values![id.to_string()])?.map(recipient).transpose()).await
    }

    /// Notes what whoever reads at an address wants; `None` when nobody is known by this id.
    pub async fn settle_recipient(&self, id: RecipientId, standing: Standing) -> Result<Option<Recipient>, Error> {
        let sql = format!("UPDATE recipients SET standing = $2 WHERE id = $1 RETURNING {COLUMNS}");
        let all = values![id.to_string(), standing.as_str()];
        self.main.write(move |tx| tx.first(&sql, &all)?.map(recipient).transpose()).await
    }
}
