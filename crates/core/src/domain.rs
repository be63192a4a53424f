//! Domains: hosts that workspaces bring along, and what DNS must say before one is theirs.
//!
//! Anybody may ask for any name. It becomes theirs when DNS says so: a `TXT` record under `_mask.` with a token that only
//! they were given shows who may speak for the name ([`Domain::token`]), and a `CNAME` or addresses show that visitors come
//! here. A name is verified for one owner at a time, a workspace in one of its two environments, as all addresses on a
//! host are one space.
//!
//! **What a look at DNS can say** is one of three things: the record is there, it is not there, or nobody could be asked.
//! The third is no evidence of anything: it takes nothing from anybody, neither a proof that was seen before nor the time
//! that an owner has to put one there. A verified domain is never taken back because of what a look did not find. It
//! changes hands only when somebody else shows a token of theirs and the former owner's is not there beside it: whoever
//! leaves the record in place cannot lose the domain.

mod name;

use std::time::Duration;

pub use name::DomainName;

use crate::{destination::WebUrl, id::DomainId, time::Time, workspace::Owner};

/// Most domains of one owner.
pub const MOST_DOMAINS: usize = 500;
/// Most bytes of a file at `/.well-known/`: as much as Apple takes.
pub const MOST_FILE_BYTES: usize = 128 * 1024;
/// What stands before the domain in the name of the record that shows whose it is.
pub const PROOF_LABEL: &str = "_mask";
/// How long a domain is looked at that nobody has shown to be theirs.
pub const GIVEN_UP_AFTER: Duration = Duration::from_hours(7 * 24);
/// Between two looks that somebody asks for.
pub const LOOKS_REST: Duration = Duration::from_secs(5);

/// A domain as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Whose it is, or is to be.
    pub owner: Owner,
    /// Its name.
    pub name: DomainName,
    /// What the record under `_mask.` must say.
    pub token: String,
    /// What its owner sets.
    pub content: Content,
    /// Whether it is theirs.
    pub status: Status,
    /// Whether the token was there when that could last be told.
    pub has_proof: bool,
    /// Whether the name led here when that could last be told.
    pub points_here: bool,
    /// The last look.
    pub look: Option<Looked>,
    /// Since when it is being looked at in the hope of a proof.
    pub sought_since: Time,
    /// When it was shown to be its owner's.
    pub verified_at: Option<Time>,
    /// How often its owner, or what became of it, has changed it.
    pub version: i64,
    /// How often it was looked at.
    pub looks: i64,
    /// When it was asked for.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl Domain {
    /// The name of the record that must hold the token.
    pub fn proof_name(&self) -> String {
        format!("{PROOF_LABEL}.{}", self.name)
    }
}

/// What the owner of a domain sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Whether links live here that name no domain.
    pub is_default: bool,
    /// Where `/` leads.
    pub root_url: Option<WebUrl>,
    /// Where paths lead at which there is nothing.
    pub not_found_url: Option<WebUrl>,
    /// Where links lead that have ended and name no address of their own for that.
    pub expired_url: Option<WebUrl>,
    /// The JSON at `/.well-known/apple-app-site-association`.
    pub apple_app_site_association: Option<String>,
    /// The JSON at `/.well-known/assetlinks.json`.
    pub assetlinks: Option<String>,
    /// What `/robots.txt` says.
    pub robots: Robots,
}

/// What crawlers are asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Robots {
    /// Follow whatever they find.
    #[default]
    Allow,
    /// Stay away.
    Disallow,
}

impl Robots {
    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Disallow => "disallow",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Result<Self, crate::Refused> {
        match text {
            "allow" => Ok(Self::Allow),
            "disallow" => Ok(Self::Disallow),
            _ => Err(crate::Refused::because("Must be allow or disallow")),
        }
    }
}

/// Whether a domain is its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not yet; it is looked at from time to time.
    Pending,
    /// It is.
    Verified,
    /// It was not shown in time, or somebody else has shown it since. It is looked at when somebody asks for that.
    Failed,
}

impl Status {
    /// Each of them; what is stored is the place.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Verified, Self::Failed];

    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Failed => "failed",
        }
    }
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that is needed is there.
    Found,
    /// DNS answered, and something is missing.
    NotFound,
    /// DNS did not answer, so nothing can be told.
    Unavailable,
    /// All is there, and so is the token of whoever has the domain now.
    Taken,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Found, Self::NotFound, Self::Unavailable, Self::Taken];

    /// As stored, and as written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::Taken => "taken",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Result<Self, crate::Refused> {
        let found = Self::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        found.ok_or(crate::Refused::because("Must be an outcome of a look"))
    }
}

/// A look that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// When.
    pub at: Time,
    /// What it came to.
    pub outcome: Outcome,
    /// What was found or is missing, for people.
    pub message: String,
}

/// Nobody who could be asked has answered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered(pub String);

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointing {
    /// Here.
    Here,
    /// Nowhere, or elsewhere, as the sentence says.
    Elsewhere(String),
}

/// What DNS says of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// When DNS was asked.
    pub at: Time,
    /// What the records under `_mask.` say: tokens, if they are ours.
    pub proofs: Result<Vec<String>, Unanswered>,
    /// Where the domain leads.
    pub pointing: Result<Pointing, Unanswered>,
    /// Whether it must lead here, or may be reached through somebody else.
    pub must_point: bool,
}

/// What a look means to somebody with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In a word.
    pub outcome: Outcome,
    /// In a sentence.
    pub message: String,
    /// Whether the token is there, where that can be told.
    pub has_proof: Option<bool>,
    /// Whether the domain leads here, where that can be told.
    pub points_here: Option<bool>,
}

impl Look {
    /// Whether this token is there.
    pub fn shows(&self, token: &str) -> bool {
        self.proofs.as_ref().is_ok_and(|proofs| proofs.iter().any(|proof| proof == token))
    }

    /// What it means for this domain. What is missing for certain comes before what could not be asked.
    pub fn judge(&self, domain: &Domain) -> Verdict {
        let has_proof = self.proofs.as_ref().ok().map(|_| self.shows(&domain.token));
        let points_here = self.pointing.as_ref().ok().map(|pointing| *pointing == Pointing::Here);
        let (outcome, message) = match (&self.proofs, &self.pointing) {
            (Ok(proofs), _) if has_proof == Some(false) => (Outcome::NotFound, no_proof(domain, proofs)),
            (_, Ok(Pointing::Elsewhere(why))) if self.must_point => (Outcome::NotFound, why.clone()),
            (Err(Unanswered(why)), _) => (Outcome::Unavailable, why.clone()),
            (Ok(_), Err(Unanswered(why))) if self.must_point => (Outcome::Unavailable, why.clone()),
            (Ok(_), Ok(Pointing::Elsewhere(why)) | Err(Unanswered(why))) => {
                (Outcome::Found, format!("The record that shows whose the domain is was found. {why}"))
            }
            (Ok(_), Ok(Pointing::Here)) => (Outcome::Found, "All records were found.".to_owned()),
        };
        Verdict { outcome, message, has_proof, points_here }
    }
}

fn no_proof(domain: &Domain, proofs: &[String]) -> String {
    let (name, token) = (domain.proof_name(), &domain.token);
    if proofs.is_empty() {
        format!("There is no TXT record at {name}. It must say {token}.")
    } else {
        format!("The TXT record at {name} says something else. It must say {token}.")
    }
}

/// When a domain is to be looked at next, after a look of this outcome; `None` when nobody looks any more unless asked.
///
/// A pending domain is looked at after a minute, and then ever less often, as its owner has ever less reason to wait at
/// the screen; after a week without a proof it has failed. While DNS is away that week does not end. A verified one is
/// looked at once a day, for what its owner is shown.
pub fn next_look(domain: &Domain, status: Status, outcome: Outcome, now: Time) -> Option<Duration> {
    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    let sought_ms = now.unix_millis().saturating_sub(domain.sought_since.unix_millis()).max(0);
    let sought = Duration::from_millis(sought_ms.unsigned_abs());
    match (status, outcome) {
        (Status::Failed, _) => None,
        (Status::Verified, Outcome::Unavailable) => Some(HOUR),
        (Status::Verified, _) => Some(24 * HOUR),
        (Status::Pending, Outcome::Unavailable) => Some((sought / 4).clamp(MINUTE, HOUR)),
        (Status::Pending, _) if sought >= GIVEN_UP_AFTER => None,
        (Status::Pending, _) => Some((sought / 4).clamp(MINUTE, HOUR)),
    }
}

#[cfg(test)]
mod tests;
