//! Members of a workspace, and what one may do with the place of another.
//!
//! Two things must stay true however the rules are changed. Nobody comes to more than they have: whoever gives a role gives none
//! above their own, and touches nobody who stands above them. And a workspace always has an owner: the last one can neither
//! step down nor go, whoever asks. What is judged here is judged again by nobody, so the store asks under a lock, with the roles
//! as they are at that moment: of two owners who demote each other one is no owner any more when the second is judged.

use crate::{
    id::{MemberId, UserId},
    mail::Address,
    role::Role,
    time::Time,
};

/// Somebody's place in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: MemberId,
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: String,
    /// Where they are written to.
    pub email: Address,
    /// What they are here.
    pub role: Role,
    /// Counts changes of the place, from 1.
    pub version: i64,
    /// When they joined.
    pub created_at: Time,
    /// When the place was last changed.
    pub updated_at: Time,
}

/// What is to become of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// They get this role.
    Become(Role),
    /// They go.
    Leave,
}

/// Who asks for something, and of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What they are who ask; an API key that may change the workspace counts as an admin.
    pub asker: Role,
    /// Whether they ask it of themselves.
    pub is_self: bool,
    /// What they are of whom it is asked.
    pub member: Role,
    /// Whether there is another owner than they.
    pub is_other_owner: bool,
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unallowed {
    /// Whoever asks is not even an admin.
    NoAdmin,
    /// The member stands above whoever asks.
    Mightier,
    /// The role stands above that of whoever asks.
    AboveOwn,
    /// The workspace would be without an owner.
    LastOwner,
}

impl Case {
    /// Whether it may be done.
    pub fn judge(self, wish: Wish) -> Result<(), Unallowed> {
        // Everybody may go; all else is for admins.
        if self.asker < Role::Admin && !(self.is_self && wish == Wish::Leave) {
            return Err(Unallowed::NoAdmin);
        }
        if self.member > self.asker {
            return Err(Unallowed::Mightier);
        }
        if let Wish::Become(role) = wish {
            may_give(self.asker, role)?;
        }
        let stays_owner = wish == Wish::Become(Role::Owner);
        if self.member == Role::Owner && !stays_owner && !self.is_other_owner {
            return Err(Unallowed::LastOwner);
        }
        Ok(())
    }
}

/// Whether somebody of this role may make somebody else a member of that one.
pub fn may_give(asker: Role, role: Role) -> Result<(), Unallowed> {
    if asker < Role::Admin {
        Err(Unallowed::NoAdmin)
    } else if role > asker {
        Err(Unallowed::AboveOwn)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Admin, Member as Plain, Owner, Viewer};
    use Unallowed::{AboveOwn, LastOwner, Mightier, NoAdmin};

    #[test]
    fn who_may_do_what_with_whom() {
        let leave = Wish::Leave;
        let become_ = Wish::Become;
        for (asker, is_self, member, is_other_owner, wish, expected) in [
            // Going is everybody's, but for the last owner.
            (Viewer, true, Viewer, true, leave, Ok(())),
            (Plain, true, Plain, true, leave, Ok(())),
            (Admin, true, Admin, true, leave, Ok(())),
            (Owner, true, Owner, true, leave, Ok(())),
            (Owner, true, Owner, false, leave, Err(LastOwner)),
            // Nothing else is a viewer's or a member's.
            (Viewer, true, Viewer, true, become_(Viewer), Err(NoAdmin)),
            (Viewer, true, Viewer, true, become_(Owner), Err(NoAdmin)),
            (Plain, true, Plain, true, become_(Viewer), Err(NoAdmin)),
            (Plain, false, Viewer, true, become_(Viewer), Err(NoAdmin)),
            (Plain, false, Viewer, true, leave, Err(NoAdmin)),
            (Viewer, false, Owner, true, leave, Err(NoAdmin)),
            // Admins do with all but owners, up to what they are.
            (Admin, false, Viewer, true, become_(Plain), Ok(())),
            (Admin, false, Plain, true, become_(Admin), Ok(())),
            (Admin, false, Admin, true, become_(Viewer), Ok(())),
            (Admin, false, Admin, true, leave, Ok(())),
            (Admin, true, Admin, true, become_(Viewer), Ok(())),
            (Admin, true, Admin, true, become_(Owner), Err(AboveOwn)),
            (Admin, false, Plain, true, become_(Owner), Err(AboveOwn)),
            (Admin, false, Owner, true, become_(Owner), Err(Mightier)),
            (Admin, false, Owner, true, become_(Viewer), Err(Mightier)),
            (Admin, false, Owner, true, leave, Err(Mightier)),
            // Owners do with everybody, as long as one stays.
            (Owner, false, Viewer, false, become_(Owner), Ok(())),
            (Owner, false, Owner, true, become_(Viewer), Ok(())),
            (Owner, false, Owner, true, leave, Ok(())),
            (Owner, true, Owner, true, become_(Admin), Ok(())),
            (Owner, true, Owner, false, become_(Admin), Err(LastOwner)),
            (Owner, true, Owner, false, become_(Owner), Ok(())),
        ] {
            let case = Case { asker, is_self, member, is_other_owner };
            assert_eq!(case.judge(wish), expected, "{case:?} {wish:?}");
        }
    }

    #[test]
    fn whatever_is_allowed_raises_nobody_above_the_asker_and_leaves_an_owner() {
        let wishes = Role::ALL.map(Wish::Become).into_iter().chain([Wish::Leave]);
        for (asker, member, wish) in
            wishes.flat_map(|wish| Role::ALL.iter().flat_map(move |a| Role::ALL.iter().map(move |m| (*a, *m, wish))))
        {
            for (is_self, is_other_owner) in [(false, false), (false, true), (true, false), (true, true)] {
                let case = Case { asker, is_self: is_self && asker == member, member, is_other_owner };
                if case.judge(wish).is_err() {
                    continue;
                }
                assert!(member <= asker, "{case:?} {wish:?}");
                if let Wish::Become(role) = wish {
                    assert!(role <= asker, "{case:?} {wish:?}");
                }
                let is_owner_left = is_other_owner || member != Role::Owner || wish == Wish::Become(Role::Owner);
                assert!(is_owner_left, "{case:?} {wish:?}");
            }
        }
    }

    #[test]
    fn a_role_that_may_be_given() {
        for (asker, role, expected) in [
            (Viewer, Viewer, Err(NoAdmin)),
            (Plain, Viewer, Err(NoAdmin)),
            (Admin, Admin, Ok(())),
            (Admin, Owner, Err(AboveOwn)),
            (Owner, Owner, Ok(())),
        ] {
            assert_eq!(may_give(asker, role), expected, "{asker} gives {role}");
        }
    }
}
