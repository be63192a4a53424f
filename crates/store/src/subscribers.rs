//! Subscribers: who left an address at a bio page, and what became of it.
//!
//! A sign-up is one row for each page and mailbox, whichever block's form was sent and however often; a message is one row
//! for everything that was said. A form that is sent again changes nothing that anybody could see. With the row goes, in the
//! same transaction, the letter about it: the link that confirms an address, or the message for the page's owner.
//!
//! **What is mailed is bounded here**, as a form on the Internet is a way to make us write to strangers: a link goes to a
//! mailbox at most once in [`LINK_REST`] for each page and [`LINKS_A_DAY`] times a day for the whole installation, and a
//! page's owner gets at most [`MESSAGES_AN_HOUR`] messages by mail in an hour. The rows are written all the same, and whoever
//! is still there later may ask for another link.
//!
//! A subscriber goes with the page, and the letters about one go with the subscriber: the database sees to both. Who follows
//! a link from a letter has no key and names no owner; the link is the right.

use std::time::Duration;

use mask_core::{
    action::Action,
    cursor::Cursor,
    id::{self, BlockId, PageId, SubscriberId},
    mail::Address,
    recipient::Standing,
    subscriber::{Kind, Status, Subscriber},
    time::Time,
    workspace::Owner,
};
use sha2::{Digest, Sha256};

use crate::{
    By, Deed, Error, Listed, NewLetter, NewRecipient, Object, Store, WriteToRecipient,
    db::{Dialect, Row, Tx, Value, values},
    mail, recipients,
    turns::Turn,
    workspaces,
};

/// How long after a link another one may be mailed for the same page.
pub const LINK_REST: Duration = Duration::from_hours(1);
/// Most links that are mailed to one mailbox in a day.
pub const LINKS_A_DAY: i64 = 5;
/// Most messages of a page that are mailed to its owner in an hour.
pub const MESSAGES_AN_HOUR: i64 = 60;

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// What somebody sent with a page's form.
#[derive(Clone, Debug)]
pub struct NewSubscriber {
    /// The id, if they are new.
    pub id: SubscriberId,
    /// The page.
    pub page: PageId,
    /// The block.
    pub block: BlockId,
    /// What the form is for.
    pub kind: Kind,
    /// Their address.
    pub email: Address,
    /// Their name.
    pub name: Option<String>,
    /// Their message.
    pub message: Option<String>,
    /// Whether there is nothing to wait for.
    pub is_confirmed: bool,
    /// When they sent it.
    pub now: Time,
}

/// Writes the letter about a subscriber, once it is known who that is.
pub type WriteLetter = Box<dyn FnOnce(SubscriberId) -> NewLetter + Send>;

/// What is mailed about a form.
pub enum Post {
    /// The link with which its sender confirms an address.
    Link(WriteLetter),
    /// What was written, to an address that the page's owner named; only if that address wants it.
    Message(NewRecipient, WriteToRecipient),
}

/// Which subscribers a list has: those that meet every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriberFilter {
    /// Why they left their address.
    pub kind: Option<Kind>,
    /// How far it is.
    pub status: Option<Status>,
    /// Part of the address, in any case.
    pub search: Option<String>,
}

/// A subscriber, and the page that they left their address at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Who.
    pub subscriber: Subscriber,
    /// What the page is called.
    pub title: String,
    /// The host that it lives on.
    pub domain: String,
    /// The path that it lives at.
    pub slug: String,
}

const COLUMNS: &str = "id, page_id, block_id, kind, email, name, message, status, created_at, confirmed_at";

fn subscriber(row: Row) -> Result<Subscriber, Error> {
    let mut row = row.columns("subscribers");
    Ok(Subscriber {
        id: row.parsed("id", SubscriberId::parse)?,
        page: row.parsed("page_id", PageId::parse)?,
        block: row.parsed("block_id", BlockId::parse)?,
        kind: row.parsed("kind", Kind::parse)?,
        email: row.parsed("email", Address::parse)?,
        name: row.optional_text("name")?,
        message: row.optional_text("message")?,
        status: row.parsed("status", Status::parse)?,
        created_at: row.time("created_at")?,
        confirmed_at: row.optional_time("confirmed_at")?,
    })
}

/// Whether the owner has such a page, in a workspace that was not deleted; `lock` says whether it must stay until the transaction ends.
fn has_page(tx: &mut Tx<'_>, owner: Owner, page: PageId, lock: bool) -> Result<bool, Error> {
    let lock = if lock && tx.dialect() == Dialect::Postgres { " FOR KEY SHARE" } else { "" };
    let is_there = workspaces::is_there("owner");
    let sql = format!("SELECT 1 FROM bio_pages WHERE id = $1 AND owner = $2 AND {is_there}{lock}");
    Ok(tx.first(&sql, &values![page.to_string(), owner])?.is_some())
}

/// What makes two forms say the same: of sign-ups nothing but page and mailbox, of messages also what was said, and on which
/// day, as somebody may have the same to say again another time.
fn digest(new: &NewSubscriber) -> String {
    let Some(message) = new.message.as_ref().filter(|_| new.kind == Kind::Contact) else { return String::new() };
    let day = new.now.unix_seconds().div_euclid(86_400);
    let said = format!("{day}\0{}\0{message}", new.name.as_deref().unwrap_or_default());
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(said)[..16]);
    format!("{:032x}", u128::from_be_bytes(half))
}

pub(crate) fn ago(now: Time, span: Duration) -> Time {
    Time::from_unix_millis(now.unix_millis().saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}

/// What is known of who sends a form.
struct Known {
    id: SubscriberId,
    is_confirmed: bool,
    mailed_at: Option<Time>,
    is_new: bool,
}

/// Finds who sends a form, or writes them down.
fn find_or_insert(tx: &mut Tx<'_>, owner: Owner, new: &NewSubscriber) -> Result<Known, Error> {
    let digest = digest(new);
    let status = if new.is_confirmed { Status::Confirmed } else { Status::Pending };
    let sql = "INSERT INTO subscribers (id, owner, page_id, block_id, kind, email, email_key, digest, name, message, status, \
               created_at, confirmed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
               ON CONFLICT (page_id, email_key, kind, digest) DO NOTHING";
    let inserted = tx.execute(
        sql,
        &values![
            new.id.to_string(),
            owner,
            new.page.to_string(),
            new.block.to_string(),
            new.kind.as_str(),
            new.email.as_str(),
            new.email.key(),
            &digest,
            new.name.as_ref(),
            new.message.as_ref(),
            status.as_str(),
            new.now,
            new.is_confirmed.then_some(new.now),
        ],
    )?;
    if inserted == 1 {
        return Ok(Known { id: new.id, is_confirmed: new.is_confirmed, mailed_at: None, is_new: true });
    }
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT id, status, mailed_at FROM subscribers \
         WHERE page_id = $1 AND email_key = $2 AND kind = $3 AND digest = $4{lock}"
    );
    let row = tx.first(&sql, &values![new.page.to_string(), new.email.key(), new.kind.as_str(), digest])?;
    // Whoever was there went away in this very moment.
    let Some(row) = row else { return Err(Error::Unavailable("a subscriber left while they came".to_owned())) };
    let mut row = row.columns("subscribers");
    Ok(Known {
        id: row.parsed("id", SubscriberId::parse)?,
        is_confirmed: row.parsed("status", Status::parse)? == Status::Confirmed,
        mailed_at: row.optional_time("mailed_at")?,
        is_new: false,
    })
}

/// Whether a letter may be sent about who sent this form, now.
fn may_mail(tx: &mut Tx<'_>, new: &NewSubscriber, known: &Known) -> Result<bool, Error> {
    match new.kind {
        Kind::Signup if known.is_confirmed => Ok(false),
        Kind::Signup if known.mailed_at.is_some_and(|last| last > ago(new.now, LINK_REST)) => Ok(false),
        Kind::Signup => {
            Turn::Mailbox(&new.email.key()).take(tx)?;
            let sql =
                "SELECT count(*) FROM subscribers WHERE email_key = $1 AND mailed_at IS NOT NULL AND mailed_at > $2";
            count(tx, sql, &values![new.email.key(), ago(new.now, DAY)]).map(|links| links < LINKS_A_DAY)
        }
        Kind::Contact if !known.is_new => Ok(false),
        Kind::Contact => {
            Turn::Messages(&new.page.to_string()).take(tx)?;
            let first = SubscriberId::from_bits(id::at(ago(new.now, HOUR), 0));
            let sql = "SELECT count(*) FROM subscribers WHERE page_id = $1 AND id >= $2 AND kind = $3";
            let all = values![new.page.to_string(), first.to_string(), Kind::Contact.as_str()];
            count(tx, sql, &all).map(|messages| messages <= MESSAGES_AN_HOUR)
        }
    }
}

fn count(tx: &mut Tx<'_>, sql: &str, values: &[Value]) -> Result<i64, Error> {
    tx.first(sql, values)?.map_or(Ok(0), |row| row.columns("subscribers").integer("count"))
}

/// Whether there is such a page.
fn subscribe(tx: &mut Tx<'_>, owner: Owner, new: &NewSubscriber, post: Option<Post>) -> Result<bool, Error> {
    if !has_page(tx, owner, new.page, true)? {
        return Ok(false);
    }
    let known = find_or_insert(tx, owner, new)?;
    if new.is_confirmed && !known.is_confirmed {
        confirm(tx, known.id, new.now)?;
    }
    let Some(post) = post else { return Ok(true) };
    if !may_mail(tx, new, &known)? {
        return Ok(true);
    }
    match post {
        Post::Link(letter) => {
            mail::post(tx, &letter(known.id), Some(known.id))?;
            let sql = "UPDATE subscribers SET mailed_at = $2 WHERE id = $1";
            tx.execute(sql, &values![known.id.to_string(), new.now])?;
        }
        Post::Message(to, letter) => {
            let to = recipients::meet(tx, owner, to)?;
            if to.standing == Standing::Welcoming {
                mail::post(tx, &letter(to.id), Some(known.id))?;
            }
        }
    }
    Ok(true)
}

fn confirm(tx: &mut Tx<'_>, id: SubscriberId, now: Time) -> Result<(), Error> {
    let sql = "UPDATE subscribers SET status = $2, confirmed_at = $3 WHERE id = $1 AND status <> $2";
    tx.execute(sql, &values![id.to_string(), Status::Confirmed.as_str(), now]).map(drop)
}

fn find(tx: &mut Tx<'_>, id: SubscriberId) -> Result<Option<Subscription>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM subscribers WHERE id = $1");
    let Some(subscriber) = tx.first(&sql, &values![id.to_string()])?.map(subscriber).transpose()? else {
        return Ok(None);
    };
    let sql = "SELECT title, domain, slug FROM bio_pages WHERE id = $1";
    let Some(row) = tx.first(sql, &values![subscriber.page.to_string()])? else { return Ok(None) };
    let mut row = row.columns("bio_pages");
    let (title, domain, slug) = (row.text("title")?, row.text("domain")?, row.text("slug")?);
    Ok(Some(Subscription { subscriber, title, domain, slug }))
}

fn list(
    tx: &mut Tx<'_>,
    page: PageId,
    filter: &SubscriberFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Listed<Subscriber>, Error> {
    let mut all: Vec<Value> = values![page.to_string(), i64::try_from(limit + 1).unwrap_or(i64::MAX)].into();
    let mut wanted = String::from("page_id = $1");
    let pattern = filter.search.as_ref().map(|text| {
        let text = text.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{text}%")
    });
    let conditions = [
        ("kind =", filter.kind.map(|kind| Value::from(kind.as_str())), ""),
        ("status =", filter.status.map(|status| Value::from(status.as_str())), ""),
        ("email_key LIKE", pattern.map(Value::from), " ESCAPE '\\'"),
        ("id <", after.map(|cursor| Value::from(cursor.id)), ""),
    ];
    for (condition, value, end) in conditions {
        if let Some(value) = value {
            all.push(value);
            wanted.push_str(&format!(" AND {condition} ${}{end}", all.len()));
        }
    }
    let sql = format!("SELECT {COLUMNS} FROM subscribers WHERE {wanted} ORDER BY id DESC LIMIT $2");
    let rows = tx.query(&sql, &all)?.into_iter().map(subscriber).collect::<Result<Vec<_>, _>>()?;
    Ok(Listed::of(rows, limit, |subscriber| subscriber.id.to_string()))
}

impl Store {
    /// Writes down what somebody sent with a page's form, and what is mailed about it, as far as that may be now; `false` when
    /// the owner has no such page.
    pub async fn subscribe(&self, owner: Owner, new: NewSubscriber, post: Option<Post>) -> Result<bool, Error> {
        let done = self.main.write(move |tx| subscribe(tx, owner, &new, post)).await?;
        self.posted.send_replace(());
        Ok(done)
    }

    /// Who a link from a letter is about, if they are still there.
    pub async fn subscription(&self, id: SubscriberId) -> Result<Option<Subscription>, Error> {
        self.main.read(move |tx| find(tx, id)).await
    }

    /// Notes that an address was shown to be its subscriber's, who is answered; `None` when they are not there any more, or the
    /// workspace of their page was deleted.
    pub async fn confirm_subscriber(&self, id: SubscriberId, now: Time) -> Result<Option<Subscription>, Error> {
        self.main
            .write(move |tx| {
                let sql = format!("SELECT 1 FROM subscribers WHERE id = $1 AND {}", workspaces::is_there("owner"));
                if tx.first(&sql, &values![id.to_string()])?.is_none() {
                    return Ok(None);
                }
                confirm(tx, id, now)?;
                find(tx, id)
            })
            .await
    }

    /// Deletes a subscriber who asks for it by a link from a letter, and the letters about them; says whether they were there.
    pub async fn unsubscribe(&self, id: SubscriberId) -> Result<bool, Error> {
        let delete = "DELETE FROM subscribers WHERE id = $1";
        self.main.write(move |tx| Ok(tx.execute(delete, &values![id.to_string()])? == 1)).await
    }

    /// A page of a bio page's subscribers, newest first; `None` when there is no such bio page.
    pub async fn list_subscribers(
        &self,
        owner: Owner,
        page: PageId,
        filter: SubscriberFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Option<Listed<Subscriber>>, Error> {
        self.main
            .scan(move |tx| {
                if !has_page(tx, owner, page, false)? {
                    return Ok(None);
                }
                list(tx, page, &filter, after, limit).map(Some)
            })
            .await
    }

    /// Deletes a subscriber of a page, and the letters about them; says whether they were there.
    pub async fn delete_subscriber(
        &self,
        by: impl Into<By>,
        page: PageId,
        id: SubscriberId,
        now: Time,
    ) -> Result<bool, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let sql =
                format!("DELETE FROM subscribers WHERE id = $1 AND page_id = $2 AND owner = $3 RETURNING {COLUMNS}");
            let row = tx.first(&sql, &values![id.to_string(), page.to_string(), by.owner])?;
            let Some(gone) = row.map(subscriber).transpose()? else { return Ok(false) };
            telling.note(&by, now, Action::SubscriberDeleted, Deed::deleted(Object::Subscriber(&gone)));
            Ok(true)
        })
        .await
    }

    /// Forgets who signed up before this moment and never confirmed it, at most `limit`; says how many.
    pub async fn forget_unconfirmed(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM subscribers WHERE id IN (SELECT id FROM subscribers WHERE status = 'pending' \
                           AND created_at < $1 AND (mailed_at IS NULL OR mailed_at < $1) ORDER BY created_at LIMIT $2)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}
