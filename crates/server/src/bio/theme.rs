//! From the few colours of a look to all that a page is painted with, as CSS custom properties.
//!
//! An owner chooses what is large: the ground, the letters, the buttons. What lies between (cards, lines, fields, quieter
//! letters) is mixed from these here, and each mixture is as quiet as it may be and no quieter: letters keep a contrast of
//! 4.5 on everything that they stand on, and the edge of a field one of 3 (WCAG 2.2, 1.4.3 and 1.4.11). So no choice of
//! colours that was accepted can make a page that cannot be read, and there is nothing to check when it is painted.

use std::fmt::Write as _;

use mask_core::{
    bio_page::theme::{ButtonStyle, Font, Gradient, Look, Theme},
    colour::Colour,
};

/// What letters need on their ground, with a little to spare for the rounding of colours.
const READABLE: f64 = 4.55;
/// What the bounds of a control need.
const SEEN: f64 = 3.05;

/// What the stills of videos go down to.
const NIGHT: Colour = Colour::of(16, 18, 24);

/// How a page is painted.
pub(super) struct Paint {
    /// Rules that set the custom properties.
    pub(super) style: String,
    /// `light`, `dark` or both.
    pub(super) colour_scheme: &'static str,
    /// What a browser paints around the page, and when.
    pub(super) around: Vec<(Colour, &'static str)>,
    /// A word for the shape of buttons, as some rules go by it.
    pub(super) shape: &'static str,
}

/// How a page with this theme is painted.
pub(super) fn paint(theme: &Theme) -> Paint {
    let (look, night) = (theme.look(), theme.night());
    let mut style = format!(":root{{{}{}}}", constant(&look), colours(&look));
    let scheme = |look: &Look| if is_dark(look) { "dark" } else { "light" };
    let mut around = vec![(edge_of_ground(&look), "")];
    let mut colour_scheme = scheme(&look);
    if let Some(night) = &night {
        let _ = write!(style, "@media(prefers-color-scheme:dark){{:root{{{}}}}}", colours(night));
        around = vec![
            (edge_of_ground(&look), "(prefers-color-scheme: light)"),
            (edge_of_ground(night), "(prefers-color-scheme: dark)"),
        ];
        colour_scheme = "light dark";
    }
    let _ = write!(style, ":root{{color-scheme:{colour_scheme}}}");
    Paint { style, colour_scheme, around, shape: look.button_style.as_str() }
}

/// The colour in which a page begins at the top.
fn edge_of_ground(look: &Look) -> Colour {
    look.gradient.map_or(look.background, |gradient| gradient.from)
}

fn is_dark(look: &Look) -> bool {
    look.background.luminance() < look.text.luminance()
}

/// What day and night have in common.
fn constant(look: &Look) -> String {
    let (corner, card, field) = match look.button_style {
        ButtonStyle::Square => ("0px", "0px", "0px"),
        ButtonStyle::Pill => ("2rem", "1.25rem", ".875rem"),
        ButtonStyle::Rounded | ButtonStyle::Outline => (".875rem", "1rem", ".625rem"),
        ButtonStyle::Shadow => (".75rem", ".875rem", ".5rem"),
    };
    let (family, bold, medium, tight) = match look.font {
        Font::Inter => ("Inter,\"Inter Fallback\",system-ui,sans-serif", 700, 600, "-.02em"),
        Font::System => (
            "system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",sans-serif",
            700,
            600,
            "-.015em",
        ),
        Font::Serif => (
            "\"Iowan Old Style\",\"Palatino Linotype\",Palatino,\"URW Palladio L\",P052,Georgia,\"Noto Serif\",serif",
            700,
            600,
            "-.005em",
        ),
        Font::Mono => (
            "ui-monospace,\"SF Mono\",Menlo,Consolas,\"Noto Sans Mono\",\"DejaVu Sans Mono\",monospace",
            700,
            600,
            "-.03em",
        ),
    };
    format!(
        "--font:{family};--bold:{bold};--medium:{medium};--tight:{tight};--corner:{corner};--corner-card:{card};--corner-field:{field};"
    )
}

/// The colours of a look, by what they are for.
fn colours(look: &Look) -> String {
    let is_dark = is_dark(look);
    let grounds = grounds(look);
    let (text, middle) = (look.text, grounds[grounds.len() / 2]);
    let card = [if is_dark { 7 } else { 72 }, if is_dark { 4 } else { 40 }, 0]
        .map(|share| mixed(middle, Colour::WHITE, share))
        .into_iter()
        .find(|card| card.contrast(text) >= READABLE)
        .unwrap_or(look.background);
    let field = [mixed(card, if is_dark { Colour::BLACK } else { Colour::WHITE }, if is_dark { 22 } else { 60 }), card]
        .into_iter()
        .find(|field| field.contrast(text) >= READABLE)
        .unwrap_or(card);
    let all: Vec<Colour> = grounds.iter().copied().chain([card, field]).collect();
    let soft = quietest(text, middle, &all, READABLE, 34);
    let edge = quietest(text, card, &[card, field], SEEN, 70);
    let reads = |colour: Colour| least(colour, &all) >= READABLE;
    let accent = if reads(look.button) { look.button } else { text };
    let mut css = format!("--text:{text};--soft:{soft};--ground:{};--card:{card};--field:{field};", look.background);
    let image = look.gradient.map_or_else(|| "none".to_owned(), written);
    let _ = write!(css, "--ground-image:{image};--edge:{edge};--accent:{accent};");
    let _ = write!(css, "--line:{};--hover:{};", mixed(card, text, 12), mixed(middle, text, 10));
    // Behind white letters, whatever the theme is: its own colour, far down towards black.
    let own = if is_dark { mixed(middle, Colour::WHITE, 16) } else { look.button };
    let own = if least(own, &grounds) < 1.5 && !is_dark { text } else { own };
    let share = if own.luminance() > 0.4 { 68 } else { 24 };
    let _ = write!(
        css,
        "--still:{};--still-ground:{};",
        mixed(own, NIGHT, share),
        mixed(own, NIGHT, u16::midpoint(share, 100))
    );
    css += &button(look, &all, is_dark, edge);
    css += match (look.button_style, is_dark) {
        (ButtonStyle::Shadow, _) => "--card-border:2px solid var(--text);--card-shadow:3px 3px 0 var(--text);",
        (_, true) => "--card-border:1px solid var(--line);--card-shadow:none;",
        (_, false) => {
            "--card-border:1px solid var(--line);--card-shadow:0 1px 2px #0000000a,0 .5rem 1.5rem -1rem #0000001f;"
        }
    };
    css += if is_dark {
        "--good:#a5ecc4;--good-well:#10331f;--bad:#ffb4ab;--bad-well:#3d1512;"
    } else {
        "--good:#0a5632;--good-well:#dff3e7;--bad:#9d1c13;--bad-well:#fdecea;"
    };
    css
}

fn button(look: &Look, all: &[Colour], is_dark: bool, edge: Colour) -> String {
    let text = look.text;
    if look.button_style == ButtonStyle::Outline {
        let line = if least(look.button, all) >= READABLE { look.button } else { text };
        let on_line = if look.button_text.contrast(line) >= READABLE { look.button_text } else { look.background };
        return format!(
            "--button:transparent;--button-text:{line};--button-border:2px solid {line};--button-shadow:none;--button-shadow-hover:none;--outline:{line};--on-outline:{on_line};"
        );
    }
    let (shadow, raised) = match look.button_style {
        ButtonStyle::Shadow => ("3px 3px 0 var(--text)", "5px 5px 0 var(--text)"),
        _ if is_dark => ("none", "0 .75rem 1.5rem -.75rem #000c"),
        _ => ("0 1px 2px #0000001a", "0 .75rem 1.25rem -.75rem #00000059"),
    };
    let border = if look.button_style == ButtonStyle::Shadow {
        format!("2px solid {text}")
    } else if least(look.button, &all[..all.len() - 2]) < 1.3 {
        format!("1px solid {edge}")
    } else {
        // Seen only where a system sets colours of its own.
        "1px solid transparent".to_owned()
    };
    format!(
        "--button:{};--button-text:{};--button-border:{border};--button-shadow:{shadow};--button-shadow-hover:{raised};",
        look.button, look.button_text
    )
}

/// All colours that letters may stand on, from one end of the ground to the other.
fn grounds(look: &Look) -> Vec<Colour> {
    match look.gradient {
        None => vec![look.background],
        Some(gradient) => (0..=4).map(|step| mixed(gradient.from, gradient.to, 25 * step)).collect(),
    }
}

fn written(gradient: Gradient) -> String {
    format!("linear-gradient({}deg,{},{})", gradient.angle, gradient.from, gradient.to)
}

/// So many hundredths of the way from one colour to the other.
fn mixed(from: Colour, to: Colour, share: u16) -> Colour {
    let ([r1, g1, b1], [r2, g2, b2]) = (from.parts(), to.parts());
    let between = |one: u8, two: u8| {
        let mixed = (u16::from(one) * (100 - share) + u16::from(two) * share + 50) / 100;
        u8::try_from(mixed).unwrap_or(u8::MAX)
    };
    Colour::of(between(r1, r2), between(g1, g2), between(b1, b2))
}

fn least(colour: Colour, grounds: &[Colour]) -> f64 {
    grounds.iter().map(|ground| colour.contrast(*ground)).fold(f64::INFINITY, f64::min)
}

/// The letters' colour, as far on its way to the ground as this contrast allows, and at most so many hundredths.
fn quietest(text: Colour, ground: Colour, grounds: &[Colour], contrast: f64, most: u16) -> Colour {
    let steps = (0..=most).rev().map(|share| mixed(text, ground, share));
    steps.into_iter().find(|colour| least(*colour, grounds) >= contrast).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mask_core::bio_page::theme::Preset;

    fn property(style: &str, name: &str) -> Colour {
        let start = style.find(&format!("{name}:")).expect("the property") + name.len() + 1;
        Colour::parse(&style[start..start + 7]).expect("a colour")
    }

    fn check(look: &Look) {
        let css = colours(look);
        let of = |name: &str| property(&css, name);
        let all: Vec<_> = grounds(look).into_iter().chain([of("--card"), of("--field")]).collect();
        for name in ["--text", "--soft", "--accent"] {
            assert!(least(of(name), &all) >= 4.5, "{name} {css}");
        }
        assert!(of("--edge").contrast(of("--card")) >= 3.0 && of("--edge").contrast(of("--field")) >= 3.0, "{css}");
        assert!(of("--good").contrast(of("--good-well")) >= 4.5 && of("--bad").contrast(of("--bad-well")) >= 4.5);
    }

    #[test]
    fn presets_can_be_read_by_day_and_by_night() {
        for preset in Preset::ALL {
            let theme = Theme { preset, ..Theme::default() };
            check(&theme.look());
            theme.night().iter().for_each(check);
        }
    }

    #[test]
    fn who_chooses_colours_has_them_by_night_too() {
        let own = Theme { background: Some(Colour::WHITE), ..Theme::default() };
        assert!(paint(&Theme::default()).style.contains("prefers-color-scheme") && own.night().is_none());
        assert_eq!(paint(&own).colour_scheme, "light");
        let ink = Theme { preset: Preset::Ink, ..Theme::default() };
        assert_eq!(paint(&ink).colour_scheme, "dark");
    }

    proptest::proptest! {
        #[test]
        fn whatever_was_accepted_can_be_read(
            background: [u8; 3], text: [u8; 3], to in proptest::option::of(proptest::array::uniform3(0..=255_u8)),
        ) {
            let colour = |[red, green, blue]: [u8; 3]| Colour::of(red, green, blue);
            let gradient = to.map(|to| Gradient { from: colour(background), to: colour(to), angle: 90 });
            let theme = Theme { background: Some(colour(background)), text: Some(colour(text)), gradient, ..Theme::default() };
            if theme.unreadable().is_empty() {
                let css = colours(&theme.look());
                let all: Vec<_> = grounds(&theme.look()).into_iter().chain([property(&css, "--card"), property(&css, "--field")]).collect();
                for name in ["--text", "--soft", "--accent"] {
                    proptest::prop_assert!(least(property(&css, name), &all) >= 4.5, "{} {}", name, css);
                }
            }
        }
    }
}
