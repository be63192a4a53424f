//! One-time codes of an authenticator app (RFC 6238): six digits, new every half minute, and what an app is told.
//!
//! SHA-1, six digits and thirty seconds are the only parameters that every app takes, whatever its QR code says; within HMAC
//! the weakness of SHA-1 does not matter. The hash is an argument, as it needs a crate that has no place here.
//!
//! A code is good in its half minute and in those beside it, as clocks differ and people type. Whoever checks one keeps the
//! number of its half minute ([`step_of`]) and takes no code of that or an earlier one again: a code that somebody reads over
//! a shoulder opens nothing.

use crate::{Refused, time::Time};

/// Bytes of a secret (RFC 4226 §4, R6: 160 bits).
pub const SECRET_BYTES: usize = 20;
/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;

const STEP_S: i64 = 30;
const DIGITS: u32 = 1_000_000;
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of a recovery code, none of which looks like another.
const PLAIN: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const RECOVERY_LETTERS: usize = 16;

/// The code of one half minute, from the HMAC-SHA-1 under the secret of its number (RFC 4226 §5.3).
pub fn code(mac: &[u8; 20]) -> u32 {
    let place = usize::from(mac[19] & 15);
    let word = [mac[place] & 0x7f, mac[place + 1], mac[place + 2], mac[place + 3]];
    u32::from_be_bytes(word) % DIGITS
}

/// The half minutes whose codes are good now, the most likely first.
pub fn steps(now: Time) -> [i64; 3] {
    let step = now.unix_seconds().div_euclid(STEP_S);
    [step, step - 1, step + 1]
}

/// The half minute whose code this is; `mac` is the HMAC-SHA-1 under the secret.
pub fn step_of(typed: u32, now: Time, mac: impl Fn(&[u8]) -> [u8; 20]) -> Option<i64> {
    steps(now).into_iter().find(|step| code(&mac(&step.to_be_bytes())) == typed)
}

/// Reads the six digits, with spaces as apps show them.
pub fn parse_code(text: &str) -> Result<u32, Refused> {
    let digits: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let code = is_code.then(|| digits.parse().ok()).flatten();
    code.ok_or(Refused::because("Must be the six digits that your app shows"))
}

/// A secret as apps take it: base32 (RFC 4648 §6) without padding.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut five = [0; 8];
        five[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(five);
        let letters = (chunk.len() * 8).div_ceil(5);
        text.extend((0..letters).map(|place| char::from(LETTERS[((bits >> (35 - 5 * place)) & 31) as usize])));
    }
    text
}

/// What the QR code says that an app reads.
pub fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let (issuer, account, secret) = (encoded(issuer), encoded(account), base32(secret));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

/// A recovery code made of this chance, as it is shown: four groups of four letters, so 80 bits that nobody guesses.
pub fn recovery_code(chance: [u8; RECOVERY_LETTERS]) -> String {
    let letters: Vec<char> = chance.iter().map(|byte| char::from(PLAIN[usize::from(byte & 31)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Reads a recovery code, however it was typed: the letters alone, in lower case, and those that were taken for others.
pub fn parse_recovery_code(text: &str) -> Result<String, Refused> {
    let letters = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let letters: String = letters
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    let is_code = letters.len() == RECOVERY_LETTERS && letters.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_code { Ok(letters) } else { Err(Refused::because("Must be one of your recovery codes, or six digits")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(hex: &str) -> [u8; 20] {
        std::array::from_fn(|place| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).expect("digits"))
    }

    #[test]
    fn codes_are_those_of_rfc_4226_appendix_d() {
        for (hex, expected) in [
            ("cc93cf18508d94934c64b65d8ba7667fb7cde4b0", 755_224),
            ("75a48a19d4cbe100644e8ac1397eea747a2d33ab", 287_082),
            ("0bacb7fa082fef30782211938bc1c5e70416ff44", 359_152),
            ("66c28227d03a2d5529262ff016a1e6ef76557ece", 969_429),
        ] {
            assert_eq!(code(&mac(hex)), expected);
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_code_is_good_beside_its_half_minute() {
        let steps_at = |seconds: i64| steps(Time::from_unix_millis(seconds * 1000));
        assert_eq!(steps_at(59), [1, 0, 2]);
        assert_eq!(steps_at(60), [2, 1, 3]);
        let only_of = |good: i64| move |bytes: &[u8]| if bytes == good.to_be_bytes() { [1; 20] } else { [2; 20] };
        let now = Time::from_unix_millis(90_000);
        for (step, found) in [(1, None), (2, Some(2)), (3, Some(3)), (4, Some(4)), (5, None)] {
            assert_eq!(step_of(code(&[1; 20]), now, only_of(step)), found);
        }
    }

    #[test]
    fn what_people_type_is_read() {
        assert_eq!(parse_code(" 012 345 "), Ok(12_345));
        for text in ["", "12345", "1234567", "12345a", "\u{661}23456"] {
            assert!(parse_code(text).is_err(), "{text}");
        }
        let chance: [u8; 16] = std::array::from_fn(|place| u8::try_from(place * 17).unwrap_or(3));
        let code = recovery_code(chance);
        assert_eq!((code.len(), code.matches('-').count()), (19, 3));
        let plain = code.replace('-', "");
        assert_eq!(parse_recovery_code(&code.to_uppercase()), Ok(plain.clone()));
        assert_eq!(parse_recovery_code(&plain.replace('0', "O").replace('1', "l")), Ok(plain));
        assert!(parse_recovery_code("123456").is_err() && parse_recovery_code("").is_err());
    }

    #[test]
    fn what_an_app_reads() {
        assert_eq!(
            uri("Mask go.example", "ada+x@example.com", b"foobar"),
            "otpauth://totp/Mask%20go%2Eexample:ada%2Bx%40example%2Ecom?secret=MZXW6YTBOI&issuer=Mask%20go%2Eexample&algorithm=SHA1&digits=6&period=30"
        );
    }
}
