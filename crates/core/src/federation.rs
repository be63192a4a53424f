//! What groups of elsewhere stand for here.
//!
//! A provider of identities says which groups somebody is in, and the operator says what that makes them. Of several groups
//! that stand for one workspace, the one with the greatest role counts. A workspace that is named at all belongs to the
//! groups: whoever is in none of them has no part in it, when they sign in next. An owner stays one, as a workspace without
//! an owner would be nobody's.

use std::collections::BTreeMap;

use crate::{Refused, role::Role, workspace};

/// What one group stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The group, as the provider names it.
    pub group: String,
    /// The slug of the workspace.
    pub workspace: String,
    /// What its people are there.
    pub role: Role,
}

impl Grant {
    /// Reads `group=workspace:role`. Nobody becomes an owner by a group.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let wanted = Refused::because("a group, the slug of a workspace and admin, member or viewer");
        let (group, place) = text.rsplit_once('=').ok_or(wanted.clone())?;
        let (slug, role) = place.split_once(':').ok_or(wanted.clone())?;
        let role = Role::parse(role.trim())?;
        if group.trim().is_empty() || role == Role::Owner {
            return Err(wanted);
        }
        Ok(Self { group: group.trim().to_owned(), workspace: workspace::parse_slug(slug.trim())?, role })
    }
}

/// What somebody in these groups is, in each workspace that the grants name; `None` is nothing.
pub fn roles<'g>(grants: &'g [Grant], groups: &[String]) -> BTreeMap<&'g str, Option<Role>> {
    let mut roles = BTreeMap::new();
    for grant in grants {
        let role: &mut Option<Role> = roles.entry(grant.workspace.as_str()).or_default();
        if groups.contains(&grant.group) {
            *role = (*role).max(Some(grant.role));
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read() {
        let grant = |text| Grant::parse(text).map(|grant| (grant.group, grant.workspace, grant.role));
        assert_eq!(grant("designers=default:member"), Ok(("designers".into(), "default".into(), Role::Member)));
        assert_eq!(grant("cn=a,dc=b = team : admin"), Ok(("cn=a,dc=b".into(), "team".into(), Role::Admin)));
        for text in ["", "designers", "designers=default", "=default:member", "a=default:owner", "a=B!:member"] {
            assert!(grant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_greatest_role_counts() {
        let grants = ["a=one:viewer", "b=one:admin", "c=one:member", "a=two:member"];
        let grants: Vec<_> = grants.iter().map(|text| Grant::parse(text).expect("a grant")).collect();
        let of = |groups: &[&str]| {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            roles(&grants, &groups).into_values().collect::<Vec<_>>()
        };
        assert_eq!(of(&["a", "b", "c"]), [Some(Role::Admin), Some(Role::Member)]);
        assert_eq!(of(&["c"]), [Some(Role::Member), None]);
        assert_eq!(of(&[]), [None, None]);
    }
}
