//! What goes on after an answer: noting that a key was used, writing a letter that nobody waits for.
//!
//! It is done on the thread that drains the clicks. The one that answered ends when its requests have, and would take along
//! what it has not done by then; this one is the last to end, and a stop waits until there is nothing left.

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// See the module.
#[derive(Clone, Debug)]
pub struct Afterwards {
    tasks: TaskTracker,
    runtime: Handle,
}

impl Afterwards {
    /// Work that this tracker waits for, done there.
    pub fn on(runtime: Handle, tasks: TaskTracker) -> Self {
        Self { tasks, runtime }
    }

    /// Begins some work that nobody waits for but the end of the server.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(work, &self.runtime);
    }
}
