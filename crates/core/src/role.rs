//! Roles: what a person may do in a workspace.
//!
//! A role is a set of scopes, so a person and an API key pass the same check at each operation, and one table says who may
//! do what. What no key may ever do (hand a workspace over, delete it) is not a scope but a [`Right`]; it takes somebody in
//! person.

use crate::{
    Refused,
    scope::{Scope, Scopes},
};

/// What somebody is in a workspace, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Creates and changes links, pages and codes.
    Member,
    /// Does everything but what the owner alone may do.
    Admin,
    /// Does everything: also hands the workspace over, and deletes it.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or(Refused::because("Must be owner, admin, member or viewer"))
    }

    /// The least role that has a scope: the table of who may do what.
    pub const fn least_with(scope: Scope) -> Self {
        match scope {
            Scope::LinksRead
            | Scope::BioPagesRead
            | Scope::QrCodesRead
            | Scope::AnalyticsRead
            | Scope::DomainsRead
            | Scope::WebhooksRead
            | Scope::WorkspaceRead => Self::Viewer,
            Scope::LinksWrite | Scope::BioPagesWrite | Scope::QrCodesWrite => Self::Member,
            Scope::DomainsWrite
            | Scope::WebhooksWrite
            | Scope::WorkspaceWrite
            | Scope::ApiKeysRead
            | Scope::ApiKeysWrite => Self::Admin,
        }
    }

    /// All that it may do.
    pub fn scopes(self) -> Scopes {
        let held: Vec<_> = Scope::ALL.iter().copied().filter(|scope| self >= Self::least_with(*scope)).collect();
        Scopes::of(&held)
    }
}

/// What no API key may ever do in a workspace: it takes somebody in person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See who is there, and leave.
    Leave,
    /// Hand it over to another member.
    Transfer,
    /// Delete it, and take that back.
    Delete,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 3] = [Self::Leave, Self::Transfer, Self::Delete];

    /// The least role that has it: the second half of the table of who may do what.
    pub const fn least(self) -> Role {
        match self {
            Self::Leave => Role::Viewer,
            Self::Transfer | Self::Delete => Role::Owner,
        }
    }

    /// What it is, for the table that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leave => "leave the workspace",
            Self::Transfer => "hand the workspace over",
            Self::Delete => "delete the workspace, and take that back",
        }
    }
}

/// The table of who may do what, as people read it: Markdown, made of [`Role::least_with`] and [`Right::least`].
pub fn table() -> String {
    let heads: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let mut text = format!("| what | {} |\n| --- |{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    let scopes = Scope::ALL.iter().map(|scope| (format!("`{scope}`"), Role::least_with(*scope)));
    let rights = Right::ALL.iter().map(|right| (right.as_str().to_owned(), right.least()));
    for (what, least) in scopes.chain(rights) {
        let cells: Vec<_> = Role::ALL.iter().map(|role| if *role >= least { "yes" } else { "no" }).collect();
        text += &format!("| {what} | {} |\n", cells.join(" | "));
    }
    text
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greater_role_may_do_all_that_a_lesser_one_may() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[1].scopes().covers(pair[0].scopes()));
        }
        assert_eq!(Role::Owner.scopes(), Scopes::all());
        assert!(Role::Viewer.scopes().iter().all(|scope| scope.as_str().ends_with(":read")));
    }

    #[test]
    fn the_table_says_what_holds() {
        let table = table();
        assert_eq!(table.lines().count(), 2 + Scope::ALL.len() + Right::ALL.len());
        for line in [
            "| `links:write` | no | yes | yes | yes |",
            "| `workspace:write` | no | no | yes | yes |",
            "| hand the workspace over | no | no | no | yes |",
        ] {
            assert!(table.lines().any(|known| known == line), "{line}\n{table}");
        }
    }

    #[test]
    fn roles_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
        }
        assert!(Role::parse("Owner").is_err());
    }
}
