//! Texts of users as they can be drawn.
//!
//! Nothing here is about safety: what is drawn are shapes. It is about a card that looks as meant, whatever a text holds:
//! control characters, marks that turn the direction around or pile up by the hundred, pictures that no typeface has.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::fonts::Typefaces;

/// Marks above and below a letter that are kept. Vietnamese needs two, pointed Hebrew three.
const MOST_MARKS: usize = 3;

/// The text in one line, with nothing in it that has no shape, cut after so many characters.
pub(super) fn drawable(text: &str, most: usize, faces: &Typefaces) -> String {
    let mut drawn = String::new();
    let mut marks = 0;
    let mut characters = text.chars().peekable();
    let mut count = 0;
    while let Some(character) = characters.next() {
        if count == most {
            break;
        }
        if character.is_whitespace() || character.is_control() {
            if !drawn.is_empty() && !drawn.ends_with(' ') {
                drawn.push(' ');
                count += 1;
            }
            continue;
        }
        let joins = is_joiner(character)
            && drawn.chars().next_back().is_some_and(is_of_joining_script)
            && characters.peek().copied().is_some_and(is_of_joining_script);
        if !joins && (!is_shape(character) || !faces.has(character)) {
            continue;
        }
        let is_mark = is_mark(character);
        marks = if is_mark { marks + 1 } else { 0 };
        let is_alone = is_mark && (drawn.is_empty() || drawn.ends_with(' '));
        if marks <= MOST_MARKS && !is_alone {
            drawn.push(character);
            count += 1;
        }
    }
    drawn.truncate(drawn.trim_end().len());
    drawn
}

/// Whether it stands on the letter before it.
pub(super) fn is_mark(character: char) -> bool {
    character.general_category_group() == GeneralCategoryGroup::Mark
}

/// Whether a line may be broken between two characters though there is no space.
pub(super) fn may_part(before: char, after: char) -> bool {
    let closes = matches!(
        after,
        '、' | '。'
            | '，'
            | '．'
            | '」'
            | '』'
            | '）'
            | '！'
            | '？'
            | '：'
            | '；'
            | 'ー'
            | 'っ'
            | 'ッ'
            | 'ゃ'
            | 'ゅ'
            | 'ょ'
    );
    let opens = matches!(before, '「' | '『' | '（');
    (stands_alone(before) || stands_alone(after)) && !closes && !opens && !is_mark(after)
}

/// Whether it belongs to a script that is written without spaces.
pub(super) fn stands_alone(character: char) -> bool {
    matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Scripts that are spelled with joiners: from Arabic to Sinhala, without Hebrew.
fn is_of_joining_script(character: char) -> bool {
    matches!(character, '\u{0600}'..='\u{0dff}')
}

fn is_shape(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Surrogate, Unassigned};
    let is_selector = matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    let category = character.general_category();
    !is_selector
        && !matches!(
            category,
            Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Surrogate | Unassigned
        )
}
