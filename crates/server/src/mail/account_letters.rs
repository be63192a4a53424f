//! Letters about accounts: links that open something for an hour, and notices.
//!
//! Nothing in them is of whoever asked for them, not even a name: they may go to somebody who never did.

use mask_core::{mail::Address, time::Time};
use mask_store::NewLetter;

use super::{letters::Letters, words::Words};

/// What a letter is about.
#[derive(Clone, Copy, Debug)]
pub enum AccountLetter<'a> {
    /// Somebody has lost their password.
    NewPassword {
        /// Where another is chosen.
        link: &'a str,
    },
    /// Somebody signed up.
    Welcome {
        /// Where a password is chosen.
        link: &'a str,
    },
    /// Somebody signed up who has an account.
    KnownAlready {
        /// Where another password is chosen.
        link: &'a str,
    },
    /// An account is to have this address.
    ConfirmEmail {
        /// Where that is confirmed.
        link: &'a str,
    },
    /// An account has another address than this now.
    EmailChanged {
        /// Which.
        new: &'a str,
    },
}

const IGNORE: &str = "If it was not you, do nothing: without the link nothing happens.";

impl<'a> AccountLetter<'a> {
    fn words(self) -> Words<'a> {
        match self {
            Self::NewPassword { link } => Words {
                subject: "Choose a new password".into(),
                first: "somebody, most likely you, asked for a new password for your account. Choose it here:"
                    .to_owned(),
                link: Some(("Choose a new password", link)),
                last: "If it was not you, do nothing: your password stays as it is.",
            },
            Self::Welcome { link } => Words {
                subject: "Finish signing up".into(),
                first: "somebody, most likely you, signed up with this address. Choose a password, and you are in:"
                    .to_owned(),
                link: Some(("Choose a password", link)),
                last: IGNORE,
            },
            Self::KnownAlready { link } => Words {
                subject: "You have an account already".into(),
                first:
                    "somebody, most likely you, signed up with this address, which has an account already. Sign in as \
                        you did before; if you do not know your password any more, choose another here:"
                        .to_owned(),
                link: Some(("Choose a new password", link)),
                last: "If it was not you, do nothing: your password stays as it is.",
            },
            Self::ConfirmEmail { link } => Words {
                subject: "Confirm your new address".into(),
                first: "somebody, most likely you, wants to use this address for an account. Confirm that it is yours:"
                    .to_owned(),
                link: Some(("Confirm this address", link)),
                last: IGNORE,
            },
            Self::EmailChanged { new } => Words {
                subject: "The address of your account was changed".into(),
                first: format!("your account now has another address, {new}, and no longer this one."),
                link: None,
                last: "If it was not you, tell whoever runs this service at once.",
            },
        }
    }
}

impl Letters {
    /// A letter about an account.
    pub fn account(&self, letter: AccountLetter<'_>, to: Address, now: Time) -> NewLetter {
        self.seal(&letter.words().letter(), to, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let link = "https://go.example/new-password?word=0123&x=<b>";
        for letter in [
            AccountLetter::NewPassword { link },
            AccountLetter::Welcome { link },
            AccountLetter::KnownAlready { link },
            AccountLetter::ConfirmEmail { link },
            AccountLetter::EmailChanged { new: "ada@example.com" },
        ] {
            let words = &letter.words();
            let (text, html) = words.written();
            for part in [words.first.as_str(), words.last] {
                assert!(text.contains(part) && html.contains(part), "{letter:?}\n{text}\n{html}");
            }
            assert!(words.link.is_none() || text.contains(link), "{text}");
            assert!(!html.contains("<b>"), "{html}");
        }
    }
}
