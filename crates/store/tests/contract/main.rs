//! The contract of the store: what each of its methods promises, shown on SQLite and on PostgreSQL by the same tests.
//!
//! A test body is an async function over a [`Backend`](backend::Backend); a macro makes it one test on each database. It
//! has a database to itself, so no test knows of another, and none waits for time to pass. The last word has
//! [`coverage`]: a public method that no test calls fails it.

mod answers;
mod backend;
mod changes;
mod clicks;
mod coverage;
mod deletions;
mod deliveries;
mod disk;
mod feed;
mod keys;
mod links;
mod listeners;
mod lists;
mod opening;
mod outage;
mod postgres;
mod replies;
mod rows;
mod salts;
mod sample;
mod tags;
mod webhooks;
mod workspaces;
mod writer;
