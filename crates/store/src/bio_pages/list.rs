//! Lists of pages. A workspace has few of them, so what it searches for is compared row by row along its own index.

use mask_core::workspace::Owner;

use super::{PageFilter, PageOfPages, PageSummary, row};
use crate::{
    Error, Listed, Order,
    db::{Tx, Value},
    links::{fold, like},
};

pub(super) fn pages(
    tx: &mut Tx<'_>,
    owner: Owner,
    filter: &PageFilter,
    page: PageOfPages,
) -> Result<Listed<PageSummary>, Error> {
    let (direction, than) = if page.order == Order::Ascending { ("ASC", ">") } else { ("DESC", "<") };
    let mut bound: Vec<Value> = vec![owner.into()];
    let mut conditions = vec!["owner = $1".to_owned()];
    let mut add = |condition: &str, value: Value| {
        bound.push(value);
        conditions.push(condition.replace('?', &format!("${}", bound.len())));
    };
    if let Some(text) = &filter.search {
        add("search_text LIKE ? ESCAPE '\\'", like(&fold(text)).into());
    }
    if let Some(domain) = &filter.domain {
        add("domain = ?", domain.into());
    }
    if let Some(is_published) = filter.is_published {
        add("(published_at IS NOT NULL) = ?", is_published.into());
    }
    if let Some(after) = page.after {
        add(&format!("id {than} ?"), after.into());
    }
    let condition = format!("{} ORDER BY id {direction} LIMIT {}", conditions.join(" AND "), page.limit + 1);
    let rows = tx.query(&row::select_summaries(&condition), &bound)?;
    let pages = rows.into_iter().map(row::summary).collect::<Result<Vec<_>, _>>()?;
    Ok(Listed::of(pages, page.limit, |page| page.id.to_string()))
}
