//! The log of changes: who did what to which object, written in the transaction that does it.
//!
//! A step says what it has done by [`Telling::note`]; when it ends well, [`Store::change`] writes the lines of all that it
//! said, many to a statement. So there is never a change without its line, nor a line of what was taken back. A request
//! that is repeated and answered as before does nothing, and says nothing.
//!
//! How an object looks is the API's business, as with events: the store is given a [`Tell`](crate::Tell), and what that
//! answers is text to it. A store that was given none writes lines without it: what was done is never left out.
//!
//! What is not in here: what visitors do, and what goes along with an object that is deleted (the codes of a link, the
//! subscribers of a page): its own line says so.
//!
//! Lines are found by four indexes which all end in the time. A filter by somebody alone, or by the actions upon one kind
//! of object, is one short look for each action, put together: rejected was one query, which a database answers by sorting
//! all that it finds, or by passing over all that it does not want.

use std::sync::{Arc, Mutex, PoisonError};

use mask_core::{
    action::Action,
    actor::Actor,
    bio_page::BioPage,
    domain::Domain,
    id::ChangeId,
    invitation::Invitation,
    key::Key,
    link::Link,
    member::Member,
    subscriber::Subscriber,
    time::Time,
    webhook::Webhook,
    workspace::{Owner, Workspace},
};

use crate::{
    By, Error, Listed, PlacedCode, Store, addresses,
    db::{Dialect, Row, Tx, Value, values},
    links::Address,
    row_id,
    webhooks::{Telling, parts, places},
};

/// Something that is changed, as it was or as it is then.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A link.
    Link(&'a Link),
    /// A bio page.
    Page(&'a BioPage),
    /// A QR code.
    Code(&'a PlacedCode),
    /// A webhook, or a listener.
    Webhook(&'a Webhook),
    /// A domain.
    Domain(&'a Domain),
    /// An API key.
    Key(&'a Key),
    /// A workspace.
    Workspace(&'a Workspace),
    /// Somebody who left an address at a page.
    Subscriber(&'a Subscriber),
    /// A member of the workspace.
    Member(&'a Member),
    /// An invitation to the workspace.
    Invitation(&'a Invitation),
    /// A workspace, of which the visitors before a moment are forgotten.
    Visitors(&'a Workspace, Time),
    /// What is left of an object that is gone: its id.
    Gone(&'a str),
}

impl Object<'_> {
    /// Its id.
    pub fn id(&self) -> String {
        match self {
            Self::Link(link) => link.id.to_string(),
            Self::Page(page) => page.id.to_string(),
            Self::Code(placed) => placed.code.id.to_string(),
            Self::Webhook(webhook) => webhook.id.to_string(),
            Self::Domain(domain) => domain.id.to_string(),
            Self::Key(key) => key.id.to_string(),
            Self::Workspace(workspace) | Self::Visitors(workspace, _) => workspace.id.to_string(),
            Self::Member(member) => member.id.to_string(),
            Self::Invitation(invitation) => invitation.id.to_string(),
            Self::Subscriber(subscriber) => subscriber.id.to_string(),
            Self::Gone(id) => (*id).to_owned(),
        }
    }

    /// Whose log it is told in. A workspace has one name and one team on both of its sides, so their changes stand in the live
    /// one's.
    const fn owner(&self, by: Owner) -> Owner {
        match self {
            Self::Workspace(workspace) => Owner { workspace: workspace.number, is_test: false },
            Self::Member(_) | Self::Invitation(_) => Owner { is_test: false, ..by },
            _ => by,
        }
    }
}

/// What a change did to an object: it was made, deleted, or is another now.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// As it was; nothing of one that was made.
    pub before: Option<Object<'a>>,
    /// As it is; nothing of one that is no more.
    pub after: Option<Object<'a>>,
}

impl<'a> Deed<'a> {
    pub(crate) const fn made(object: Object<'a>) -> Self {
        Self { before: None, after: Some(object) }
    }

    pub(crate) const fn deleted(object: Object<'a>) -> Self {
        Self { before: Some(object), after: None }
    }

    pub(crate) const fn of(before: Object<'a>, after: Object<'a>) -> Self {
        Self { before: Some(before), after: Some(after) }
    }

    /// The object, as it is where it still is.
    pub const fn object(&self) -> Option<Object<'a>> {
        match self.after {
            Some(after) => Some(after),
            None => self.before,
        }
    }
}

/// A change as people are shown it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownChange {
    /// What people know the object by.
    pub label: String,
    /// As it was, as JSON; of one that was changed, what is different now.
    pub before: Option<String>,
    /// As it is.
    pub after: Option<String>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its id.
    pub id: ChangeId,
    /// When it was done.
    pub at: Time,
    /// Who did it.
    pub actor: Actor,
    /// The country that they did it from, where that is known.
    pub country: Option<String>,
    /// The request that asked for it.
    pub request: Option<String>,
    /// What was done; see [`Action`]. A newer node may have written one that this one does not know.
    pub action: String,
    /// The object's id.
    pub object: String,
    /// What people know it by.
    pub label: String,
    /// See [`ShownChange::before`].
    pub before: Option<String>,
    /// See [`ShownChange::after`].
    pub after: Option<String>,
}

/// Which lines a list has: those that meet every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Done by them.
    pub actor: Option<Actor>,
    /// One of these was done.
    pub actions: Option<Vec<Action>>,
    /// Done to the object with this id.
    pub object: Option<String>,
    /// At this moment or later.
    pub from: Option<Time>,
    /// Before this moment.
    pub to: Option<Time>,
}

/// A line that is to be written.
#[derive(Debug)]
pub(crate) struct Line {
    by: By,
    at: Time,
    action: Action,
    object: String,
    shown: ShownChange,
}

/// The lines of a step, while it goes on, and the addresses at which something is another after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<(Vec<Line>, Vec<Address>)>>);

impl Lines {
    fn add(&self, line: Line) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(line);
    }

    fn touch(&self, addresses: impl IntoIterator<Item = Address>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.extend(addresses);
    }

    /// Writes them, and tells other nodes what they are about.
    pub(crate) fn write(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let (lines, addresses) = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for part in parts(&lines) {
            let all: Vec<Value> = part.iter().flat_map(values_of).collect();
            let rows = places(part.len(), COLUMNS, 0, |place| format!("({})", place.join(", ")));
            let sql = format!(
                "INSERT INTO audit_log (owner, at, actor, country, request, action, object, label, before, after) VALUES {rows}"
            );
            tx.execute(&sql, &all)?;
        }
        addresses::tell(tx, &addresses)
    }
}

/// How many columns [`values_of`] answers.
const COLUMNS: usize = 10;

fn values_of(line: &Line) -> [Value; COLUMNS] {
    let Line { by, at, action, object, shown } = line;
    values![
        by.owner,
        *at,
        by.actor,
        by.country.as_ref(),
        by.request.as_ref(),
        action.as_str(),
        object,
        &shown.label,
        shown.before.as_ref(),
        shown.after.as_ref()
    ]
}

impl Telling {
    /// Says what this step has done to an object; it is written when the step ends well.
    pub(crate) fn note(&self, by: &By, at: Time, action: Action, deed: Deed<'_>) {
        let Some(object) = deed.object() else { return };
        let id = object.id();
        let shown = self.tell().map(|tell| tell.change(&deed, at));
        let shown = shown.unwrap_or_else(|| ShownChange { label: id.clone(), ..ShownChange::default() });
        let by = By { owner: object.owner(by.owner), ..by.clone() };
        let mut addresses: Vec<_> = [deed.before, deed.after].iter().flatten().filter_map(addresses::address).collect();
        addresses.dedup();
        self.lines().add(Line { by, at, action, object: id, shown });
        self.lines().touch(addresses);
    }

    /// Says that at these addresses something is another after this step, though no object is.
    pub(crate) fn touch(&self, addresses: &[Address]) {
        self.lines().touch(addresses.iter().cloned());
    }
}

fn line(row: Row) -> Result<LoggedChange, Error> {
    let mut row = row.columns("audit_log");
    let (seq, at) = (row.integer("seq")?, row.time("at")?);
    let actor = row.parsed("actor", Actor::parse)?;
    let country = row.optional_text("country")?;
    let request = row.optional_text("request")?;
    let action = row.text("action")?;
    let object = row.text("object")?;
    Ok(LoggedChange {
        id: ChangeId::from_bits(row_id::bits(at, seq, (seq, &object, &request))),
        at,
        actor,
        country,
        request,
        action,
        object,
        label: row.text("label")?,
        before: row.optional_text("before")?,
        after: row.optional_text("after")?,
    })
}

/// The queries whose lines, put together, are those that are wanted: each is read along one index.
fn statements(
    dialect: Dialect,
    owner: Owner,
    filter: &ChangeFilter,
    after: Option<ChangeId>,
    most: usize,
) -> Vec<(String, Vec<Value>)> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let every = || Action::ALL.iter().copied().map(Some).collect();
    let actions: Vec<Option<Action>> = match (&filter.actions, filter.actor, &filter.object) {
        (_, _, Some(_)) | (None, None, None) => vec![None],
        (Some(actions), ..) => actions.iter().copied().map(Some).collect(),
        (None, Some(_), None) => every(),
    };
    actions.into_iter().map(|action| statement(dialect, owner, filter, action, after, most)).collect()
}

fn statement(
    dialect: Dialect,
    owner: Owner,
    filter: &ChangeFilter,
    action: Option<Action>,
    after: Option<ChangeId>,
    most: i64,
) -> (String, Vec<Value>) {
    let mut wanted = Wanted { text: String::from("owner = $1"), all: values![owner, most].into() };
    if let Some(action) = action {
        wanted.add("action = ", action.as_str());
    }
    match (&filter.object, filter.actor) {
        (Some(object), actor) => {
            wanted.add("object = ", object);
            if let Some(actor) = actor {
                wanted.add("actor = ", actor);
            }
            if let Some(actions) = &filter.actions {
                wanted.add_any_of("action", actions.iter().map(|action| action.as_str()));
            }
        }
        (None, Some(actor)) => wanted.add("actor = ", actor),
        (None, None) => {}
    }
    if let Some(from) = filter.from {
        wanted.add("at >= ", from);
    }
    match (after.map(|id| row_id::place(id.bits())), filter.to) {
        // The line before was before the end already.
        (Some((at, seq)), _) => {
            wanted.add("(at, seq) < (", at);
            wanted.add_after(", ", seq);
            wanted.text.push(')');
        }
        (None, Some(to)) => wanted.add("at < ", to),
        (None, None) => {}
    }
    let Wanted { text, all } = wanted;
    // SQLite keeps no count of what is how frequent, and would rather go by the time alone.
    let along = match dialect {
        Dialect::Sqlite => format!("INDEXED BY {}", index(filter, action)),
        Dialect::Postgres => String::new(),
    };
    let sql = format!(
        "SELECT seq, at, actor, country, request, action, object, label, before, after FROM audit_log {along} \
         WHERE {text} ORDER BY at DESC, seq DESC LIMIT $2"
    );
    (sql, all)
}

/// The index that finds what is wanted: an object has few lines, which are looked through.
fn index(filter: &ChangeFilter, action: Option<Action>) -> &'static str {
    match (&filter.object, filter.actor, action) {
        (Some(_), ..) => "audit_log_by_object",
        (None, Some(_), _) => "audit_log_by_actor",
        (None, None, Some(_)) => "audit_log_by_action",
        (None, None, None) => "audit_log_by_time",
    }
}

/// Conditions, and what they compare with.
struct Wanted {
    text: String,
    all: Vec<Value>,
}

impl Wanted {
    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.text.push_str(" AND ");
        self.add_after(condition, value);
    }

    fn add_after(&mut self, text: &str, value: impl Into<Value>) {
        self.all.push(value.into());
        self.text.push_str(&format!("{text}${}", self.all.len()));
    }

    fn add_any_of<'v>(&mut self, column: &str, values: impl Iterator<Item = &'v str>) {
        self.text.push_str(&format!(" AND {column} IN ("));
        for (place, value) in values.enumerate() {
            self.add_after(if place == 0 { "" } else { ", " }, value);
        }
        self.text.push(')');
    }
}

fn list(
    tx: &mut Tx<'_>,
    owner: Owner,
    filter: &ChangeFilter,
    after: Option<ChangeId>,
    limit: usize,
) -> Result<Listed<LoggedChange>, Error> {
    let mut lines = Vec::new();
    for (sql, values) in statements(tx.dialect(), owner, filter, after, limit + 1) {
        for row in tx.query(&sql, &values)? {
            lines.push(line(row)?);
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.id));
    Ok(Listed::of(lines, limit, |line| line.id.to_string()))
}

impl Store {
    /// A page of the owner's log, newest first.
    pub async fn list_changes(
        &self,
        owner: Owner,
        filter: ChangeFilter,
        after: Option<ChangeId>,
        limit: usize,
    ) -> Result<Listed<LoggedChange>, Error> {
        self.main.scan(move |tx| list(tx, owner, &filter, after, limit)).await
    }

    /// Forgets lines that were written before this moment, at most `limit` of them; says how many.
    pub async fn forget_changes(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                // Numbers follow time, so the old ones come first and no index of times is needed.
                let sql = "DELETE FROM audit_log WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM audit_log \
                           ORDER BY seq LIMIT $2) AS oldest WHERE at < $1)";
                tx.execute(sql, &values![before, i64::from(limit)])
            })
            .await
    }
}

#[cfg(test)]
mod plans;
