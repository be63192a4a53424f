//! How a page looks: a preset, and what its owner chose otherwise.
//!
//! Only what was chosen is kept, so that a preset can be made better under the pages that use it. What is shown follows
//! from both ([`Theme::look`]), and of that every text can be read on its ground: a contrast of 4.5 (WCAG 2.2, 1.4.3), which
//! is checked when the theme is set. Colours that were not chosen follow those that were, so that whoever sets nothing but a
//! black ground and white letters does not get a preset's black buttons on it.

use crate::{Refused, colour::Colour};

/// A ready-made look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Warm white and near black: reads like a printed card.
    #[default]
    Paper,
    /// Night, with light buttons.
    Ink,
    /// The greens of a field in June.
    Meadow,
    /// The sky after the sun went down.
    Dusk,
    /// Deep water.
    Ocean,
    /// Cherry trees in April.
    Blossom,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Paper, Self::Ink, Self::Meadow, Self::Dusk, Self::Ocean, Self::Blossom];

    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Ink => "ink",
            Self::Meadow => "meadow",
            Self::Dusk => "dusk",
            Self::Ocean => "ocean",
            Self::Blossom => "blossom",
        }
    }

    /// Reads a preset's name.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|preset| preset.as_str() == text);
        found.ok_or(Refused::because("Must be one of paper, ink, meadow, dusk, ocean, blossom"))
    }

    /// What it looks like.
    pub const fn look(self) -> Look {
        match self {
            Self::Paper => Look {
                background: Colour::of(0xfa, 0xf7, 0xf2),
                gradient: None,
                text: Colour::of(0x22, 0x1f, 0x1b),
                button: Colour::of(0x22, 0x1f, 0x1b),
                button_text: Colour::of(0xfa, 0xf7, 0xf2),
                button_style: ButtonStyle::Rounded,
                font: Font::Inter,
            },
            Self::Ink => Look {
                background: Colour::of(0x0f, 0x11, 0x15),
                gradient: None,
                text: Colour::of(0xf2, 0xf4, 0xf8),
                button: Colour::of(0xf2, 0xf4, 0xf8),
                button_text: Colour::of(0x0f, 0x11, 0x15),
                button_style: ButtonStyle::Outline,
                font: Font::Inter,
            },
            Self::Meadow => Look {
                background: Colour::of(0xf1, 0xf7, 0xe6),
                gradient: Some(Gradient {
                    from: Colour::of(0xf7, 0xfa, 0xea),
                    to: Colour::of(0xd3, 0xe9, 0xbf),
                    angle: 170,
                }),
                text: Colour::of(0x1d, 0x32, 0x1b),
                button: Colour::of(0x2c, 0x5b, 0x2a),
                button_text: Colour::of(0xff, 0xff, 0xff),
                button_style: ButtonStyle::Pill,
                font: Font::Serif,
            },
            Self::Dusk => Look {
                background: Colour::of(0x2a, 0x1c, 0x3f),
                gradient: Some(Gradient {
                    from: Colour::of(0x1f, 0x1a, 0x3d),
                    to: Colour::of(0x6b, 0x2a, 0x55),
                    angle: 165,
                }),
                text: Colour::of(0xff, 0xf3, 0xec),
                button: Colour::of(0xff, 0xd9, 0xb8),
                button_text: Colour::of(0x3a, 0x1b, 0x35),
                button_style: ButtonStyle::Pill,
                font: Font::System,
            },
            Self::Ocean => Look {
                background: Colour::of(0x06, 0x2b, 0x3f),
                gradient: Some(Gradient {
                    from: Colour::of(0x07, 0x3b, 0x53),
                    to: Colour::of(0x04, 0x1a, 0x2b),
                    angle: 180,
                }),
                text: Colour::of(0xe9, 0xf6, 0xfa),
                button: Colour::of(0x8f, 0xe3, 0xe0),
                button_text: Colour::of(0x05, 0x29, 0x3b),
                button_style: ButtonStyle::Square,
                font: Font::Mono,
            },
            Self::Blossom => Look {
                background: Colour::of(0xff, 0xf1, 0xf4),
                gradient: Some(Gradient {
                    from: Colour::of(0xff, 0xf6, 0xf0),
                    to: Colour::of(0xfb, 0xd5, 0xe1),
                    angle: 160,
                }),
                text: Colour::of(0x47, 0x16, 0x2c),
                button: Colour::of(0xff, 0xff, 0xff),
                button_text: Colour::of(0x8c, 0x1c, 0x4b),
                button_style: ButtonStyle::Shadow,
                font: Font::Inter,
            },
        }
    }
}

impl Preset {
    /// What it looks like to who prefers dark pages, where that is something else.
    pub const fn night(self) -> Option<Look> {
        let day = self.look();
        Some(match self {
            Self::Paper => Look {
                background: Colour::of(0x19, 0x17, 0x14),
                text: Colour::of(0xf3, 0xee, 0xe6),
                button: Colour::of(0xf3, 0xee, 0xe6),
                button_text: Colour::of(0x19, 0x17, 0x14),
                ..day
            },
            Self::Meadow => Look {
                background: Colour::of(0x10, 0x1a, 0x12),
                gradient: Some(Gradient {
                    from: Colour::of(0x16, 0x24, 0x18),
                    to: Colour::of(0x0c, 0x15, 0x0f),
                    angle: 170,
                }),
                text: Colour::of(0xe9, 0xf3, 0xe2),
                button: Colour::of(0xb4, 0xdc, 0x9a),
                button_text: Colour::of(0x12, 0x24, 0x12),
                ..day
            },
            Self::Blossom => Look {
                background: Colour::of(0x26, 0x10, 0x1a),
                gradient: Some(Gradient {
                    from: Colour::of(0x2b, 0x13, 0x1d),
                    to: Colour::of(0x3d, 0x17, 0x29),
                    angle: 160,
                }),
                text: Colour::of(0xff, 0xe6, 0xee),
                button: Colour::of(0x4a, 0x1c, 0x32),
                button_text: Colour::of(0xff, 0xd9, 0xe6),
                ..day
            },
            Self::Ink | Self::Dusk | Self::Ocean => return None,
        })
    }
}

/// How a page looks, with nothing left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The ground, below a gradient too.
    pub background: Colour,
    /// What is painted on the ground.
    pub gradient: Option<Gradient>,
    /// Letters on the ground.
    pub text: Colour,
    /// What buttons are filled with; with [`ButtonStyle::Outline`], their border and their letters.
    pub button: Colour,
    /// Letters on buttons; with [`ButtonStyle::Outline`], of those that are pointed at, which are filled.
    pub button_text: Colour,
    /// The shape of buttons.
    pub button_style: ButtonStyle,
    /// The typeface.
    pub font: Font,
}

/// A ground that goes from one colour to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gradient {
    /// Where it begins.
    pub from: Colour,
    /// Where it ends.
    pub to: Colour,
    /// Which way it goes, in degrees as CSS counts them: 0 is upwards, 90 to the right, 180 downwards.
    pub angle: u16,
}

/// Which way a gradient goes unless told otherwise: downwards.
pub const DEFAULT_ANGLE: u16 = 180;

impl Gradient {
    /// Colours along it, both ends among them. What lies between two colours can be darker, or brighter, than both.
    fn colours(self) -> impl Iterator<Item = Colour> {
        const STEPS: u16 = 16;
        let ([r1, g1, b1], [r2, g2, b2]) = (self.from.parts(), self.to.parts());
        (0..=STEPS).map(move |step| {
            let between = |one: u8, two: u8| {
                let mixed = u16::from(one) * (STEPS - step) + u16::from(two) * step;
                u8::try_from((mixed + STEPS / 2) / STEPS).unwrap_or(u8::MAX)
            };
            Colour::of(between(r1, r2), between(g1, g2), between(b1, b2))
        })
    }
}

/// Checks an angle: 0–359 degrees.
pub fn parse_angle(number: i64) -> Result<u16, Refused> {
    let angle = u16::try_from(number).ok().filter(|angle| *angle < 360);
    angle.ok_or(Refused::because("Must be a whole number from 0 to 359"))
}

/// The shape of buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ButtonStyle {
    /// With rounded corners.
    Rounded,
    /// With corners.
    Square,
    /// With round ends.
    Pill,
    /// A border around nothing.
    Outline,
    /// Lifted, with a shadow.
    Shadow,
}

impl ButtonStyle {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rounded, Self::Square, Self::Pill, Self::Outline, Self::Shadow];

    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rounded => "rounded",
            Self::Square => "square",
            Self::Pill => "pill",
            Self::Outline => "outline",
            Self::Shadow => "shadow",
        }
    }

    /// Reads a style.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|style| style.as_str() == text);
        found.ok_or(Refused::because("Must be one of rounded, square, pill, outline, shadow"))
    }
}

/// A typeface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Font {
    /// Inter, which comes with the page.
    Inter,
    /// That of the visitor's system.
    System,
    /// One with serifs.
    Serif,
    /// One whose letters are equally wide.
    Mono,
}

impl Font {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Inter, Self::System, Self::Serif, Self::Mono];

    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inter => "inter",
            Self::System => "system",
            Self::Serif => "serif",
            Self::Mono => "mono",
        }
    }

    /// Reads a typeface's name.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|font| font.as_str() == text);
        found.ok_or(Refused::because("Must be one of inter, system, serif, mono"))
    }
}

/// What the owner of a page chose; the preset says the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// The preset.
    pub preset: Preset,
    /// See [`Look::background`].
    pub background: Option<Colour>,
    /// See [`Look::gradient`].
    pub gradient: Option<Gradient>,
    /// See [`Look::text`].
    pub text: Option<Colour>,
    /// See [`Look::button`].
    pub button: Option<Colour>,
    /// See [`Look::button_text`].
    pub button_text: Option<Colour>,
    /// See [`Look::button_style`].
    pub button_style: Option<ButtonStyle>,
    /// See [`Look::font`].
    pub font: Option<Font>,
}

/// What cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The member of a theme that is at fault: `text_color`, `button_text_color` or `button_color`.
    pub member: &'static str,
    /// What is wrong, and what would be right.
    pub why: Refused,
}

/// The contrast that text needs (WCAG 2.2, 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

impl Theme {
    /// How a page with this theme looks.
    pub fn look(&self) -> Look {
        let preset = self.preset.look();
        let has_own_ground = self.background.is_some() || self.gradient.is_some();
        let has_own_colours = has_own_ground || self.text.is_some();
        let gradient = self.gradient.or(if has_own_ground { None } else { preset.gradient });
        let background = self.background.or(self.gradient.map(|own| own.from)).unwrap_or(preset.background);
        let text = self.text.unwrap_or(preset.text);
        let button_style = self.button_style.unwrap_or(preset.button_style);
        let font = self.font.unwrap_or(preset.font);
        // Letters can be read on the ground, so their two colours make a button that can be read, and seen.
        let follows = has_own_colours || button_style == ButtonStyle::Outline;
        let button = self.button.unwrap_or(if follows { text } else { preset.button });
        let button_text = self.button_text.unwrap_or_else(|| match self.button {
            None if follows => background,
            None => preset.button_text,
            Some(own) => readable_on(own, [preset.button_text, background, text]),
        });
        Look { background, gradient, text, button, button_text, button_style, font }
    }

    /// How it looks to who prefers dark pages, where that is something else. Whoever chooses colours has chosen them for
    /// day and night: two of a set of five that change by themselves would be nobody's choice.
    pub fn night(&self) -> Option<Look> {
        let own = [self.background, self.text, self.button, self.button_text];
        let has_own_colours = own.iter().any(Option::is_some) || self.gradient.is_some();
        let night = self.preset.night().filter(|_| !has_own_colours)?;
        let (button_style, font) = (self.button_style.unwrap_or(night.button_style), self.font.unwrap_or(night.font));
        let is_outline = button_style == ButtonStyle::Outline;
        let (button, button_text) =
            if is_outline { (night.text, night.background) } else { (night.button, night.button_text) };
        Some(Look { button, button_text, button_style, font, ..night })
    }

    /// Everything of it that cannot be read.
    pub fn unreadable(&self) -> Vec<Unreadable> {
        let look = self.look();
        let ground: Vec<Colour> =
            std::iter::once(look.background).chain(look.gradient.into_iter().flat_map(Gradient::colours)).collect();
        let is_outline = look.button_style == ButtonStyle::Outline;
        let on_button = [look.button];
        [
            ("text_color", look.text, &ground[..], "the background"),
            ("button_text_color", look.button_text, &on_button[..], "button_color"),
            ("button_color", look.button, if is_outline { &ground[..] } else { &[] }, "the background"),
        ]
        .into_iter()
        .filter_map(|(member, colour, ground, what)| judge(member, colour, ground, what))
        .collect()
    }
}

/// The first of these colours that can be read on that one, or else black or white, of which one always can.
fn readable_on(ground: Colour, wanted: [Colour; 3]) -> Colour {
    let reads = |colour: &Colour| colour.contrast(ground) >= LEAST_CONTRAST;
    wanted.into_iter().find(reads).unwrap_or_else(|| better_of_two(&[ground]).0)
}

/// Black or white, whichever reads better on all of these, and how well it does.
fn better_of_two(ground: &[Colour]) -> (Colour, f64) {
    let (black, white) = (least_contrast(Colour::BLACK, ground), least_contrast(Colour::WHITE, ground));
    if black.1 >= white.1 { (Colour::BLACK, black.1) } else { (Colour::WHITE, white.1) }
}

/// Where on the ground a colour reads worst, and how well it does there.
fn least_contrast(colour: Colour, ground: &[Colour]) -> (Colour, f64) {
    let contrasts = ground.iter().map(|ground| (*ground, colour.contrast(*ground)));
    contrasts.min_by(|one, two| one.1.total_cmp(&two.1)).unwrap_or((colour, f64::INFINITY))
}

fn judge(member: &'static str, colour: Colour, ground: &[Colour], what: &str) -> Option<Unreadable> {
    let (worst, contrast) = least_contrast(colour, ground);
    if contrast >= LEAST_CONTRAST {
        return None;
    }
    // Rounded down, so that 4.4996 is not said to be 4.5.
    let ratio = (contrast * 100.0).floor() / 100.0;
    let (better, its_contrast) = better_of_two(ground);
    let advice = if its_contrast >= LEAST_CONTRAST {
        format!("{better} would have {:.1}:1", (its_contrast * 10.0).floor() / 10.0)
    } else {
        "no colour reads on all of this gradient: bring its ends closer together".to_owned()
    };
    let why =
        format!("The contrast of {colour} on {what} ({worst}) is {ratio:.2}:1 and must be at least 4.5:1; {advice}");
    Some(Unreadable { member, why: Refused::saying(why) })
}

#[cfg(test)]
mod tests;
