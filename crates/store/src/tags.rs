//! Tags: made when a link first has them, shown while one still does.

use mask_core::{cursor::Cursor, id::TagId, time::Time, workspace::Owner};

use crate::{
    Error, Listed, Store,
    db::{Value, values},
};

/// A tag and how many links have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedTag {
    /// Its id.
    pub id: TagId,
    /// Its text.
    pub name: String,
    /// How many links have it.
    pub links: i64,
    /// When it was first used.
    pub created_at: Time,
}

impl Store {
    /// A page of the owner's tags that are in use, oldest first.
    pub async fn list_tags(
        &self,
        owner: Owner,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<CountedTag>, Error> {
        self.main
            .scan(move |tx| {
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let mut bound: Vec<Value> = values![owner, most].into();
                let mut condition = "owner = $1".to_owned();
                if let Some(cursor) = after {
                    bound.push(cursor.id.into());
                    condition.push_str(" AND id > $3");
                }
                let sql = format!(
                    "SELECT id, name, (SELECT count(*) FROM link_tags WHERE tag = tags.seq), created_at FROM tags \
                     WHERE {condition} AND EXISTS (SELECT 1 FROM link_tags WHERE tag = tags.seq) ORDER BY id LIMIT $2"
                );
                let mut rows = Vec::new();
                for row in tx.query(&sql, &bound)? {
                    let mut row = row.columns("tags");
                    rows.push(CountedTag {
                        id: row.parsed("id", TagId::parse)?,
                        name: row.text("name")?,
                        links: row.integer("links")?,
                        created_at: row.time("created_at")?,
                    });
                }
                Ok(Listed::of(rows, limit, |tag: &CountedTag| tag.id.to_string()))
            })
            .await
    }
}
