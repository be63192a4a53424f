use super::*;

fn colour(text: &str) -> Option<Colour> {
    let read = Colour::parse(text);
    assert!(read.is_ok(), "{text}");
    read.ok()
}

#[test]
fn words_read_back() {
    for preset in Preset::ALL {
        assert_eq!(Preset::parse(preset.as_str()), Ok(preset));
    }
    for style in ButtonStyle::ALL {
        assert_eq!(ButtonStyle::parse(style.as_str()), Ok(style));
    }
    for font in Font::ALL {
        assert_eq!(Font::parse(font.as_str()), Ok(font));
    }
    assert!(
        parse_angle(0).is_ok() && parse_angle(359).is_ok() && parse_angle(360).is_err() && parse_angle(-1).is_err()
    );
}

#[test]
fn every_preset_can_be_read_with_every_shape_of_buttons() {
    for preset in Preset::ALL {
        assert_eq!(Theme { preset, ..Theme::default() }.look(), preset.look(), "a preset is what it says");
        for style in ButtonStyle::ALL {
            let theme = Theme { preset, button_style: Some(style), ..Theme::default() };
            assert_eq!(theme.unreadable(), [], "{preset:?} {style:?}");
        }
    }
}

#[test]
fn every_preset_can_be_read_by_night() {
    for preset in Preset::ALL {
        let Some(night) = preset.night() else { continue };
        assert!(night.background.luminance() < 0.05 && night.font == preset.look().font, "{preset:?}");
        for style in ButtonStyle::ALL {
            let theme = Theme { preset, button_style: Some(style), ..Theme::default() };
            let Look { background, gradient, text, button, button_text, .. } = theme.night().expect("a night");
            let [background, text, button, button_text] = [background, text, button, button_text].map(Some);
            let chosen = Theme { background, gradient, text, button, button_text, ..theme };
            assert_eq!(chosen.unreadable(), [], "{preset:?} {style:?}");
            assert_eq!(chosen.night(), None, "who chose colours keeps them by night");
        }
    }
}

#[test]
fn what_was_not_chosen_follows_what_was() {
    let theme = Theme { background: colour("#000"), text: colour("#fff"), ..Theme::default() };
    let look = theme.look();
    assert_eq!((look.button, look.button_text), (Colour::WHITE, Colour::BLACK));
    assert_eq!(theme.unreadable(), []);
    let theme = Theme { preset: Preset::Dusk, background: colour("#000"), ..Theme::default() };
    assert_eq!(theme.look().gradient, None, "a ground of one's own is not painted over");
    let theme = Theme { button: colour("#ffcc00"), ..Theme::default() };
    assert_eq!(theme.unreadable(), [], "letters that were not chosen are readable ones");
}

#[test]
fn what_cannot_be_read_is_named() {
    let theme = Theme { text: colour("#999"), button: colour("#777"), button_text: colour("#888"), ..Theme::default() };
    let members: Vec<_> = theme.unreadable().iter().map(|fault| fault.member).collect();
    assert_eq!(members, ["text_color", "button_text_color"]);
    let said = theme.unreadable()[0].why.to_string();
    assert!(said.contains("2.6") && said.contains("4.5:1") && said.contains("#000000"), "{said}");
    let outline = Theme { button: colour("#ddd"), button_style: Some(ButtonStyle::Outline), ..Theme::default() };
    assert_eq!(outline.unreadable()[0].member, "button_color");
}

#[test]
fn a_gradient_is_looked_at_from_end_to_end() {
    let over = |from: &str, to: &str, text: &str| {
        let [from, to] = [from, to].map(|end| Colour::parse(end).expect("a colour"));
        let gradient = Some(Gradient { from, to, angle: 90 });
        Theme { gradient, text: colour(text), ..Theme::default() }.unreadable()
    };
    assert_eq!(over("#000", "#333", "#fff"), []);
    assert_eq!(over("#000", "#999", "#fff")[0].member, "text_color", "at its end");
    assert_eq!(over("#999", "#000", "#fff")[0].member, "text_color", "at its beginning");
    // Black reads on both of these, and not on the grey between them.
    assert!(over("#ff5050", "#00c8c8", "#303030").iter().any(|fault| fault.member == "text_color"));
    let both = over("#000", "#fff", "#fff");
    assert!(both[0].why.to_string().contains("closer together"));
}

proptest::proptest! {
    #[test]
    fn a_button_colour_alone_is_never_refused(red: u8, green: u8, blue: u8) {
        let theme = Theme { button: Some(Colour::of(red, green, blue)), ..Theme::default() };
        proptest::prop_assert_eq!(theme.unreadable(), []);
    }
}
