use mask_core::colour::Colour;
use mask_picture::card::{Background, Card, HEIGHT, WIDTH, card};
use proptest::prelude::*;

const PLAIN: Card<'_> = Card {
    title: "Ada Lovelace",
    description: "Mathematician and writer",
    address: "mask.pk/ada",
    avatar: None,
    background: Background::Plain(Colour::WHITE),
    foreground: Colour::BLACK,
    accent: Colour::of(79, 70, 229),
};

/// Where words stand on a card that reads to the right, and the face on one that reads to the left.
const WORDS: std::ops::Range<u32> = 84..780;

fn drawn(wanted: &Card<'_>) -> image::RgbImage {
    let bytes = card(wanted).expect("a card");
    assert!(bytes.starts_with(b"\x89PNG"));
    let seen = image::load_from_memory(&bytes).expect("our own picture").into_rgb8();
    assert_eq!(seen.dimensions(), (WIDTH, HEIGHT));
    seen
}

/// How many pixels of these columns and rows are nearly those of black letters.
fn ink(seen: &image::RgbImage, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> usize {
    let places = columns.flat_map(|x| rows.clone().map(move |y| (x, y)));
    places.filter(|(x, y)| seen.get_pixel(*x, *y).0.iter().all(|part| *part < 90)).count()
}

#[test]
fn words_stay_in_their_column() {
    let long = "words and more words ".repeat(40);
    let unbroken = "Donaudampfschifffahrtsgesellschaft".repeat(10);
    let han = "永和九年歲在癸丑暮春之初會于會稽山陰之蘭亭".repeat(9);
    let arabic = "مرحبا بالعالم ".repeat(30);
    let marks = format!("Z{}", "\u{0334}\u{0335}\u{0336}".repeat(200));
    for text in ["M", "Ada", &long, &unbroken, &han, &arabic, &marks, "W W W W W W W W W W W W W W", "a-b/c.d?e=f&g#h"]
    {
        let seen = drawn(&Card { title: text, description: text, address: text, accent: Colour::WHITE, ..PLAIN });
        assert_eq!(ink(&seen, 0..80, 0..HEIGHT) + ink(&seen, 1120..WIDTH, 0..HEIGHT), 0, "{text}: at the sides");
        assert_eq!(ink(&seen, 0..WIDTH, 0..50) + ink(&seen, 0..WIDTH, 585..HEIGHT), 0, "{text}: above or below");
        // Between the words and the circle is nothing, whichever side they are on.
        let between = if text.contains('م') { 362..414 } else { 786..838 };
        assert_eq!(ink(&seen, between, 0..515), 0, "{text}: in the gap");
    }
}

#[test]
fn a_card_has_its_texts_and_reads_in_their_direction() {
    let seen = drawn(&PLAIN);
    assert!(ink(&seen, WORDS, 180..420) > 2000, "title and description");
    assert!(ink(&seen, WORDS, 535..575) > 300, "address");
    let turned = drawn(&Card { title: "سارة العلي", description: "مصورة", ..PLAIN });
    assert!(ink(&turned, 600..1118, 150..420) > 2000, "at the right");
    assert_eq!(ink(&turned, 84..340, 150..200), 0, "the face is at the left");
    // A title that cannot be written at all is replaced by the address.
    let unwritten = drawn(&Card { title: "\u{e000}\u{200b}\u{202e}", description: "", ..PLAIN });
    assert!(ink(&unwritten, WORDS, 180..420) > 1000);
}

#[test]
fn nothing_hangs_into_the_margins() {
    for title in [":\u{b48}", "\u{b48}\u{b47}a", "a\u{b4b}\u{17be}", "\u{fdfd}"] {
        let seen = drawn(&Card { title, description: title, address: title, accent: Colour::WHITE, ..PLAIN });
        assert_eq!(ink(&seen, 0..76, 0..HEIGHT) + ink(&seen, 1124..WIDTH, 0..HEIGHT), 0, "{title:?}");
    }
}

#[test]
fn markup_and_marks_of_direction_are_text() {
    let card_of = |title| card(&Card { title, ..PLAIN }).expect("a card");
    assert_eq!(card_of("a\u{202e}b\u{200b}c\u{0007} \n d"), card_of("abc d"));
    assert_eq!(card_of("  Ada \u{2066} "), card_of("Ada"));
    let escaped = ["<b>A</b>", "&lt;", "]]>", "\"'", "--><script>", "</text></svg>"];
    for text in escaped {
        assert_ne!(card_of(text), card_of("A"), "{text} is drawn as it is written");
    }
    // The colour of a style that a title would like to have.
    let seen = drawn(&Card { title: "</text><rect width='1200' height='630'/><text>", ..PLAIN });
    assert_eq!(ink(&seen, 0..WIDTH, 0..40), 0);
}

#[test]
fn faces_are_round_and_unreadable_ones_replaced() {
    let red = crate::files::webp(500, 300, |_, _| [255, 0, 0]);
    let seen = drawn(&Card { avatar: Some(&red), ..PLAIN });
    assert_eq!(seen.get_pixel(980, 285).0, [255, 0, 0]);
    assert_ne!(seen.get_pixel(850, 155).0, [255, 0, 0], "the corner of the square");
    let damaged = drawn(&Card { avatar: Some(b"no picture"), ..PLAIN });
    assert!(damaged == drawn(&PLAIN), "the letter stands in for it");
}

#[test]
fn cards_are_small_and_always_the_same() {
    let noisy = crate::files::jpeg(384, 384, crate::files::busy, None, None);
    let background = Background::Gradient(Colour::of(30, 27, 75), Colour::of(109, 40, 217));
    let full = Card { avatar: Some(&noisy), background, foreground: Colour::WHITE, ..PLAIN };
    let file = card(&full).expect("a card");
    assert!(file.len() < 260_000, "{}", file.len());
    assert_eq!(file, card(&full).expect("a card"));
    assert!(card(&PLAIN).expect("a card").len() < 40_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn any_text_makes_a_card(title: String, description: String, address: String) {
        let seen = drawn(&Card { title: &title, description: &description, address: &address, accent: Colour::WHITE, ..PLAIN });
        prop_assert_eq!(ink(&seen, 0..76, 0..HEIGHT) + ink(&seen, 1124..WIDTH, 0..HEIGHT), 0);
    }
}
