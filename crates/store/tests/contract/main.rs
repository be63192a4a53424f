//! The contract of the store: what each of its methods promises, shown on SQLite and on PostgreSQL by the same tests.
//!
//! A test body is an async function over a [`Backend`](backend::Backend); a macro makes it one test on each database. It
//! has a database to itself, so no test knows of another, and none waits for time to pass. The last word has
//! [`coverage`]: a public method that no test calls fails it.

mod accounts;
mod activity;
mod answers;
mod asked;
mod audit;
mod backend;
mod bio_page_races;
mod bio_pages;
mod bio_public;
mod certificates;
mod changed_addresses;
mod changes;
mod clicks;
mod coverage;
mod deleted_workspaces;
mod deletions;
mod deliveries;
mod disk;
mod domains;
mod earlier;
mod every_question;
mod feed;
mod identities;
mod invitations;
mod kept_counts;
mod keys;
mod letters;
mod links;
mod listeners;
mod lists;
mod members;
mod opening;
mod outage;
mod payload_versions;
mod people;
mod postgres;
mod qr_codes;
mod referring_pages;
mod removals;
mod replies;
mod requests;
mod rows;
mod salts;
mod sample;
mod shown;
mod splits;
mod subscribers;
mod switched_off;
mod tags;
mod turns;
mod usage;
mod visits;
mod webhooks;
mod workspaces;
mod writer;
