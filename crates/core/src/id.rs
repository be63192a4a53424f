//! Ids: a prefix that says what kind of thing it is, then 26 characters that sort by creation time.
//!
//! The 128 bits are a ULID's: 48 bits of Unix milliseconds, then 80 of chance, written in Crockford's base 32 in lower
//! case. The kinds are different types, so a link's id cannot be handed to a look-up of keys.

use crate::{Refused, time::Time};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

fn digits(mut bits: u128) -> [u8; DIGITS] {
    let mut text = [0; DIGITS];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    text
}

fn bits(text: &str) -> Option<u128> {
    if text.len() != DIGITS {
        return None;
    }
    let mut bits: u128 = 0;
    for (place, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)? as u128;
        // 26 digits hold 130 bits: the first may only use three of its five.
        if place == 0 && digit > 7 {
            return None;
        }
        bits = bits << 5 | digit;
    }
    Some(bits)
}

/// The 128 bits of a new id: `chance` below the time. Two ids of one millisecond sort by chance; whoever makes many
/// (the server's one source of ids) sees to it that later ones are larger.
pub const fn at(now: Time, chance: u128) -> u128 {
    // A time before 1970 has no place in an id; it sorts with the first.
    let millis = if now.unix_millis() < 0 { 0 } else { now.unix_millis().unsigned_abs() as u128 };
    (millis << 80) | (chance & ((1 << 80) - 1))
}

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident = $prefix:literal,)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id with these bits; see [`at`] for new ones.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The bits behind the text.
            pub const fn bits(self) -> u128 {
                self.0
            }

            /// Reads an id of this kind; anything else, an id of another kind too, is refused.
            pub fn parse(text: &str) -> Result<Self, Refused> {
                text.strip_prefix($prefix).and_then(bits).map(Self)
                    .ok_or(Refused::because(concat!("Must be an id that begins with ", $prefix)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($prefix)?;
                f.write_str(std::str::from_utf8(&digits(self.0)).map_err(|_| std::fmt::Error)?)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

ids! {
    /// A short link.
    LinkId = "lnk_",
    /// An API key (not its secret).
    KeyId = "key_",
    /// A workspace.
    WorkspaceId = "ws_",
    /// A tag of a workspace.
    TagId = "tag_",
    /// Something that happened: a click, a view, a scan, a change.
    EventId = "evt_",
    /// A webhook subscription.
    WebhookId = "wh_",
    /// A delivery of an event to a subscription.
    DeliveryId = "dlv_",
    /// A QR code.
    QrId = "qr_",
    /// A bio page.
    PageId = "bp_",
    /// A block of a bio page.
    BlockId = "blk_",
    /// Somebody who left an address at a bio page.
    SubscriberId = "sub_",
    /// A domain of a workspace.
    DomainId = "dom_",
    /// A letter in the outbox.
    LetterId = "ltr_",
    /// Somebody with an account.
    UserId = "usr_",
    /// A browser in which somebody is signed in.
    SessionId = "ses_",
    /// Somebody's place in a workspace.
    MemberId = "mem_",
    /// An invitation to a workspace.
    InvitationId = "inv_",
    /// An address that messages of bio pages are mailed to.
    RecipientId = "rcp_",
    /// A line of the log of changes.
    ChangeId = "aud_",
    /// A line of what somebody did with their own account.
    ActivityId = "act_",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_sorts_by_time() {
        let early = LinkId::from_bits(at(Time::from_unix_millis(1_700_000_000_000), u128::MAX));
        let late = LinkId::from_bits(at(Time::from_unix_millis(1_700_000_000_001), 0));
        assert_eq!(LinkId::parse(&early.to_string()), Ok(early));
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().len(), 30);
    }

    #[test]
    fn what_is_not_such_an_id_is_refused() {
        let id = LinkId::from_bits(at(Time::from_unix_millis(1), 5)).to_string();
        let digits = id.trim_start_matches("lnk_");
        for text in [
            "",
            "lnk_",
            "lnk_def456",
            digits,
            &format!("key_{digits}"),
            &id.to_uppercase(),
            &format!("{id}0"),
            "lnk_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "lnk_é1234567890123456789012345",
        ] {
            assert!(LinkId::parse(text).is_err(), "{text}");
        }
        assert!(LinkId::parse("lnk_7zzzzzzzzzzzzzzzzzzzzzzzzz").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn every_id_reads_back(bits: u128) {
            let id = KeyId::from_bits(bits);
            proptest::prop_assert_eq!(KeyId::parse(&id.to_string()), Ok(id));
        }
    }
}
