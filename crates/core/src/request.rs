//! Requests: what people, logs and deliveries call one by.

/// The id of a request: `req_` and 12 hexadecimal digits. It is drawn, not counted, and is no secret.
///
/// Nearly every one is shown at once, so the text lies ready beside its number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    number: u64,
    text: [u8; 16],
}

impl RequestId {
    /// The bytes that a number needs.
    pub const BYTES: usize = 6;
    const PREFIX_BYTES: usize = 4;

    /// The id of this number, of which what does not fit is dropped.
    pub const fn of(number: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let number = number & ((1 << (8 * Self::BYTES)) - 1);
        let mut text = *b"req_000000000000";
        let (mut place, mut rest) = (text.len(), number);
        while place > Self::PREFIX_BYTES {
            place -= 1;
            text[place] = DIGITS[(rest & 15) as usize];
            rest >>= 4;
        }
        Self { number, text }
    }

    /// The id of the number that [`to_bytes`](Self::to_bytes) has written.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let mut number = [0; 8];
        number[..Self::BYTES].copy_from_slice(&bytes);
        Self::of(u64::from_le_bytes(number))
    }

    /// Its number, little-endian.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(&self.number.to_le_bytes()[..Self::BYTES]);
        bytes
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or("req_")
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_its_shape() {
        assert_eq!(RequestId::of(0).as_str(), "req_000000000000");
        assert_eq!(RequestId::of(0x1234_5678_9abc_def0).to_string(), "req_56789abcdef0", "the lowest 48 bits");
    }

    proptest! {
        #[test]
        fn an_id_is_its_bytes_again(number: u64) {
            let id = RequestId::of(number);
            prop_assert_eq!(RequestId::from_bytes(id.to_bytes()), id);
            prop_assert_eq!(id.as_str(), format!("req_{:012x}", number & 0xffff_ffff_ffff));
        }
    }
}
