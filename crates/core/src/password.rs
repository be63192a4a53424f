//! Passwords of accounts: how long they are, and which everybody knows.
//!
//! Length is what makes a password hard to find; rules about digits and signs make it hard to remember and, as people meet
//! them all in the same way, hardly harder to find (NIST SP 800-63B §3.1.1.2). So the one rule is a length, and what whoever
//! tries passwords tries first is refused: the well-known ones, however many digits are added to them, the address and the
//! name of whoever chooses one, and what repeats or counts.
//!
//! What must stay true: a password is compared as it was typed. Nothing is trimmed or cut, and no letter is changed.

use crate::Refused;

/// The fewest characters.
pub const SHORTEST: usize = 8;
/// The most characters: more would be work for whoever hashes them.
pub const LONGEST: usize = 128;

/// What everybody knows, in lower case and without digits at its end: what is tried first adds those by itself.
const KNOWN: &[&str] = &[
    "abc",
    "abcd",
    "abcde",
    "abcdef",
    "abcdefg",
    "abcdefgh",
    "abcdefghi",
    "aa",
    "access",
    "account",
    "admin",
    "administrator",
    "admins",
    "alexander",
    "amanda",
    "america",
    "andrea",
    "andrew",
    "angel",
    "animal",
    "anthony",
    "apple",
    "arsenal",
    "asdf",
    "asdfasdf",
    "asdfgh",
    "asdfghjk",
    "asdfghjkl",
    "ashley",
    "august",
    "autumn",
    "azerty",
    "azertyuiop",
    "babygirl",
    "backup",
    "badboy",
    "bailey",
    "banana",
    "barcelona",
    "baseball",
    "basketball",
    "batman",
    "beautiful",
    "benjamin",
    "bigdaddy",
    "blessed",
    "brandon",
    "butterfly",
    "calvin",
    "changeit",
    "changeme",
    "changemenow",
    "charlie",
    "cheese",
    "chelsea",
    "chicken",
    "chocolate",
    "christian",
    "christmas",
    "coffee",
    "company",
    "computer",
    "cookie",
    "corvette",
    "cowboys",
    "daniel",
    "dashboard",
    "database",
    "december",
    "default",
    "demo",
    "diamond",
    "dolphin",
    "donald",
    "dragon",
    "elephant",
    "elizabeth",
    "everton",
    "facebook",
    "falcon",
    "family",
    "february",
    "fender",
    "ferrari",
    "flower",
    "football",
    "forever",
    "freedom",
    "friday",
    "friends",
    "fuckyou",
    "garfield",
    "george",
    "giants",
    "ginger",
    "god",
    "google",
    "guest",
    "hallo",
    "hannah",
    "happy",
    "harley",
    "heather",
    "hello",
    "hellohello",
    "helloworld",
    "hockey",
    "hunter",
    "iloveu",
    "iloveyou",
    "instagram",
    "internet",
    "iphone",
    "jackson",
    "january",
    "jasmine",
    "jennifer",
    "jessica",
    "jesus",
    "johnson",
    "jordan",
    "joshua",
    "july",
    "june",
    "junior",
    "justin",
    "killer",
    "kitten",
    "ladybug",
    "leonardo",
    "letmein",
    "letmeinnow",
    "liverpool",
    "login",
    "london",
    "love",
    "lovely",
    "loveme",
    "loveyou",
    "lucky",
    "maggie",
    "manager",
    "marketing",
    "martin",
    "master",
    "matrix",
    "matthew",
    "mercedes",
    "merlin",
    "michael",
    "michelle",
    "mickey",
    "microsoft",
    "midnight",
    "monday",
    "money",
    "monkey",
    "monster",
    "mother",
    "mustang",
    "mypassword",
    "mysecret",
    "naruto",
    "newpassword",
    "nicholas",
    "nicole",
    "nothing",
    "november",
    "october",
    "office",
    "onelove",
    "orange",
    "pa$$word",
    "panther",
    "parola",
    "pass",
    "passphrase",
    "passw0rd",
    "passwort",
    "password",
    "passwordpassword",
    "patrick",
    "peanut",
    "pepper",
    "pikachu",
    "pokemon",
    "porsche",
    "princess",
    "private",
    "p@ssw0rd",
    "p@ssword",
    "purple",
    "qazwsx",
    "qazwsxedc",
    "qwaszx",
    "qwer",
    "qwerasdf",
    "qwerqwer",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "qwertz",
    "qwertzuiop",
    "rainbow",
    "ranger",
    "rebecca",
    "richard",
    "robert",
    "root",
    "samantha",
    "samsung",
    "saturday",
    "school",
    "scooter",
    "secret",
    "secure",
    "security",
    "september",
    "server",
    "service",
    "shadow",
    "silver",
    "slipknot",
    "snoopy",
    "soccer",
    "softball",
    "sparky",
    "spiderman",
    "spring",
    "starwars",
    "steelers",
    "summer",
    "sunday",
    "sunflower",
    "sunshine",
    "superman",
    "superstar",
    "support",
    "sweety",
    "sysadmin",
    "system",
    "taylor",
    "teacher",
    "temp",
    "temporary",
    "tennis",
    "test",
    "tester",
    "testing",
    "testtest",
    "thomas",
    "thunder",
    "thursday",
    "tigger",
    "tinkerbell",
    "trustno",
    "tuesday",
    "unknown",
    "user",
    "vanessa",
    "victoria",
    "wednesday",
    "welcome",
    "whatever",
    "william",
    "windows",
    "winter",
    "yankees",
    "yellow",
    "zaq",
    "zxcvbn",
    "zxcvbnm",
];

/// Checks a password that somebody chooses whom these texts name: an address, a name.
pub fn parse(text: &str, about: &[&str]) -> Result<String, Refused> {
    if !(SHORTEST..=LONGEST).contains(&text.chars().count()) {
        return Err(Refused::because("Must be 8 to 128 characters; a few words are easy to remember and hard to find"));
    }
    if is_known(text) {
        return Err(Refused::because("Must not be one of the passwords that everybody knows"));
    }
    let lower = text.to_lowercase();
    let named = about.iter().map(|text| text.trim().to_lowercase());
    let mut named = named.flat_map(|text| [text.split('@').next().unwrap_or_default().to_owned(), text]);
    if named.any(|name| !name.is_empty() && (name == lower || is_bare(&lower, &name))) {
        return Err(Refused::because("Must not be your name or your address"));
    }
    Ok(text.to_owned())
}

/// Whether a text is another with nothing but digits and signs added at its ends.
fn is_bare(text: &str, word: &str) -> bool {
    text.trim_matches(|letter: char| !letter.is_alphabetic())
        == word.trim_matches(|letter: char| !letter.is_alphabetic())
        && word.chars().any(char::is_alphabetic)
}

fn is_known(text: &str) -> bool {
    let lower = text.to_lowercase();
    let bare = lower.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter.is_ascii_punctuation());
    KNOWN.contains(&lower.as_str()) || KNOWN.contains(&bare) || repeats(&lower) || counts(&lower)
}

/// One to four characters over and over: `aaaaaaaa`, `abcabcabc`, `12341234`.
fn repeats(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=4).any(|length| letters.iter().zip(letters.iter().skip(length)).all(|(one, next)| one == next))
}

/// Each character the one after, or before, the one before it: `12345678`, `87654321`, `abcdefgh`, `1234567890`.
fn counts(text: &str) -> bool {
    let letters: Vec<u32> =
        text.chars().map(|letter| if letter == '0' { u32::from('9') + 1 } else { letter.into() }).collect();
    let steps = || letters.windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0]));
    steps().all(|step| step == 1) || steps().all(|step| step == -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password() {
        let about = ["Ada.Lovelace@example.com", "Ada Lovelace"];
        for text in [
            "correct horse battery staple",
            "Tr0ub4dor&3x",
            "        x",
            "ééééééé\u{1f600}",
            "abcdefg8ijk",
            &"long enough ".repeat(10),
            "adalovelaces-cat",
        ] {
            assert_eq!(parse(text, &about), Ok(text.to_owned()), "nothing is trimmed");
        }
        for text in [
            "",
            "short",
            "1234567",
            &"x y".repeat(43),
            "password",
            "Password1",
            "PASSWORD123!",
            "Summer2026",
            "letmein!!",
            "aaaaaaaa",
            "abcabcabc",
            "12341234",
            "12345678",
            "1234567890",
            "87654321",
            "qwertyuiop",
            "ada.lovelace",
            "Ada Lovelace",
            "ada lovelace1",
            "ADA.LOVELACE@example.com",
        ] {
            assert!(parse(text, &about).is_err(), "{text}");
        }
    }

    #[test]
    fn what_everybody_knows_is_written_as_it_is_looked_for() {
        for word in KNOWN {
            assert_eq!(*word, word.to_lowercase());
            assert!(!word.ends_with(|letter: char| letter.is_ascii_digit() || letter.is_ascii_punctuation()), "{word}");
        }
        let once: std::collections::BTreeSet<_> = KNOWN.iter().collect();
        assert_eq!(once.len(), KNOWN.len());
        assert!(KNOWN.len() > 250);
    }
}
