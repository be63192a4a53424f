//! The sender: from the outbox to the server of mail.
//!
//! It looks whether something is due (when somebody says that there may be, and once a second for what falls due and what
//! other nodes wrote), claims a few letters, hands them over one after the other on one connection, and writes each down as
//! it goes: a process that dies sends one letter twice at most. A letter is only begun while its claim has time for it.
//!
//! A server that cannot be used is left alone for a while that grows, and no letter counts as tried then; as soon as it is
//! back everything goes. All state here may be lost at any moment.

use std::{sync::Arc, time::Duration};

use mask_core::{
    mail::{Mailbox, TRIED_FOR, next_try},
    time::Time,
};
use mask_store::{ClaimedLetter, LetterFate, Store};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    letter::{Letter, Way},
    smtp::{Connection, SENT_WITHIN, Server, Trouble},
};
use crate::{clock::Clock, webhooks::seal::Vault};

/// How often it is looked whether something is due although nobody said so.
const LOOK: Duration = Duration::from_secs(1);
/// How often the letters that wait are counted, for the metrics.
const COUNT: Duration = Duration::from_secs(10);
/// Most letters that are claimed at once.
const AT_ONCE: u32 = 50;
/// How long they are ours.
const CLAIM: Duration = Duration::from_mins(10);
/// What must be left of a claim when its letter is begun, beside the time of a letter: to write down how it went.
const NEEDED: Duration = Duration::from_secs(30);
/// How long a server that cannot be used is left alone, the first time and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How long a letter may go on when the program ends.
const LAST_LETTER: Duration = Duration::from_secs(5);
/// How long the note of it may take then.
const LAST_NOTE: Duration = Duration::from_secs(5);

/// What the sender works with.
#[derive(Clone)]
pub struct Means {
    /// Where letters wait.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// What opens them.
    pub vault: Arc<Vault>,
    /// Who takes them.
    pub server: Server,
    /// Who they are from.
    pub from: Mailbox,
    /// Who is answered, if somebody else.
    pub reply_to: Option<Mailbox>,
    /// The host that their ids belong to.
    pub host: String,
}

/// See the module.
pub struct Sender {
    means: Means,
    /// What could not be written down yet.
    unsettled: Vec<(i64, Time, LetterFate)>,
    /// Until when the server is left alone, and for how long the next time.
    not_before: Option<Time>,
    pause: Duration,
    counted_at: Option<tokio::time::Instant>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sender({:?})", self.means.server)
    }
}

impl Sender {
    /// A sender that has done nothing yet.
    pub fn new(means: Means) -> Self {
        Self { means, unsettled: Vec::new(), not_before: None, pause: FIRST_PAUSE, counted_at: None }
    }

    /// Sends until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut postings = self.means.store.postings();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = postings.changed() => {}
                () = sleep(LOOK) => {}
            }
            // As long as there is more than is taken at once.
            while !stop.is_cancelled() {
                match self.round(&stop).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, "letters wait: the store cannot be asked for them");
                        break;
                    }
                }
            }
            self.count().await;
        }
    }

    /// Sends what is due, up to [`AT_ONCE`] letters; whether there may be more.
    async fn round(&mut self, stop: &CancellationToken) -> Result<bool, mask_store::Error> {
        self.settle().await?;
        let now = self.means.clock.now();
        if self.not_before.is_some_and(|until| now < until) {
            return Ok(false);
        }
        if self.means.store.next_letter().await?.is_none_or(|due| now < due) {
            return Ok(false);
        }
        let letters = self.means.store.claim_letters(AT_ONCE, now, now.after(CLAIM)).await?;
        let is_full = letters.len() == usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        let is_well = self.send_all(letters, stop).await;
        if stop.is_cancelled() {
            // It is done for in a moment; what cannot be noted in time is sent again.
            drop(timeout(LAST_NOTE, self.settle()).await);
        } else {
            self.settle().await?;
        }
        Ok(is_full && is_well)
    }

    /// Sends these letters; whether the server is well.
    async fn send_all(&mut self, letters: Vec<ClaimedLetter>, stop: &CancellationToken) -> bool {
        let mut connection: Option<Connection> = None;
        let mut letters = letters.into_iter();
        while let Some(letter) = letters.next() {
            if stop.is_cancelled() || letter.until < self.means.clock.now().after(NEEDED + SENT_WITHIN) {
                self.give_back(std::iter::once(letter).chain(letters.by_ref()), None);
                break;
            }
            match self.deliver(&letter, &mut connection, stop).await {
                Err(Trouble::Away(why)) => {
                    self.leave_alone(&why);
                    self.give_back(std::iter::once(letter).chain(letters.by_ref()), Some(&why));
                    return false;
                }
                outcome => self.note(&letter, outcome),
            }
            // Not noted, it would be sent once more; but the others need not wait for the store.
            if let Err(error) = self.settle().await {
                tracing::warn!(%error, "it could not be written down what became of a letter; it is tried again");
            }
        }
        if let Some(connection) = connection {
            connection.quit().await;
        }
        true
    }

    /// Hands over one letter, on a connection that is made where there is none.
    async fn deliver(
        &mut self,
        letter: &ClaimedLetter,
        connection: &mut Option<Connection>,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        let message = self.message(letter)?;
        let begun = tokio::time::Instant::now();
        let means = &self.means;
        let work = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => means.server.connect().await?,
            };
            let sent = open.send(&means.from.address, &letter.to, &message).await;
            let is_usable = match &sent {
                Ok(()) => true,
                Err(Trouble::Later(_) | Trouble::Refused(_)) => open.reset().await.is_ok(),
                Err(Trouble::Away(_) | Trouble::Broken(_)) => false,
            };
            if is_usable {
                *connection = Some(open);
            }
            sent
        };
        let end = async {
            stop.cancelled().await;
            sleep(LAST_LETTER).await;
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = end => return Err(Trouble::Away("the program ended".to_owned())),
        };
        if !matches!(outcome, Err(Trouble::Away(_))) {
            (self.pause, self.not_before) = (FIRST_PAUSE, None);
        }
        metrics::histogram!("mask_mail_send_seconds").record(begun.elapsed());
        outcome
    }

    fn message(&self, letter: &ClaimedLetter) -> Result<Vec<u8>, Trouble> {
        let Means { vault, from, reply_to, host, .. } = &self.means;
        let unread = || Trouble::Refused("what it says cannot be read: it was sealed with another key".to_owned());
        let content = vault.open_letter(letter.id, &letter.sealed).map_err(|_| unread())?;
        let content: Letter = serde_json::from_slice(&content).map_err(|_| unread())?;
        let (id, written_at, reply_to) = (letter.id, letter.created_at, reply_to.as_ref());
        let way = Way { id, written_at, from, to: &letter.to, reply_to, host };
        content.message(way).map_err(|error| Trouble::Refused(error.to_string()))
    }

    /// Decides what becomes of a letter that was tried.
    fn note(&mut self, letter: &ClaimedLetter, outcome: Result<(), Trouble>) {
        let (id, now) = (letter.id, self.means.clock.now());
        let fate = match outcome {
            Ok(()) => {
                metrics::counter!("mask_mail_sent_total").increment(1);
                LetterFate::Sent
            }
            Err(Trouble::Refused(failure)) => {
                tracing::warn!(letter = %id, failure, "a letter was refused for good, and is given up");
                given_up(failure)
            }
            Err(Trouble::Away(failure) | Trouble::Later(failure) | Trouble::Broken(failure)) => {
                let next = next_try(letter.created_at, letter.tries + 1, now, fastrand::u32(..=1000));
                if let Some(at) = next {
                    tracing::info!(letter = %id, failure, "a letter was not taken, and is tried again");
                    metrics::counter!("mask_mail_put_off_total").increment(1);
                    LetterFate::Due { at, was_tried: true, failure: Some(failure) }
                } else {
                    tracing::warn!(letter = %id, failure, "a letter was tried for days, and is given up");
                    given_up(failure)
                }
            }
        };
        self.unsettled.push((letter.number, letter.until, fate));
    }

    /// Gives back letters that were not tried; those that have waited for days are given up if something is wrong.
    fn give_back(&mut self, letters: impl Iterator<Item = ClaimedLetter>, why: Option<&str>) {
        let now = self.means.clock.now();
        for letter in letters {
            let fate = match why {
                Some(why) if letter.created_at.after(TRIED_FOR) <= now => {
                    tracing::warn!(letter = %letter.id, "a letter waited for days, and is given up");
                    given_up(why.to_owned())
                }
                _ => LetterFate::Due {
                    at: self.not_before.unwrap_or(now),
                    was_tried: false,
                    failure: why.map(ToOwned::to_owned),
                },
            };
            self.unsettled.push((letter.number, letter.until, fate));
        }
    }

    /// Leaves a server alone that cannot be used.
    fn leave_alone(&mut self, why: &str) {
        tracing::warn!(why, pause = ?self.pause, "the server of mail cannot be used; letters wait");
        metrics::counter!("mask_mail_away_total").increment(1);
        self.not_before = Some(self.means.clock.now().after(self.pause));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    async fn settle(&mut self) -> Result<(), mask_store::Error> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        // Kept until it is done.
        self.means.store.settle_letters(self.unsettled.clone()).await?;
        self.unsettled.clear();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no outbox is that large")]
    async fn count(&mut self) {
        if self.counted_at.is_some_and(|last| last.elapsed() < COUNT) {
            return;
        }
        self.counted_at = Some(tokio::time::Instant::now());
        if let Ok(outgoing) = self.means.store.outgoing_letters().await {
            metrics::gauge!("mask_mail_waiting").set(outgoing.waiting as f64);
        }
    }
}

fn given_up(failure: String) -> LetterFate {
    metrics::counter!("mask_mail_given_up_total").increment(1);
    LetterFate::GivenUp { failure }
}
