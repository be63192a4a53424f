//! Actions: what was done, as the log of changes names it.
//!
//! A line of the log keeps the text, not a number: a node of an older version shows what a newer one has written.

use crate::Refused;

macro_rules! actions {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])+ $name,)+ }

        impl Action {
            /// Every action there is, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As written in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    /// A link was made.
    LinkCreated = "link.created",
    /// A link was changed.
    LinkUpdated = "link.updated",
    /// A link was deleted.
    LinkDeleted = "link.deleted",
    /// The paths that were kept for a deleted link were given up.
    LinkReleased = "link.slugs_released",
    /// A bio page was made.
    PageCreated = "bio_page.created",
    /// A bio page, or one of its blocks, was changed.
    PageUpdated = "bio_page.updated",
    /// A bio page was deleted.
    PageDeleted = "bio_page.deleted",
    /// The paths that were kept for a deleted bio page were given up.
    PageReleased = "bio_page.slugs_released",
    /// A QR code was made.
    CodeCreated = "qr_code.created",
    /// A QR code was changed.
    CodeUpdated = "qr_code.updated",
    /// A QR code was deleted.
    CodeDeleted = "qr_code.deleted",
    /// A webhook was made.
    WebhookCreated = "webhook.created",
    /// A webhook was changed.
    WebhookUpdated = "webhook.updated",
    /// A webhook was switched off by the installation.
    WebhookSwitchedOff = "webhook.switched_off",
    /// A webhook was deleted.
    WebhookDeleted = "webhook.deleted",
    /// Somebody began to listen without an address.
    ListenerCreated = "webhook_listener.created",
    /// Somebody listens no more.
    ListenerDeleted = "webhook_listener.deleted",
    /// A domain was asked for.
    DomainCreated = "domain.created",
    /// A domain's settings were changed, or what is known of its proof was given up.
    DomainUpdated = "domain.updated",
    /// A domain was shown to belong to the workspace.
    DomainVerified = "domain.verified",
    /// A domain was shown to belong to another workspace.
    DomainLost = "domain.lost",
    /// A domain was given up.
    DomainDeleted = "domain.deleted",
    /// An API key was made.
    KeyCreated = "api_key.created",
    /// An API key was changed.
    KeyUpdated = "api_key.updated",
    /// An API key got another secret.
    KeyRotated = "api_key.rotated",
    /// An API key was revoked.
    KeyRevoked = "api_key.revoked",
    /// The workspace was made.
    WorkspaceCreated = "workspace.created",
    /// The workspace got another name.
    WorkspaceRenamed = "workspace.renamed",
    /// The workspace was deleted, for as long as it is not taken back.
    WorkspaceDeleted = "workspace.deleted",
    /// The workspace was taken back.
    WorkspaceRestored = "workspace.restored",
    /// Somebody joined the workspace.
    MemberCreated = "member.created",
    /// A member got another role.
    MemberUpdated = "member.updated",
    /// A member left the workspace, or was taken out of it.
    MemberDeleted = "member.deleted",
    /// Somebody was invited.
    InvitationCreated = "invitation.created",
    /// An invitation was taken back.
    InvitationRevoked = "invitation.revoked",
    /// A subscriber of a bio page was deleted by the workspace.
    SubscriberDeleted = "subscriber.deleted",
    /// What is known of visitors was forgotten.
    VisitorDataDeleted = "analytics.visitor_data_deleted",
}

impl Action {
    /// What kind of object it is done to.
    pub fn object(self) -> &'static str {
        match self {
            Self::VisitorDataDeleted => "workspace",
            _ => self.as_str().split_once('.').map_or("", |(object, _)| object),
        }
    }

    /// The actions that a filter means: one by its name, or all that are done to one kind of object, as in `link.`.
    pub fn meant_by(text: &str) -> Result<Vec<Self>, Refused> {
        let is_meant = |action: &&Self| {
            let name = action.as_str();
            name == text || (text.ends_with('.') && name.starts_with(text))
        };
        let meant: Vec<_> = Self::ALL.iter().filter(is_meant).copied().collect();
        if meant.is_empty() {
            let known: Vec<_> = Self::ALL.iter().map(|action| action.as_str()).collect();
            let known = known.join(", ");
            return Err(Refused::saying(format!(
                "Unknown action {text:?}; the actions are {known}, and `link.` stands for all that begin so"
            )));
        }
        Ok(meant)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_one_action_or_those_of_one_kind() {
        use Action::{LinkCreated, LinkDeleted, LinkReleased, LinkUpdated};
        for action in Action::ALL.iter().copied() {
            assert_eq!(Action::meant_by(action.as_str()), Ok(vec![action]));
            assert!(!action.object().is_empty());
        }
        assert_eq!(Action::meant_by("link."), Ok(vec![LinkCreated, LinkUpdated, LinkDeleted, LinkReleased]));
        for text in ["", ".", "link", "link.c", "lin.", "Link."] {
            assert!(Action::meant_by(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_name_is_one_actions() {
        let names: std::collections::BTreeSet<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(names.len(), Action::ALL.len());
    }
}
