//! Questions: what is recorded of an owner, counted part by part.
//!
//! Batches are counted anew each time, as there are few of them and they last for seconds. Of the larger runs what was counted
//! is [`Held`], wherever it says something to other questions too: where the run lies in the window as a whole, or is divided
//! by units of time of which the window takes some, or is cut where windows are cut as a rule, at a whole quarter of an hour. What
//! depends upon properties of links is not held, as those change.

use std::sync::Arc;

use mask_core::{
    question::{Dimension, Window},
    workspace::Owner,
};

use super::{
    columns::{Column, QUARTER_MS},
    count::{By, Counter, Numbers, Shape},
    held::Held,
    lexicon::{Counted, Counts, Making},
    reading::{Cut, Reading, Run, each_of_batches, each_of_run, runs},
    tally::Tally,
};
use crate::{
    Error,
    db::{Patience, Tx},
};

/// Of runs with fewer clicks nothing is held: they are counted in no time, and soon become part of larger ones.
const HELD_FROM: i64 = 16_384;

/// Whose clicks are counted, and which.
pub(super) struct Asked<'a> {
    pub(super) owner: Owner,
    pub(super) shape: &'a Arc<Shape>,
    /// Links and pages that may be counted; all where it is `None`.
    pub(super) allowed: Option<&'a Numbers>,
    pub(super) window: Window,
    pub(super) patience: Patience,
}

impl Asked<'_> {
    /// Counts them. Wants a snapshot.
    pub(super) fn count(&self, tx: &mut Tx<'_>, held: &Held) -> Result<Tally, Error> {
        let mut counter = Counter::new(self.owner, self.shape, self.allowed, Some(self.window));
        let mut words = Counted::default();
        each_of_batches(tx, self.window, Some(held), |chunk| counter.add(chunk, true))?;
        for run in runs(tx, Some(self.owner), self.window)? {
            if let Some(cut) = self.said_again(run) {
                let of_run = held.sum(run, cut, self.shape, || self.count_part(tx, run, cut, held))?;
                let is_allowed = |number| self.allowed.is_none_or(|allowed| allowed.contains(&number));
                counter.tally.add(&of_run, self.window, is_allowed);
            } else if self.has_many_words(run) {
                counter.window = run.cut_by(self.window).window();
                self.count_words(tx, run, held, &mut counter, &mut words)?;
            } else {
                counter.window = run.cut_by(self.window).window();
                self.count_run(tx, run, held, &mut counter)?;
            }
        }
        if let By::Text(dimension) = self.shape.by {
            counter.tally.add_words(words, dimension);
        }
        Ok(counter.tally)
    }

    /// Whether it is divided by what has very many values: then they are counted by its lexicon, which is faster than adding up
    /// what was counted before.
    fn has_many_words(&self, run: Run) -> bool {
        self.shape.by == By::Text(Dimension::ReferrerUrl) && run.clicks >= HELD_FROM
    }

    /// The part of a run that other questions ask about too, and from which this one is answered, if there is one.
    fn said_again(&self, run: Run) -> Option<Cut> {
        let is_everybodys = run.clicks >= HELD_FROM
            && !self.has_many_words(run)
            && self.shape.of.is_none()
            && (self.allowed.is_none() || self.shape.by == By::Visited);
        let cut = run.cut_by(self.window);
        match self.shape.by {
            _ if !is_everybodys => None,
            By::Time(unit) => cut.is_at(unit).then(Cut::default),
            By::Text(_) | By::Visited => cut.is_at(QUARTER_MS).then_some(cut),
        }
    }

    fn count_part(&self, tx: &mut Tx<'_>, run: Run, cut: Cut, held: &Held) -> Result<Tally, Error> {
        let mut counter = Counter::new(self.owner, self.shape, None, cut.window());
        self.count_run(tx, run, held, &mut counter)?;
        Ok(counter.tally)
    }

    fn count_run(&self, tx: &mut Tx<'_>, run: Run, held: &Held, counter: &mut Counter<'_>) -> Result<(), Error> {
        let columns = counter.columns();
        let reading = self.reading(counter, &columns, held);
        each_of_run(tx, run, &reading, |chunk| counter.add(chunk, false))
    }

    /// Counts by a column of which the run has very many words.
    fn count_words(
        &self,
        tx: &mut Tx<'_>,
        run: Run,
        held: &Held,
        counter: &mut Counter<'_>,
        words: &mut Counted,
    ) -> Result<(), Error> {
        let (column, mut columns, only) = (self.shape.by.column(), counter.columns(), counter.only);
        let (mut counts, mut place) = (Counts::new(), 0..);
        if let Some(lexicon) = held.lexicon(run, column, only) {
            columns.retain(|it| *it != column || self.shape.has_condition_on(column));
            each_of_run(tx, run, &self.reading(counter, &columns, held), |chunk| {
                counter.add_words(&lexicon, &mut counts, place.next()?, chunk)
            })?;
            words.add(&lexicon, &counts);
            return Ok(());
        }
        let mut making = Making::new(held.words.clone());
        let reading = Reading { passing: Some(column), ..self.reading(counter, &columns, held) };
        each_of_run(tx, run, &reading, |chunk| {
            match only {
                None => making.push(chunk.coded(column)?)?,
                Some(number) => making.push_part(chunk.coded(column)?, chunk.places_of(number)?)?,
            }
            counter.add_words(making.so_far(), &mut counts, place.next()?, chunk)
        })?;
        words.add(making.so_far(), &counts);
        held.hold_lexicon(run, column, only, making.done());
        Ok(())
    }

    /// What a counter reads of a run.
    fn reading<'r>(&self, counter: &Counter<'_>, columns: &'r [Column], held: &'r Held) -> Reading<'r> {
        Reading { visited: counter.only, columns, patience: self.patience, held: Some(held), passing: None }
    }
}
