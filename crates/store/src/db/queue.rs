//! Steps that wait for a database thread.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{Error, Tx};

/// A step on its way: it is run, and answers its caller when it is known whether its work was kept.
pub(super) struct Step {
    /// Whether it needs a transaction.
    pub(super) is_write: bool,
    work: Box<dyn Work>,
}

/// The step with its caller's channel, whatever the type of its answer.
trait Work: Send {
    fn is_given_up(&self) -> bool;
    fn run(self: Box<Self>, tx: &mut Tx<'_>) -> Ran;
    fn refuse(self: Box<Self>, why: &str);
}

struct Waiting<F, T> {
    step: F,
    caller: oneshot::Sender<Result<T, Error>>,
}

impl<T: Send + 'static, F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send> Work for Waiting<F, T> {
    fn is_given_up(&self) -> bool {
        self.caller.is_closed()
    }

    fn run(self: Box<Self>, tx: &mut Tx<'_>) -> Ran {
        let Self { step, caller } = *self;
        let result = step(tx);
        Ran {
            // Who has been told that the database is unavailable, or has hung up, is not surprised by the work later.
            is_good: result.is_ok() && !caller.is_closed(),
            // A caller that has gone needs no answer.
            answer: Box::new(move |kept| drop(caller.send(result.and_then(|value| kept.map(|()| value))))),
        }
    }

    fn refuse(self: Box<Self>, why: &str) {
        drop(self.caller.send(Err(Error::Unavailable(why.to_owned()))));
    }
}

/// A step that has run.
pub(super) struct Ran {
    /// Whether its work is to be kept.
    pub(super) is_good: bool,
    /// Answers the caller; an error takes the place of a good answer whose work could not be kept.
    pub(super) answer: Box<dyn FnOnce(Result<(), Error>)>,
}

impl Step {
    /// Runs the step; `None` when nobody waits for it any more, or when it panicked (and its caller learns of it).
    pub(super) fn run(self, tx: &mut Tx<'_>) -> Result<Option<Ran>, Box<dyn Any + Send>> {
        if self.work.is_given_up() {
            return Ok(None);
        }
        catch_unwind(AssertUnwindSafe(|| self.work.run(tx))).map(Some)
    }

    /// Answers the caller that the step could not be run.
    pub(super) fn refuse(self, why: &str) {
        self.work.refuse(why);
    }
}

/// Steps that wait, oldest first.
pub(super) struct Queue {
    state: Mutex<State>,
    is_waiting: Condvar,
}

struct State {
    steps: VecDeque<Step>,
    users: usize,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            state: Mutex::new(State { steps: VecDeque::new(), users: 1, is_closed: false }),
            is_waiting: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, so a poisoned one is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a step; its answer comes through the receiver, or an error when the step panicked.
    pub(super) fn push<T: Send + 'static>(
        &self,
        is_write: bool,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, Error>> {
        let (caller, answer) = oneshot::channel();
        let step = Step { is_write, work: Box::new(Waiting { step, caller }) };
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            step.refuse("it is closed");
        } else {
            state.steps.push_back(step);
            // Whoever is woken wants the lock at once.
            drop(state);
            self.is_waiting.notify_one();
        }
        answer
    }

    /// Waits for a step; `None` when nothing waits, and everybody has left or the queue is closed.
    pub(super) fn next(&self) -> Option<Step> {
        let mut state = self.state();
        loop {
            if let Some(step) = state.steps.pop_front() {
                return Some(step);
            }
            if state.users == 0 || state.is_closed {
                return None;
            }
            state = self.is_waiting.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A step if one waits.
    pub(super) fn try_next(&self) -> Option<Step> {
        self.state().steps.pop_front()
    }

    /// One more user of the queue.
    pub(super) fn join(&self) {
        self.state().users += 1;
    }

    /// Takes no more steps; threads end when what waits is done.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.is_waiting.notify_all();
    }

    /// One user less; threads end when the last has left.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        state.users = state.users.saturating_sub(1);
        let is_last = state.users == 0;
        drop(state);
        // Nobody else is woken: a store is cloned and dropped with each request, and all threads would look up each time.
        if is_last {
            self.is_waiting.notify_all();
        }
    }
}
