//! Where things are: the only crate with SQL.
//!
//! A store method is one whole business step in one transaction: the link, its tags, the kept reply, or nothing. No
//! transaction leaves this crate, and none is open while anybody waits for another machine. Every query names its
//! [`Owner`](mask_core::workspace::Owner), except the redirect's and the workers'. Each query is written once and runs
//! on SQLite and on PostgreSQL; the contract suite in `tests/contract` runs every method on both.
//!
//! Two databases stand behind one [`Store`]: the main one, and the one of recorded clicks. On SQLite they are two
//! files, so that statistics never wait for links nor links for statistics; on PostgreSQL they are one. As no
//! transaction spans two SQLite files safely, each of them keeps its own position in the click journal.

mod accounts;
mod activity;
mod addresses;
mod audit;
mod bio_pages;
mod certificates;
mod clicks;
mod db;
mod domains;
mod factors;
mod identities;
mod inspect;
mod invitation_letters;
mod invitations;
mod keys;
mod links;
mod mail;
mod members;
mod people;
mod qr_codes;
mod recipients;
mod removal;
mod replies;
mod requests;
mod row_id;
mod salts;
mod sessions;
mod shown;
mod slugs;
mod subscribers;
mod tags;
mod turns;
mod usage;
mod webhooks;
mod words;
mod workspaces;

pub use accounts::{Account, FirstUser};
pub use activity::{LoggedActivity, Oneself, Whence};
pub use addresses::{Changed, ChangedOne, Seen};
pub use audit::{ChangeFilter, Deed, LoggedChange, Object, ShownChange};
pub use bio_pages::{
    ChangedPage, NewBioPage, PageChange, PageFilter, PageOfPages, PageSummary, PlacedPage, PublishedPage, Unpaged,
};
pub use certificates::{
    Budget, CertificateChanges, CertificateFate, CertificateStandings, Challenge, ChangedCertificate,
    ClaimedCertificate,
};
pub use clicks::{Batch, Fact, FeedFilter, FeedGap, FeedPage, FeedPlace, FeedVisit, Marks, Position, Visit};
pub use db::{Error, Place};
pub use domains::{Begun, NewDomain, Served, Unheld};
pub use factors::Factor;
pub use identities::{NewIdentity, Unidentified};
pub use inspect::{Inspection, PartVersion, inspect};
pub use invitations::{NewInvitation, Opened, Uninvited};
pub use keys::{NewKey, NewSecret, Unkeyed};
pub use links::{
    Address, Expected, Filter, Found, Listed, NewLink, Order, Page, Placed, Removed, Slugs, Sort, Unplaced, Upserted,
};
pub use mail::{ClaimedLetter, LetterFate, NewLetter, Outgoing};
pub use members::Unmembered;
pub use people::{NewMember, NewSession, NewUser};
pub use qr_codes::{NewQrCode, PlacedCode, Uncoded};
pub use recipients::{NewRecipient, WriteToRecipient};
pub use replies::{Keep, Kept, Once};
pub use requests::Made;
pub use salts::VisitorSalts;
pub use shown::{Asker, Outdated, Shown};
pub use subscribers::{
    LINK_REST, LINKS_A_DAY, MESSAGES_AN_HOUR, NewSubscriber, Post, SubscriberFilter, Subscription, WriteLetter,
};
pub use tags::CountedTag;
pub use usage::{UsageCount, UsageFilter, UsageGroup, UsageKey, UsageOf, hour_begins, hour_of};
pub use webhooks::{
    Attempt, By, Claimed, Delivery, DeliveryFilter, Endpoint, Event, Happening, LoggedAttempt, NewWebhook, PageSubject,
    Settled, State, Subject, SwitchedOff, Tell, TestEvent, Unsubscribed, Wanted, WriteSwitchedOff,
};
pub use words::{NewWord, Readdressed, SignUp, WordPurpose, WriteNotice};
pub use workspaces::{NewWorkspace, Undeleted, Unfounded};

use std::{path::Path, sync::Arc, time::Duration};

use db::Db;

/// Where the databases are.
#[derive(Clone, Debug)]
pub enum Location<'a> {
    /// Two files in this folder.
    Sqlite(&'a Path),
    /// A PostgreSQL database at this `postgres://` URL.
    Postgres(&'a str),
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Where the databases are.
    pub location: Location<'a>,
    /// Connections to PostgreSQL, or reading threads on SQLite (there is always one writer).
    pub pool_size: usize,
    /// How long a caller waits for a database before it is told that it is unavailable.
    pub timeout: Duration,
}

/// What is held of recorded clicks where nobody says how much.
const HELD_BYTES: u64 = 128 << 20;

/// The databases. Cheap to clone; all clones share the same threads.
#[derive(Clone)]
pub struct Store {
    main: Db,
    clicks: Db,
    /// How long a question about what is recorded may take.
    question_timeout: Duration,
    /// Held while visits are read one by one: such readers wait for each other, so that a question waits behind one at most.
    exporting: Arc<tokio::sync::Mutex<()>>,
    /// How events are told; nobody is told of anything without it.
    tell: Option<Arc<dyn Tell>>,
    /// Whose visits were recorded lately.
    seen: Arc<tokio::sync::Mutex<clicks::Seen>>,
    /// What was read and counted of recorded clicks.
    held: clicks::Held,
    /// What the links are whose clicks were counted.
    catalogs: clicks::Catalogs,
    /// Changes when there may be something to deliver.
    told: Arc<tokio::sync::watch::Sender<()>>,
    /// Changes when there may be a letter to send.
    posted: Arc<tokio::sync::watch::Sender<()>>,
    /// Changes when clicks were recorded.
    recorded: Arc<tokio::sync::watch::Sender<()>>,
}

impl Store {
    /// Opens the databases and brings their schema up to date, under a lock. Blocks.
    pub fn open(options: &Options<'_>) -> Result<Self, Error> {
        let (main, clicks) = match options.location {
            Location::Sqlite(folder) => (
                Db::sqlite(&folder.join("mask.db"), db::MAIN_SQLITE, options)?,
                Db::sqlite(&folder.join("clicks.db"), db::CLICKS_SQLITE, options)?,
            ),
            Location::Postgres(url) => {
                let main = Db::postgres(url, db::POSTGRES, options)?;
                (main.clone(), main)
            }
        };
        Ok(Self {
            main,
            clicks,
            question_timeout: options.timeout,
            exporting: Arc::default(),
            tell: None,
            seen: Arc::default(),
            held: clicks::Held::within(HELD_BYTES),
            catalogs: clicks::Catalogs::default(),
            told: Arc::default(),
            posted: Arc::default(),
            recorded: Arc::default(),
        })
    }

    /// The same databases, and whoever subscribed is told of what is done with them from here. Without it they are not:
    /// for tools that only look.
    #[must_use]
    pub fn telling(self, tell: Arc<dyn Tell>) -> Self {
        Self { tell: Some(tell), ..self }
    }

    /// The same databases; a question about recorded clicks is given up after so long, whenever they count as away.
    #[must_use]
    pub fn answering_within(self, question_timeout: Duration) -> Self {
        Self { question_timeout, ..self }
    }

    /// The same databases; what questions read of recorded clicks is held in about so many bytes of memory at most.
    #[must_use]
    pub fn holding(self, bytes: u64) -> Self {
        Self { held: clicks::Held::within(bytes), ..self }
    }

    /// Closes the databases, whoever else still holds this store: what waits is done, and what comes later is answered that
    /// it is unavailable. Blocks. Of SQLite nothing but the files of the databases is left then.
    pub fn close(&self) {
        self.main.close();
        self.clicks.close();
    }

    /// Whether every database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        let answer = |tx: &mut db::Tx<'_>| tx.query("SELECT 1", &[]).map(drop);
        self.main.read(answer).await?;
        self.clicks.read(answer).await
    }

    /// The newest migration of the main database that was applied.
    pub async fn schema_version(&self) -> Result<i64, Error> {
        self.main.read(db::schema_version).await
    }

    /// The engine's name and version, as it calls itself.
    pub async fn engine(&self) -> Result<String, Error> {
        self.main.read(|tx: &mut db::Tx<'_>| tx.engine()).await
    }
}
