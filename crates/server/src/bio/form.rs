//! The form of an email block: what comes in, and how it is shown again when something about it is wrong.
//!
//! Nothing of this needs JavaScript. A form is posted to the page's own address. Where all is well the answer is a 303 to
//! the page with a fragment ([`done`], [`confirm`]), and the style shows the sentence that the fragment names in place of the
//! form: the page is the one from memory, and nobody's state is kept. Where something is wrong the page is made anew, with
//! what was typed and with each fault beside its field.
//!
//! A page may change while somebody writes. What was typed into a form that is not there any more goes to the one that stands
//! in its place ([`Posted::taker`]), or comes back with the page: nobody's words are dropped.

use std::{net::IpAddr, pin::Pin};

use mask_core::{
    Refused,
    bio_page::{
        BioPage,
        block::{Data, EmailMode},
    },
    id::BlockId,
    time::Time,
    workspace::Owner,
};

/// The field that says which block's form this is.
pub const BLOCK: &str = "block";
/// The field of the address.
pub const EMAIL: &str = "email";
/// The field of the name.
pub const NAME: &str = "name";
/// The field of the message.
pub const MESSAGE: &str = "message";
/// The field that nobody sees, and that programs fill in.
pub const TRAP: &str = "website";

/// What was sent with a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// The block whose form it is, as it was sent.
    pub block: String,
    /// The address, as it was typed.
    pub email: String,
    /// The name, as it was typed.
    pub name: String,
    /// The message, as it was typed.
    pub message: String,
    /// Whether there was a place for a message.
    pub is_letter: bool,
    /// Whether the field that nobody sees was filled in.
    pub is_trapped: bool,
}

impl Posted {
    /// Reads the body of a form (`application/x-www-form-urlencoded`). What has no place in it is left out, as browsers and
    /// their extensions send fields of their own.
    pub fn read(body: &[u8]) -> Self {
        let mut posted = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let place = match &*name {
                BLOCK => &mut posted.block,
                EMAIL => &mut posted.email,
                NAME => &mut posted.name,
                MESSAGE => &mut posted.message,
                TRAP => {
                    posted.is_trapped |= !value.is_empty();
                    continue;
                }
                _ => continue,
            };
            *place = value.into_owned();
            posted.is_letter |= name == MESSAGE;
        }
        posted
    }

    /// The block that takes this: the one whose form it is, or, when that is not there any more, the only one like it.
    pub fn taker(&self, page: &BioPage, now: Time) -> Option<(BlockId, EmailMode)> {
        let mode = if self.is_letter { EmailMode::Contact } else { EmailMode::Signup };
        let forms = || {
            page.shown(now).filter_map(|block| match &block.data {
                Data::Email { mode, .. } => Some((block.id, *mode)),
                _ => None,
            })
        };
        let named = BlockId::parse(&self.block).ok();
        // A form to sign up has nowhere to put a message; one to write says itself what is missing.
        let own = forms().find(|(id, of)| Some(*id) == named && (*of == mode || *of == EmailMode::Contact));
        own.or_else(|| {
            let mut alike = forms().filter(|(_, of)| named.is_some() && *of == mode);
            alike.next().filter(|_| alike.next().is_none())
        })
    }
}

/// A form that was sent and cannot be taken.
#[derive(Clone, Debug)]
pub struct Filled<'a> {
    /// The block whose form it is; none when that is no longer on the page.
    pub block: Option<BlockId>,
    /// What was typed.
    pub posted: &'a Posted,
    /// What is wrong, in the order of the fields. A fault of the field `""` is one of the whole form.
    pub faults: Vec<Fault>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: &'static str,
    /// Why it cannot be taken.
    pub why: Why,
}

/// Why something cannot be taken. The page says it in its own language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not as it has to be.
    Refused(Refused),
    /// Too many come from there.
    TooMany {
        /// When to try again.
        retry_after_s: u64,
    },
    /// It cannot be kept at the moment.
    Unavailable,
}

impl Filled<'_> {
    pub(super) fn typed(&self, field: &str) -> &str {
        match field {
            EMAIL => &self.posted.email,
            NAME => &self.posted.name,
            MESSAGE => &self.posted.message,
            _ => "",
        }
    }

    pub(super) fn fault_of(&self, field: &str) -> Option<&Why> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| &fault.why)
    }
}

/// A form that was sent, with the page that it is on.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The page, as it is in the store.
    pub page: BioPage,
    /// Whose it is.
    pub owner: Owner,
    /// The block whose form it is: one of the page's that can be seen now.
    pub block: BlockId,
    /// What the form is for.
    pub mode: EmailMode,
    /// What was typed.
    pub posted: Posted,
    /// The page's address, as people follow it.
    pub address: String,
    /// Who sent it, for limits alone.
    pub client: IpAddr,
}

/// What became of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept, and there is nothing more for its sender to do.
    Done,
    /// It is kept, and its sender is to confirm the address.
    Confirm,
    /// It cannot be taken as it is. In the order of the fields; the field `""` is the whole form.
    Faulty(Vec<Fault>),
    /// Too many come from there.
    TooMany {
        /// When to try again.
        retry_after_s: u64,
    },
    /// It cannot be kept at the moment.
    Unavailable,
}

/// Who takes what is sent with forms. What programs filled in ([`Posted::is_trapped`]) never comes this far.
pub trait Forms: Send + Sync {
    /// Takes a form.
    fn take(&self, sent: Sent) -> Pin<Box<dyn Future<Output = Taken> + Send + '_>>;
}

/// Where a visitor is sent whose message was taken: to the page, where the owner's sentence stands in the form's place.
pub fn done(slug: &str, block: BlockId) -> String {
    format!("/{slug}?done={block}#{block}-done")
}

/// Where a visitor is sent whose address is to be confirmed: to the page, where it says so in the form's place.
pub fn confirm(slug: &str, block: BlockId) -> String {
    format!("/{slug}?done={block}#{block}-confirm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read() {
        let posted = Posted::read(b"block=blk_1&email=ada%40e.com&message=a%0D%0Ab+c&utf8=%E2%9C%93&website=&name");
        assert_eq!(
            posted,
            Posted {
                block: "blk_1".into(),
                email: "ada@e.com".into(),
                name: String::new(),
                message: "a\r\nb c".into(),
                is_letter: true,
                is_trapped: false
            }
        );
        assert!(Posted::read(b"website=x").is_trapped && Posted::read(b"website=x&website=").is_trapped);
        assert_eq!(Posted::read(b"\xff=%zz&&&=&email=%ff").email, "\u{fffd}");
    }
}
