//! Ids of rows that are found by their number.
//!
//! Such an id says the number, so that it is found without an index of its own, and so that of two of one moment the later
//! sorts behind the earlier. Beside it stands what follows from the row and cannot be guessed from the number: an id that
//! somebody made up is nobody's.

use std::hash::{Hash, Hasher};

use mask_core::{id, time::Time};
use siphasher::sip::SipHasher24;

/// Bits of the number; those below it are what cannot be guessed.
const NUMBER_BITS: u32 = 40;
const CHANCE_BITS: u32 = 80 - NUMBER_BITS;

/// The bits of the id of the row with this number, written at this time and known by this.
pub(crate) fn bits(at: Time, number: i64, identity: impl Hash) -> u128 {
    let number = u128::from(number.unsigned_abs()) & low(NUMBER_BITS);
    id::at(at, number << CHANCE_BITS | u128::from(chance(identity)) & low(CHANCE_BITS))
}

/// The time and the number that an id of a row says.
pub(crate) fn place(bits: u128) -> (Time, i64) {
    let millis = i64::try_from(bits >> 80).unwrap_or(i64::MAX);
    let number = i64::try_from(bits >> CHANCE_BITS & low(NUMBER_BITS)).unwrap_or(i64::MAX);
    (Time::from_unix_millis(millis), number)
}

/// A number that follows from this alone, on every node.
pub(crate) fn chance(identity: impl Hash) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    identity.hash(&mut hasher);
    hasher.finish()
}

const fn low(bits: u32) -> u128 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_its_number_and_more() {
        let at = Time::from_unix_millis(1_700_000_000_123);
        for number in [0, 1, 5, 1 << 39] {
            let (one, other) = (bits(at, number, "lnk_1 req_1"), bits(at, number, "lnk_1 req_2"));
            assert_eq!((place(one), place(other)), ((at, number), (at, number)));
            assert_ne!(one, other, "the number alone is not enough");
            assert!(bits(at, number + 1, "lnk_1 req_1") > one.max(other), "the later sorts behind the earlier");
        }
    }
}
