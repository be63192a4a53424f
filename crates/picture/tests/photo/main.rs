//! Pictures of users: what is made of them, and what is refused.

mod cards;
mod drawings;
mod files;
mod photos;
