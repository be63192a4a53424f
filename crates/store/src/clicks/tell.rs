//! Telling of visits: in the transaction that counts them.
//!
//! They are told of now, whenever they happened: history of last year is not due before the visits of today, and not too old
//! to be kept.
//!
//! Most owners have no subscription, and then nothing is looked up but that. A link that was deleted since is told of as it
//! was.

use std::collections::BTreeSet;

use mask_core::workspace::Owner;

use super::{Batch, Marks, codes, feed};
use crate::{
    Error,
    db::{Tx, values},
    webhooks::{Outbox, Tell, Telling, Visited, page_subjects, subjects},
};

/// Writes the batch's visits for those who want to know.
pub(super) fn visits(tx: &mut Tx<'_>, telling: &Telling, batch: &Batch, marks: Option<&Marks>) -> Result<(), Error> {
    let Some(now) = telling.tell().map(Tell::now) else { return Ok(()) };
    let stem = feed::stem(batch);
    for owner in subscribers(tx, batch)? {
        let outbox = Outbox::of_visits(tx, owner, telling, now)?;
        let wanted = || (0_usize..).zip(&batch.facts).filter(|(_, fact)| fact.owner == owner && outbox.may_want(fact));
        let links = subjects(tx, owner, wanted().filter_map(|(_, fact)| fact.target.link()))?;
        let pages = page_subjects(tx, owner, wanted().filter_map(|(_, fact)| fact.target.page()))?;
        let codes = codes::ids(tx, owner, wanted().filter_map(|(_, fact)| fact.code))?;
        let visits = wanted().map(|(place, fact)| Visited {
            id: feed::visit_id(stem, i64::try_from(place).unwrap_or(i64::MAX), fact.at),
            fact,
            link: fact.target.link().and_then(|link| links.get(&link)),
            page: fact.target.page().and_then(|page| pages.get(&page)),
            code: fact.code.and_then(|code| codes.get(&code)).copied(),
            is_unique: marks.map(|marks| marks.is_first(place)),
        });
        outbox.visits(tx, visits)?;
    }
    Ok(())
}

/// The owners in the batch who have a subscription, in order: two nodes then never wait for each other.
fn subscribers(tx: &mut Tx<'_>, batch: &Batch) -> Result<Vec<Owner>, Error> {
    let owners: BTreeSet<i64> = batch.facts.iter().map(|fact| fact.owner.number()).collect();
    let mut subscribers = Vec::new();
    for owner in owners {
        if tx.first("SELECT 1 FROM webhooks WHERE owner = $1 AND is_active LIMIT 1", &values![owner])?.is_some() {
            subscribers.push(Owner::from_number(owner));
        }
    }
    Ok(subscribers)
}
