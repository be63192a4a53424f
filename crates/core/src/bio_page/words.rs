//! Words that strangers will read, and what may not stand among them.
//!
//! Text of a page is shown beside text of ours and of other people. So it has no control characters, nothing that turns
//! the direction of what stands after it (a name could otherwise be made to read as another), and a headline has something
//! to see. What languages need to be written is let through: joiners, marks of direction that bind one letter, accents, as many
//! as a language piles on a letter and no tower of them.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::Refused;

/// Most marks on one letter. Vietnamese puts two there, Hebrew and Arabic with all their signs six, stacks of Tibetan and Burmese as
/// many. Unicode holds thirty for the end of all writing (UAX #15, stream-safe text), which would reach over what stands above.
const MOST_MARKS: usize = 8;

const DIRECTION: Refused =
    Refused::because("Must not contain characters that override the direction of text (U+202A–202E, U+2066–2069)");

/// Reads one line of at most so many characters that has something to see. White space around it is dropped.
pub fn line(text: &str, most: usize) -> Result<String, Refused> {
    let line = optional_line(text, most)?;
    if is_visible(&line) { Ok(line) } else { Err(Refused::because("Must have a character that can be seen")) }
}

/// Reads what somebody or something is called: 1 to `most` characters, as [`line`] does, and none among them that nobody sees and no
/// language needs. So two names that look alike in a list are alike, but for what joins letters and emoji.
pub fn name(text: &str, most: usize) -> Result<String, Refused> {
    if text.trim().is_empty() {
        return Err(Refused::saying(format!("Must be 1 to {most} characters")));
    }
    let name = line(text, most)?;
    if name.chars().any(is_hidden) {
        return Err(Refused::because("Must not contain characters that cannot be seen"));
    }
    Ok(name)
}

/// Reads a name that letters speak of, also to people who do not know us: as [`name`] does, and nothing in it of which a mail
/// program makes a link. Otherwise whoever chooses the name would choose where our letters lead.
pub fn name_without_address(text: &str, most: usize) -> Result<String, Refused> {
    let name = name(text, most)?;
    if has_address(&name) {
        return Err(Refused::because("Must not contain an address: neither http://, https:// nor www."));
    }
    Ok(name)
}

fn has_address(text: &str) -> bool {
    let text = text.to_lowercase();
    let begins_word = |place: usize| !text[..place].chars().next_back().is_some_and(char::is_alphanumeric);
    text.contains("http://") || text.contains("https://") || text.match_indices("www.").any(|(at, _)| begins_word(at))
}

/// Reads one line of at most so many characters, which may be empty. White space around it is dropped.
pub fn optional_line(text: &str, most: usize) -> Result<String, Refused> {
    let line = text.trim();
    check_length(line, most)?;
    if line.chars().any(|letter| letter.is_control() || is_line_end(letter)) {
        return Err(Refused::because("Must be one line without control characters"));
    }
    check_direction(line)?;
    check_marks(line)?;
    Ok(line.to_owned())
}

/// Reads lines of at most so many characters in all that have something to see. They end with a line feed, however they
/// ended before.
pub fn lines(text: &str, most: usize) -> Result<String, Refused> {
    let lines = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let lines = lines.trim();
    check_length(lines, most)?;
    if lines.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
        return Err(Refused::because("Must not contain control characters other than line feeds and tabs"));
    }
    check_direction(lines)?;
    check_marks(lines)?;
    if is_visible(lines) {
        Ok(lines.to_owned())
    } else {
        Err(Refused::because("Must have a character that can be seen"))
    }
}

fn check_length(text: &str, most: usize) -> Result<(), Refused> {
    // Bytes first: of a mebibyte nobody has to count the characters.
    if text.len() > 4 * most || text.chars().count() > most {
        return Err(Refused::saying(format!("Must be at most {most} characters")));
    }
    Ok(())
}

fn check_direction(text: &str) -> Result<(), Refused> {
    let turns = |letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(turns) { Err(DIRECTION) } else { Ok(()) }
}

fn check_marks(text: &str) -> Result<(), Refused> {
    let mut marks = 0;
    for letter in text.chars() {
        let category = letter.general_category();
        if matches!(category, GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark) {
            marks += 1;
        } else if !is_blank(letter) {
            marks = 0;
        }
        if marks > MOST_MARKS {
            return Err(Refused::saying(format!("Must have at most {MOST_MARKS} marks above and below one letter")));
        }
    }
    Ok(())
}

fn is_line_end(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Whether anything of a text can be seen.
fn is_visible(text: &str) -> bool {
    !text.chars().all(|letter| letter.is_whitespace() || is_blank(letter))
}

/// What leaves no mark of its own: Unicode's `Default_Ignorable_Code_Point`, and the two blanks that are no white space.
fn is_blank(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What leaves no mark, and neither joins letters nor changes how they are drawn.
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{115f}'..='\u{1160}' | '\u{200b}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_something_to_see() {
        for (text, read) in [
            ("Ada", Some("Ada")),
            ("  Ada  ", Some("Ada")),
            ("شيرين", Some("شيرين")),
            ("می\u{200c}خواهم", Some("می\u{200c}خواهم")),
            ("👩\u{200d}💻", Some("👩\u{200d}💻")),
            ("", None),
            ("   ", None),
            ("\u{200b}\u{200d}\u{feff}", None),
            ("\u{3164}", None),
            ("\u{2800} \u{2800}", None),
            ("\u{e0041}\u{fe0f}", None),
            ("a\nb", None),
            ("a\u{2028}b", None),
            ("a\0b", None),
            ("a\u{85}b", None),
            ("invoice\u{202e}fdp.exe", None),
            ("a\u{2066}b", None),
        ] {
            assert_eq!(line(text, 20).ok().as_deref(), read, "{text:?}");
        }
        assert_eq!(optional_line("", 5).as_deref(), Ok(""));
        assert!(line(&"ü".repeat(20), 20).is_ok() && line(&"ü".repeat(21), 20).is_err());
        assert!(line(&"x".repeat(1 << 20), 20).is_err());
    }

    #[test]
    fn marks_are_no_towers() {
        for (text, fits) in [
            ("Việt Nam", true),
            ("Vie\u{302}\u{323}t", true),
            ("בְּרֵאשִׁ֖ית בָּרָ֣א", true),
            ("שּׁ֔\u{5bd}\u{5c4}ֽ", true),
            ("بِسْمِ ٱللَّهِ ٱلرَّحْمَـٰنِ", true),
            ("བསྒྲུབས་སོ། རྫོགས་ཆེན་པོའི་སྙིང་ཏིག", true),
            ("ཧཱུྂ ཀྵྨླྺྼྻྂ", true),
            ("မြန်မာ ကျွန်ုပ် မြွှေ့ ည့်", true),
            ("ที่นี่ น้ำ กุ้ง", true),
            ("हिन्दी र्‍क्ष्म्य", true),
            ("ភាសាខ្មែរ ស្ត្រី", true),
            ("1\u{fe0f}\u{20e3} 👩🏽\u{200d}💻 ❤\u{fe0f}", true),
            (&format!("Ada{}", "\u{301}".repeat(8)), true),
            (&format!("Ada{}", "\u{301}".repeat(9)), false),
            (&format!("ก{}", "\u{e49}".repeat(9)), false),
            (&format!("a{}\u{200d}{}", "\u{301}".repeat(5), "\u{325}".repeat(5)), false),
            (&format!("a{}", "\u{20dd}".repeat(9)), false),
        ] {
            assert_eq!(line(text, 100).is_ok(), fits, "{text}");
            assert_eq!(lines(text, 100).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn a_name_has_nothing_hidden() {
        for (text, read) in [
            (" Ada Lovelace ", Some("Ada Lovelace")),
            ("می\u{200c}خواهم", Some("می\u{200c}خواهم")),
            ("👩\u{200d}💻 Zoë", Some("👩\u{200d}💻 Zoë")),
            ("❤\u{fe0f}", Some("❤\u{fe0f}")),
            ("Ad\u{200b}a", None),
            ("Ada\u{ad}", None),
            ("\u{feff}Ada", None),
            ("Ada\u{2060}", None),
            ("Ada\u{3164}", None),
            ("\u{202e}adA", None),
            ("\u{200d}", None),
            (" ", None),
            ("", None),
            ("a\nb", None),
        ] {
            assert_eq!(name(text, 20).ok().as_deref(), read, "{text:?}");
        }
        assert!(name(&"ü".repeat(20), 20).is_ok() && name(&"ü".repeat(21), 20).is_err());
    }

    #[test]
    fn a_name_in_a_letter_leads_nowhere() {
        for (text, fits) in [
            ("Büro www", true),
            ("Awww. Cute", true),
            ("http and https", true),
            ("A: b/c", true),
            ("Go to http://evil.example", false),
            ("HTTPS://evil.example", false),
            ("www.evil.example", false),
            ("(WWW.evil.example)", false),
            ("a\u{200b}b", false),
        ] {
            assert_eq!(name_without_address(text, 50).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn lines_end_alike() {
        assert_eq!(lines("a\r\nb\rc\u{2029}d\n", 20).as_deref(), Ok("a\nb\nc\nd"));
        assert_eq!(lines("a\tb", 20).as_deref(), Ok("a\tb"));
        for text in ["", "\n \n", "a\u{b}b", "a\u{2069}b", "\u{200b}\n\u{200b}"] {
            assert!(lines(text, 20).is_err(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_read_reads_again(text in ".{0,30}") {
            if let Ok(read) = line(&text, 30) {
                proptest::prop_assert_eq!(line(&read, 30), Ok(read));
            }
            if let Ok(read) = lines(&text, 30) {
                proptest::prop_assert_eq!(lines(&read, 30), Ok(read));
            }
        }
    }
}
