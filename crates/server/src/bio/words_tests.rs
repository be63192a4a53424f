use mask_core::{
    bio_page::price::Currency,
    mail::Address,
    subscriber::{LONGEST_MESSAGE, LONGEST_NAME, parse_message, parse_name},
};

use super::*;

fn ours(tag: &str) -> Ours {
    Ours::on(&Language::parse(tag).expect("a language"))
}

fn price(tag: &str, amount: &str, code: &str) -> String {
    let currency = Currency::parse(code).expect("a currency");
    ours(tag).price(Price::parse(amount, currency).expect("a price")).0.replace(['\u{a0}', '\u{202f}'], " ")
}

#[test]
fn every_language_says_everything() {
    let sections = sections();
    let [english, ..] = &sections[..] else { panic!("there is a table") };
    assert_eq!(english.tag, "en");
    for section in &sections {
        for tag in
            section.said("also").unwrap_or_default().split(' ').chain([section.tag]).filter(|tag| !tag.is_empty())
        {
            let read = Language::parse(tag).expect("a language");
            assert_eq!(read.as_str(), tag, "as it is compared");
            assert!(Words::on(&read).is_some_and(|words| words.tags.contains(&tag)), "{tag}: said twice, or by none");
        }
        let is_whole = !section.tag.contains('-') || section.said("script").is_some();
        for name in Words::NAMES.iter().chain(&["script", "price"]) {
            let said = section.said(name);
            assert!(said.is_some() || !is_whole, "{}: {name}", section.tag);
            let places = |words: Option<&str>| words.map(|words| words.matches("{}").count());
            assert!(said.is_none() || places(said) == places(english.said(name)), "{}: {name}", section.tag);
        }
        for (name, words) in &section.lines {
            let is_known = Words::NAMES.contains(name) || ["script", "price", "signs", "also"].contains(name);
            assert!(is_known && !words.trim().is_empty(), "{}: {name}", section.tag);
            let once = section.lines.iter().filter(|(of, _)| of == name).count();
            assert_eq!(once, 1, "{}: {name}", section.tag);
            assert!(!words.contains(['<', '>', '"']), "{}: {name}", section.tag);
        }
    }
    let languages = "en de fr es it pt nl pl tr ar he ru uk zh-Hans zh-Hant ja ko hi ur fa id".split(' ').map(ours);
    assert!(languages.into_iter().all(|ours| ours.lang.is_empty()));
}

#[test]
fn a_page_gets_the_words_of_its_language_or_english_ones_that_are_marked() {
    for (tag, message, lang) in [
        ("en-GB", "Your message", ""),
        ("de", "Nachricht", ""),
        ("de-CH-1996", "Nachricht", ""),
        ("es-AR", "Tu mensaje", ""),
        ("zh-CN", "您的留言", ""),
        ("ar-EG", "الرسالة", ""),
        ("ar-Latn", "Your message", " lang=\"en\""),
        ("sv", "Your message", " lang=\"en\""),
        ("ckb", "Your message", " lang=\"en\""),
    ] {
        assert_eq!((ours(tag).words.message, ours(tag).lang), (message, lang), "{tag}");
    }
    for (tag, video) in [
        ("zh", "Vimeo 视频"),
        ("zh-TW", "Vimeo 影片"),
        ("zh-Hant-HK", "Vimeo 影片"),
        ("zh-Hans-TW", "Vimeo 视频"),
        ("es-MX", "Video de Vimeo"),
        ("es", "Vídeo de Vimeo"),
    ] {
        assert_eq!(ours(tag).video("Vimeo"), video, "{tag}");
    }
}

#[test]
fn prices_as_people_write_them() {
    for (tag, amount, code, written) in [
        ("en", "19.9", "USD", "$19.90"),
        ("en", "1234567", "JPY", "¥1,234,567"),
        ("en", "999", "EUR", "€999.00"),
        ("en", "1000", "PKR", "1,000.00 PKR"),
        ("en", "0", "EUR", "Free"),
        ("en", "12.345", "KWD", "12.345 KWD"),
        ("sv", "1249.5", "EUR", "€1,249.50"),
        ("de", "1249.5", "EUR", "1.249,50 €"),
        ("de", "19.99", "USD", "19,99 $"),
        ("de", "0", "EUR", "Kostenlos"),
        ("de-AT", "1249.5", "EUR", "€ 1.249,50"),
        ("de-CH", "1249.5", "CHF", "CHF 1’249.50"),
        ("fr", "1234567.5", "EUR", "1 234 567,50 €"),
        ("es", "1249.5", "EUR", "1.249,50 €"),
        ("es-MX", "1249.5", "USD", "$1,249.50"),
        ("pt", "1249.5", "BRL", "R$ 1.249,50"),
        ("pt-PT", "1249.5", "EUR", "1 249,50 €"),
        ("nl", "1249.5", "EUR", "€ 1.249,50"),
        ("pl", "1249.5", "PLN", "1 249,50 zł"),
        ("tr", "1249.5", "TRY", "₺1.249,50"),
        ("ar", "1249.5", "USD", "1,249.50 $"),
        ("he", "1249.5", "ILS", "1,249.50 ₪"),
        ("ru", "1249.5", "RUB", "1 249,50 ₽"),
        ("zh", "1249", "CNY", "¥1,249.00"),
        ("zh", "1249", "JPY", "JP¥1,249"),
        ("zh-Hant", "1249", "JPY", "¥1,249"),
        ("ja", "1249", "JPY", "¥1,249"),
        ("hi", "1234567", "INR", "₹12,34,567.00"),
        ("hi", "123456", "INR", "₹1,23,456.00"),
        ("hi", "999", "INR", "₹999.00"),
        ("ur", "1249.5", "PKR", "Rs 1,249.50"),
        ("fa", "1249.5", "EUR", "€ ۱٬۲۴۹٫۵۰"),
        ("id", "1249", "IDR", "Rp 1.249,00"),
    ] {
        assert_eq!(price(tag, amount, code), written, "{tag}");
    }
    let euro = |tag| ours(tag).price(Price::of(100, Currency::parse("EUR").expect("a currency")).expect("a price")).1;
    assert_eq!(["de", "ar", "he", "fa", "ur"].map(euro), ["ltr", "rtl", "rtl", "ltr", "ltr"]);
}

#[test]
fn what_is_wrong_is_said_in_the_language_of_the_page() {
    let address = |text: &str| Address::parse(text).expect_err("a fault");
    let message = |text: &str| parse_message(text).expect_err("a fault");
    let name = |text: &str| parse_name(text).expect_err("a fault");
    let faults = [
        address("ada"),
        address("ada@"),
        address(&"x".repeat(5_000)),
        address("añda@example.com"),
        name(&"x".repeat(LONGEST_NAME + 1)),
        name("a\0"),
        message(""),
        message(&"x".repeat(LONGEST_MESSAGE + 1)),
        message("a\u{202e}"),
    ];
    for fault in faults.map(Why::Refused) {
        assert_ne!(ours("de").why(&fault), ours("en").why(&fault));
    }
    assert_eq!(ours("de").why(&Why::Refused(message(""))), "Bitte eine Nachricht eingeben");
    assert_eq!(ours("en").why(&Why::TooMany { retry_after_s: 7 }), Words::with(Words::english().too_many, "7"));
    assert_eq!(ours("nl").why(&Why::TooMany { retry_after_s: 7 }).matches('7').count(), 1);
}
