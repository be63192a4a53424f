//! Words that strangers will read, and what may not stand among them.
//!
//! Text of a page is shown beside text of ours and of other people. So it has no control characters, nothing that turns
//! the direction of what stands after it (a name could otherwise be made to read as another), and a headline has something
//! to see. What languages need to be written is let through: joiners, marks of direction that bind one letter, accents.

use crate::Refused;

const DIRECTION: Refused =
    Refused::because("Must not contain characters that override the direction of text (U+202A–202E, U+2066–2069)");

/// Reads one line of at most so many characters that has something to see. White space around it is dropped.
pub fn line(text: &str, most: usize) -> Result<String, Refused> {
    let line = optional_line(text, most)?;
    if is_visible(&line) { Ok(line) } else { Err(Refused::because("Must have a character that can be seen")) }
}

/// Reads one line of at most so many characters, which may be empty. White space around it is dropped.
pub fn optional_line(text: &str, most: usize) -> Result<String, Refused> {
    let line = text.trim();
    check_length(line, most)?;
    if line.chars().any(|letter| letter.is_control() || is_line_end(letter)) {
        return Err(Refused::because("Must be one line without control characters"));
    }
    check_direction(line)?;
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
