//! QR codes: one row each, and the address that each of them leads to.
//!
//! A code belongs to a link and goes with it, in the same transaction: the database sees to that (`ON DELETE CASCADE`), so
//! no way of deleting a link can leave codes behind that lead nowhere. What people did with a code is in the recorded
//! visits, which outlive both. A code's address is not kept, as its link may move; it is read with the code each time.
//!
//! Nothing here judges whether a code can be scanned. That takes a drawing, and so it is done before the step: whoever
//! changes a code says at which version they saw it, and begins anew when it moved on meanwhile.

use mask_core::{
    action::Action,
    colour::Colour,
    cursor::Cursor,
    id::{LinkId, PageId, QrId},
    picture::{Picture, PictureName},
    qr::{Aim, ErrorCorrection, Look, QrCode, Shape},
    time::Time,
    token::Token,
    workspace::Owner,
};

use crate::{
    By, Deed, Error, Expected, Listed, Object, Store,
    clicks::codes::number,
    db::{Columns, Dialect, Row, Tx, Value, values},
    replies::{Keep, Once},
};

/// A code to be made.
#[derive(Clone, Debug)]
pub struct NewQrCode {
    /// Its id.
    pub id: QrId,
    /// What it leads to.
    pub aim: Aim,
    /// Tokens to try one after the other, until one is free.
    pub tokens: Vec<Token>,
    /// How it looks.
    pub look: Look,
    /// The time of its making.
    pub now: Time,
}

/// A code, and where that lives to which it leads.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedCode {
    /// The code.
    pub code: QrCode,
    /// The host of its link or page.
    pub domain: String,
    /// The path of its link or page.
    pub slug: String,
}

/// Why a code could not be made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncoded {
    /// The owner has no such link, or page.
    NothingThere(Aim),
    /// Each of the tokens is another code's.
    TokensTaken,
    /// There is no such code.
    Absent,
    /// It was changed since the caller last saw it.
    Changed,
}

const COLUMNS: &str = "code.id, code.link_id, code.page_id, code.token, code.foreground, code.background, code.eye, \
    code.is_transparent, code.size, code.error_correction, code.shape, code.margin, code.caption, code.logo_url, \
    code.logo_name, code.logo_width, code.logo_height, code.scans, code.version, code.created_at, code.updated_at, \
    COALESCE(link.domain, page.domain), COALESCE(link.slug, page.slug)";
const TABLES: &str = "qr_codes AS code LEFT JOIN links AS link ON link.id = code.link_id \
    LEFT JOIN bio_pages AS page ON page.id = code.page_id";

fn placed(row: Row) -> Result<PlacedCode, Error> {
    let row = &mut row.columns("qr_codes");
    let code = QrCode {
        id: row.parsed("id", QrId::parse)?,
        aim: aim(row)?,
        token: row.required("token", Value::into_small).map(Token::of)?,
        look: look(row)?,
        scans: row.integer("scans")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    Ok(PlacedCode { code, domain: row.text("domain")?, slug: row.text("slug")? })
}

/// What a code leads to: of the two columns one is NULL.
pub(crate) fn aim(row: &mut Columns) -> Result<Aim, Error> {
    let link = row.optional_parsed("link_id", LinkId::parse)?.map(Aim::Link);
    let page = row.optional_parsed("page_id", PageId::parse)?.map(Aim::Page);
    link.xor(page).ok_or_else(|| row.corrupt("page_id"))
}

fn look(row: &mut Columns) -> Result<Look, Error> {
    Ok(Look {
        foreground: row.parsed("foreground", Colour::parse)?,
        background: row.parsed("background", Colour::parse)?,
        eye: row.optional_parsed("eye", Colour::parse)?,
        is_transparent: row.boolean("is_transparent")?,
        size: row.required("size", Value::into_small)?,
        error_correction: row.optional_parsed("error_correction", ErrorCorrection::parse)?,
        shape: row.parsed("shape", Shape::parse)?,
        margin: row.required("margin", Value::into_small)?,
        caption: row.optional_text("caption")?,
        logo: logo(row)?,
    })
}

fn logo(row: &mut Columns) -> Result<Option<Picture>, Error> {
    let url = row.optional_text("logo_url")?;
    let name = row.optional_parsed("logo_name", PictureName::parse)?;
    let width = row.optional("logo_width", Value::into_small)?;
    let height = row.optional("logo_height", Value::into_small)?;
    match (url, name, width, height) {
        (None, None, None, None) => Ok(None),
        (Some(url), Some(name), Some(width), Some(height)) => Ok(Some(Picture { url, name, width, height })),
        _ => Err(row.corrupt("logo_name")),
    }
}

/// The names of what [`appearance`] answers.
const APPEARANCE: [&str; 13] = [
    "foreground",
    "background",
    "eye",
    "is_transparent",
    "size",
    "error_correction",
    "shape",
    "margin",
    "caption",
    "logo_url",
    "logo_name",
    "logo_width",
    "logo_height",
];

fn appearance(look: &Look) -> [Value; 13] {
    let logo = look.logo.as_ref();
    values![
        look.foreground.to_string(),
        look.background.to_string(),
        look.eye.map(|colour| colour.to_string()),
        look.is_transparent,
        look.size,
        look.error_correction.map(ErrorCorrection::as_str),
        look.shape.as_str(),
        i64::from(look.margin),
        look.caption.as_ref(),
        logo.map(|logo| &logo.url),
        logo.map(|logo| logo.name.as_str()),
        logo.map(|logo| logo.width),
        logo.map(|logo| logo.height),
    ]
}

fn find(tx: &mut Tx<'_>, owner: Owner, id: QrId) -> Result<Option<PlacedCode>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE code.id = $1 AND code.owner = $2");
    tx.first(&sql, &values![id.to_string(), owner])?.map(placed).transpose()
}

/// The same, and nobody else changes it until this transaction ends.
fn to_change(tx: &mut Tx<'_>, owner: Owner, id: QrId) -> Result<Option<PlacedCode>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE OF code" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE code.id = $1 AND code.owner = $2{lock}");
    tx.first(&sql, &values![id.to_string(), owner])?.map(placed).transpose()
}

fn create(tx: &mut Tx<'_>, owner: Owner, new: &NewQrCode) -> Result<Result<PlacedCode, Uncoded>, Error> {
    // What it leads to stays as long as this takes.
    let lock = if tx.dialect() == Dialect::Postgres { " FOR KEY SHARE" } else { "" };
    let (table, id) = match new.aim {
        Aim::Link(link) => ("links", link.to_string()),
        Aim::Page(page) => ("bio_pages", page.to_string()),
    };
    let sql = format!("SELECT domain, slug FROM {table} WHERE id = $1 AND owner = $2{lock}");
    let Some(row) = tx.first(&sql, &values![id, owner])? else { return Ok(Err(Uncoded::NothingThere(new.aim))) };
    let mut row = row.columns(table);
    let (domain, slug) = (row.text("domain")?, row.text("slug")?);
    for token in &new.tokens {
        if insert(tx, owner, new, *token)? {
            let code = QrCode {
                id: new.id,
                aim: new.aim,
                token: *token,
                look: new.look.clone(),
                scans: 0,
                version: 1,
                created_at: new.now,
                updated_at: new.now,
            };
            return Ok(Ok(PlacedCode { code, domain, slug }));
        }
    }
    Ok(Err(Uncoded::TokensTaken))
}

/// Whether the token was free.
fn insert(tx: &mut Tx<'_>, owner: Owner, new: &NewQrCode, token: Token) -> Result<bool, Error> {
    let token = number(token);
    if tx.first("SELECT 1 FROM deleted_qr_codes WHERE token = $1", &values![token])?.is_some() {
        return Ok(false);
    }
    let mut all: Vec<Value> =
        values![new.id.to_string(), owner, new.aim.link(), new.aim.page(), token, 0_i64, 1_i64, new.now, new.now]
            .into();
    all.extend(appearance(&new.look));
    let places: Vec<_> = (1..=all.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "INSERT INTO qr_codes (id, owner, link_id, page_id, token, scans, version, created_at, updated_at, {}) VALUES ({}) ON CONFLICT (token) DO NOTHING",
        APPEARANCE.join(", "),
        places.join(", ")
    );
    Ok(tx.execute(&sql, &all)? == 1)
}

/// Makes a code look so.
fn dress(tx: &mut Tx<'_>, owner: Owner, old: &PlacedCode, look: Look, now: Time) -> Result<PlacedCode, Error> {
    let mut placed = old.clone();
    placed.code.version += 1;
    placed.code.updated_at = now;
    let mut all: Vec<Value> = values![placed.code.id.to_string(), owner, placed.code.version, now].into();
    let sets: Vec<_> =
        (all.len() + 1..).zip(APPEARANCE).map(|(place, column)| format!("{column} = ${place}")).collect();
    all.extend(appearance(&look));
    let sql =
        format!("UPDATE qr_codes SET version = $3, updated_at = $4, {} WHERE id = $1 AND owner = $2", sets.join(", "));
    tx.execute(&sql, &all)?;
    placed.code.look = look;
    Ok(placed)
}

fn list(
    tx: &mut Tx<'_>,
    owner: Owner,
    aim: Option<Aim>,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Listed<PlacedCode>, Error> {
    let mut all: Vec<Value> = values![owner, i64::try_from(limit + 1).unwrap_or(i64::MAX)].into();
    let mut wanted = String::from("code.owner = $1");
    let of_one = aim.map(|aim| match aim {
        Aim::Link(link) => ("code.link_id =", Value::from(link)),
        Aim::Page(page) => ("code.page_id =", Value::from(page)),
    });
    let after = after.map(|cursor| ("code.id <", Value::from(cursor.id)));
    for (condition, value) in of_one.into_iter().chain(after) {
        all.push(value);
        wanted.push_str(&format!(" AND {condition} ${}", all.len()));
    }
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE {wanted} ORDER BY code.id DESC LIMIT $2");
    let rows = tx.query(&sql, &all)?.into_iter().map(placed).collect::<Result<Vec<_>, _>>()?;
    Ok(Listed::of(rows, limit, |placed| placed.code.id.to_string()))
}

impl Store {
    /// Makes a code.
    pub async fn create_qr_code(
        &self,
        by: impl Into<By>,
        new: NewQrCode,
        keep: Option<Keep<Result<PlacedCode, Uncoded>>>,
    ) -> Result<Once<Result<PlacedCode, Uncoded>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let made = create(tx, by.owner, &new)?;
                if let Ok(placed) = &made {
                    telling.note(&by, new.now, Action::CodeCreated, Deed::made(Object::Code(placed)));
                }
                Ok(made)
            })
        })
        .await
    }

    /// A code.
    pub async fn qr_code_by_id(&self, owner: Owner, id: QrId) -> Result<Option<PlacedCode>, Error> {
        self.main.read(move |tx| find(tx, owner, id)).await
    }

    /// A page of the owner's codes, or of those of one link or page, newest first.
    pub async fn list_qr_codes(
        &self,
        owner: Owner,
        aim: Option<Aim>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<PlacedCode>, Error> {
        self.main.read(move |tx| list(tx, owner, aim, after, limit)).await
    }

    /// Makes a code look so. Its scans and its token stay.
    pub async fn update_qr_code(
        &self,
        by: impl Into<By>,
        id: QrId,
        expected: Expected,
        look: Look,
        now: Time,
    ) -> Result<Result<PlacedCode, Uncoded>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let Some(old) = to_change(tx, by.owner, id)? else { return Ok(Err(Uncoded::Absent)) };
            if !expected.takes(old.code.version) {
                return Ok(Err(Uncoded::Changed));
            }
            if look == old.code.look {
                return Ok(Ok(old));
            }
            let new = dress(tx, by.owner, &old, look, now)?;
            telling.note(&by, now, Action::CodeUpdated, Deed::of(Object::Code(&old), Object::Code(&new)));
            Ok(Ok(new))
        })
        .await
    }

    /// Deletes a code. What is printed of it goes on leading to where it led, and being scanned: its token is remembered.
    pub async fn delete_qr_code(
        &self,
        by: impl Into<By>,
        id: QrId,
        expected: Expected,
        now: Time,
    ) -> Result<Result<(), Uncoded>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let Some(placed) = to_change(tx, by.owner, id)? else { return Ok(Err(Uncoded::Absent)) };
            if !expected.takes(placed.code.version) {
                return Ok(Err(Uncoded::Changed));
            }
            tx.execute("DELETE FROM qr_codes WHERE id = $1 AND owner = $2", &values![id.to_string(), by.owner])?;
            let (aim, token) = (placed.code.aim, number(placed.code.token));
            let sql = "INSERT INTO deleted_qr_codes (token, owner, link_id, page_id) VALUES ($1, $2, $3, $4)";
            tx.execute(sql, &values![token, by.owner, aim.link(), aim.page()])?;
            telling.note(&by, now, Action::CodeDeleted, Deed::deleted(Object::Code(&placed)));
            Ok(Ok(()))
        })
        .await
    }
}
