//! What comes in for a theme.
//!
//! A theme is patched member by member. Naming another preset begins anew: what was chosen before fitted the old one, and would
//! hide most of the new. What is named beside the preset holds.

use mask_core::{
    Refused,
    bio_page::theme::{ButtonStyle, DEFAULT_ANGLE, Font, Gradient, Preset, Theme, parse_angle},
    change::Set,
    colour::Colour,
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::fields::{Fields, Problems, integer, text};

/// How a page is to look. What is absent stays as it is, or as the preset has it; null goes back to the preset.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BioPageThemeChange)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct ThemeChange {
    /// A ready-made look: `paper`, `ink`, `meadow`, `dusk`, `ocean` or `blossom`. Another one than before drops what was chosen
    /// before.
    #[schema(example = "dusk")]
    preset: Option<String>,
    /// The colour of the ground, `#rrggbb`. A gradient of the preset gives way to it.
    #[schema(example = "#ffffff")]
    bg_color: Option<String>,
    /// The colour of letters on the ground: a contrast of at least 4.5:1.
    #[schema(example = "#111111")]
    text_color: Option<String>,
    /// `rounded`, `square`, `pill`, `outline` or `shadow`.
    #[schema(example = "rounded")]
    button_style: Option<String>,
    /// `inter`, `system`, `serif` or `mono`.
    #[schema(example = "inter")]
    font: Option<String>,
    /// The colour of buttons; with `outline`, of their border and their letters. Follows `text_color` where that or the ground
    /// was chosen.
    button_color: Option<String>,
    /// The colour of letters on buttons: a contrast of at least 4.5:1.
    button_text_color: Option<String>,
    /// What is painted on the ground.
    background_gradient: Option<GradientChange>,
}

/// A ground that goes from one colour to another.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GradientChange)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct GradientChange {
    /// Where it begins, `#rrggbb`.
    from: String,
    /// Where it ends, `#rrggbb`.
    to: String,
    /// Which way it goes, in degrees as CSS counts them; 180, which is downwards, unless told otherwise.
    #[schema(required = false, minimum = 0, maximum = 359)]
    angle: u16,
}

/// Reads what a theme is to be from what it is and the member of this path, if it is there.
pub(super) fn read(fields: &mut Fields<'_>, old: Theme) -> Theme {
    let path = fields.path("theme");
    match fields.take("theme") {
        None => old,
        Some(Value::Null) => Theme::default(),
        Some(value) => members(value, &path, fields.problems, old).unwrap_or(old),
    }
}

fn members(value: Value, path: &str, problems: &mut Problems, old: Theme) -> Option<Theme> {
    let faults = problems.count();
    let mut fields = Fields::of(value, path, problems)?;
    let preset = fields.nullable("preset", text(Preset::parse)).map_or(old.preset, Option::unwrap_or_default);
    let mut theme = if preset == old.preset { old } else { Theme { preset, ..Theme::default() } };
    let colour = || text(Colour::parse);
    put(&mut theme.background, fields.nullable("bg_color", colour()));
    put(&mut theme.text, fields.nullable("text_color", colour()));
    put(&mut theme.button_style, fields.nullable("button_style", text(ButtonStyle::parse)));
    put(&mut theme.font, fields.nullable("font", text(Font::parse)));
    put(&mut theme.button, fields.nullable("button_color", colour()));
    put(&mut theme.button_text, fields.nullable("button_text_color", colour()));
    let gradient = read_gradient(&mut fields, theme.gradient);
    put(&mut theme.gradient, gradient);
    let theme = plain(theme);
    let paths = theme.unreadable().into_iter().map(|fault| (fields.path(fault.member), fault.why));
    let unreadable: Vec<(String, Refused)> = paths.collect();
    fields.end();
    // Of colours that could not be read nothing is said of how they go together.
    if problems.count() == faults {
        for (path, why) in unreadable {
            problems.refuse(path, why.to_string());
        }
    }
    Some(theme)
}

fn put<T>(place: &mut Option<T>, new: Set<T>) {
    if let Some(new) = new {
        *place = new;
    }
}

fn read_gradient(fields: &mut Fields<'_>, old: Option<Gradient>) -> Set<Gradient> {
    let path = fields.path("background_gradient");
    let value = match fields.take("background_gradient")? {
        Value::Null => return Some(None),
        value => value,
    };
    let mut fields = Fields::of(value, &path, fields.problems)?;
    let end = |fields: &mut Fields<'_>, name, old: Option<Colour>| match old {
        Some(old) => Some(fields.optional(name, text(Colour::parse)).unwrap_or(old)),
        None => fields.required(name, text(Colour::parse)),
    };
    let from = end(&mut fields, "from", old.map(|old| old.from));
    let to = end(&mut fields, "to", old.map(|old| old.to));
    let angle = fields.optional("angle", integer(parse_angle));
    fields.end();
    let angle = angle.or(old.map(|old| old.angle)).unwrap_or(DEFAULT_ANGLE);
    Some(Some(Gradient { from: from?, to: to?, angle }))
}

/// Without what says the same as the preset: whoever sends back what was answered has chosen nothing by that.
fn plain(mut theme: Theme) -> Theme {
    let preset = theme.preset.look();
    let bare = Theme { background: None, gradient: None, text: None, button: None, button_text: None, ..theme };
    let colours = |theme: &Theme| {
        let look = theme.look();
        (look.background, look.gradient, look.text, look.button, look.button_text)
    };
    if colours(&theme) == colours(&bare) {
        theme = bare;
    }
    theme.button_style = theme.button_style.filter(|style| *style != preset.button_style);
    theme.font = theme.font.filter(|font| *font != preset.font);
    theme
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(old: Theme, theme: &Value) -> Result<Theme, Vec<(String, String)>> {
        let mut problems = Problems::default();
        let mut fields = Fields::of(json!({ "theme": theme }), "", &mut problems).expect("an object");
        let theme = read(&mut fields, old);
        fields.end();
        let faults = |error: crate::api::error::ApiError| {
            error.details.into_iter().map(|fault| (fault.field, fault.message)).collect::<Vec<_>>()
        };
        problems.check().map_err(faults).map(|()| theme)
    }

    #[test]
    fn what_is_absent_stays_and_null_goes_back() {
        let dark = patch(Theme::default(), &json!({"bg_color": "#000000", "text_color": "#fff"})).expect("a theme");
        let serif = patch(dark, &json!({"font": "serif"})).expect("a theme");
        assert_eq!((serif.background, serif.font), (dark.background, Some(Font::Serif)));
        let back = patch(serif, &json!({"bg_color": null, "text_color": null})).expect("a theme");
        assert_eq!(back, Theme { font: Some(Font::Serif), ..Theme::default() });
        assert_eq!(patch(serif, &json!(null)), Ok(Theme::default()));
    }

    #[test]
    fn another_preset_begins_anew() {
        let dark = patch(Theme::default(), &json!({"bg_color": "#000", "text_color": "#fff"})).expect("a theme");
        let dusk = patch(dark, &json!({"preset": "dusk", "font": "mono"})).expect("a theme");
        assert_eq!(dusk, Theme { preset: Preset::Dusk, font: Some(Font::Mono), ..Theme::default() });
        assert_eq!(patch(dark, &json!({"preset": "paper"})), Ok(dark), "the same preset changes nothing");
    }

    #[test]
    fn what_was_answered_can_be_sent_back() {
        for preset in Preset::ALL {
            let theme = Theme { preset, ..Theme::default() };
            let shown = serde_json::to_value(super::super::shape::ThemeBody::of(&theme)).expect("JSON");
            assert_eq!(patch(theme, &shown), Ok(theme), "{preset:?}");
        }
    }

    #[test]
    fn faults_have_paths() {
        let faults = patch(
            Theme::default(),
            &json!({"bg_color": "red", "font": 1, "background_gradient": {"from": "#000", "too": 1}, "bgColor": "#fff"}),
        )
        .expect_err("faults");
        let fields: Vec<_> = faults.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "theme.background_gradient.to",
                "theme.bg_color",
                "theme.font",
                "theme.background_gradient.too",
                "theme.bgColor"
            ]
        );
        let faults = patch(Theme::default(), &json!({"text_color": "#ddd"})).expect_err("a fault");
        assert_eq!(faults[0].0, "theme.text_color");
        assert!(faults[0].1.contains("4.5:1"), "{}", faults[0].1);
    }
}
