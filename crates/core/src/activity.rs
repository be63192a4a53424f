//! What somebody does with their own account, as they are shown it: how they came in, and what they changed about that.
//!
//! A line keeps the text, not a number: a node of an older version shows what a newer one has written.

macro_rules! activities {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Activity { $($(#[$doc])+ $name,)+ }

        impl Activity {
            /// All that there are, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As written in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

activities! {
    /// Somebody signed in.
    SignedIn = "session.created",
    /// A session was ended: somebody signed out, or ended it from elsewhere.
    SessionEnded = "session.ended",
    /// All sessions but the one that asked were ended.
    OthersEnded = "session.others_ended",
    /// The password was changed by somebody who was signed in.
    PasswordChanged = "password.changed",
    /// A password was chosen by the link of a letter, or one that the operator has printed. All sessions ended.
    PasswordReset = "password.reset",
    /// The account got another address.
    EmailChanged = "email.changed",
    /// An authenticator app was put to use.
    AppConfirmed = "totp.enabled",
    /// No code is asked for any more.
    AppEnded = "totp.disabled",
    /// Somebody came in by a recovery code, which is good no more.
    RecoveryCodeUsed = "recovery_code.used",
    /// Other recovery codes took the place of those before.
    RecoveryCodesReplaced = "recovery_codes.replaced",
    /// Somebody came by way of the provider of identities for the first time. Other ways in that the account had have ended,
    /// but for one who runs the installation.
    IdentityLinked = "identity.linked",
    /// The operator lets nobody in any more. All sessions ended.
    Disabled = "account.disabled",
    /// The operator lets them in again.
    Enabled = "account.enabled",
}

impl std::fmt::Display for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_activitys() {
        let names: std::collections::BTreeSet<_> = Activity::ALL.iter().map(|activity| activity.as_str()).collect();
        assert_eq!(names.len(), Activity::ALL.len());
    }
}
