//! Who does something: what the log of changes names, and what a repeated request is recognised by.

use crate::{
    Refused,
    id::{KeyId, UserId},
};

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A program, with this API key.
    Key(KeyId),
    /// Somebody who was signed in.
    Person(UserId),
    /// The installation itself: its command line, or what it does by the clock.
    System,
}

impl Actor {
    const SYSTEM: &'static str = "system";

    /// Reads what was written by its `Display`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text == Self::SYSTEM {
            return Ok(Self::System);
        }
        KeyId::parse(text).map(Self::Key).or_else(|_| UserId::parse(text).map(Self::Person))
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
            Self::System => f.write_str(Self::SYSTEM),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_actor_reads_back() {
        for actor in [Actor::Key(KeyId::from_bits(7)), Actor::Person(UserId::from_bits(7)), Actor::System] {
            assert_eq!(Actor::parse(&actor.to_string()), Ok(actor));
        }
        assert!(Actor::parse("lnk_00000000000000000000000007").is_err() && Actor::parse("").is_err());
    }
}
