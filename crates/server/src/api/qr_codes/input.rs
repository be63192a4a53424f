//! What comes in for a QR code: read member by member into [`Asked`].

use mask_core::{
    Refused,
    bio_page::words,
    change::Set,
    colour::Colour,
    id::{LinkId, PageId},
    picture::Picture,
    qr::{self, Aim, CAPTION_CHARACTERS, ErrorCorrection, Look, Shape},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::shape::{LevelName, ShapeName};
use crate::{
    api::fields::{Fields, Problems, boolean, integer, text},
    pictures::Pictures,
};

/// The two shapes of a code that comes in differ in what it leads to, which is named once and for all.
macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident { $($own:tt)* })+) => {$(
        $(#[$doc])+
        #[derive(Debug, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "read by hand; this is what the document says")]
        pub(super) struct $name {
            $($own)*
            /// The colour of the modules. Absent: `#000000`.
            #[schema(required = false, nullable = true, example = "#1a2b3c")]
            foreground_color: String,
            /// The colour behind them. Absent: `#ffffff`. It must be so much lighter than the modules that scanners can tell
            /// them apart; light upon dark many of them cannot read.
            #[schema(required = false, nullable = true, example = "#ffffff")]
            background_color: String,
            /// The width of its pictures in pixels, where none is asked for. Absent: 512.
            #[schema(required = false, nullable = true, minimum = 128, maximum = 2048, example = 512)]
            size: u16,
            /// How much of it may be damaged and still be read. Absent: `M`, and `Q` for a code with a logo. Once its address is
            /// too long for that in a picture of its `size`, it is drawn with a lower one that scans.
            #[schema(required = false, nullable = true)]
            error_correction: LevelName,
            /// A picture for the middle of the code: PNG, JPEG, WebP or SVG, at most 1 MiB, at an address on the public
            /// internet or one that `POST /uploads` answered. It is fetched once, now; naming the same address again does
            /// not fetch it anew.
            #[schema(max_length = 2048, example = "https://example.com/logo.png")]
            logo_url: Option<String>,
            /// The colour of the three eyes in the corners. Absent: that of the modules.
            eye_color: Option<String>,
            /// How the modules are drawn. Absent: `square`.
            #[schema(required = false, nullable = true)]
            shape: ShapeName,
            /// The width of the free border in modules. Absent: 4, as the standard asks.
            #[schema(required = false, nullable = true, minimum = 0, maximum = 16)]
            margin: u8,
            /// Whether nothing is painted behind the modules; `background_color` is then what the code is expected to lie
            /// on. Absent: false.
            #[schema(required = false, nullable = true)]
            transparent: bool,
            /// A line of text below it, at most 60 characters, of which none turns the direction of others. It is written so that
            /// all of it fits below the code, and refused where its letters would be smaller than 7 pixels in a picture of its
            /// `size`.
            #[schema(max_length = 60, example = "Scan for the menu")]
            caption: Option<String>,
        }
    )+};
}

codes! {
    /// A QR code to be made: of a link, or of a bio page.
    NewQrCode {
        /// The link that it leads to. Either this or `bio_page_id` is named.
        #[schema(example = "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
        link_id: Option<String>,
        /// The bio page that it leads to, in place of a link.
        bio_page_id: Option<String>,
    }
    /// Changes to a QR code: what is absent stays, and null goes back to what a new code has.
    QrCodeChange {}
}

/// What a body asks for. What is absent is not asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub foreground: Option<Colour>,
    pub background: Option<Colour>,
    pub size: Option<u16>,
    pub error_correction: Set<ErrorCorrection>,
    /// The address of a logo.
    pub logo: Set<String>,
    pub eye: Set<Colour>,
    pub shape: Option<Shape>,
    pub margin: Option<u8>,
    pub is_transparent: Option<bool>,
    pub caption: Set<String>,
}

/// Reads the body of a new code: `link_id` or `bio_page_id` is required.
pub(super) fn read_new(value: Value, pictures: &Pictures, problems: &mut Problems) -> (Option<Aim>, Asked) {
    let Some(mut fields) = Fields::of(value, "", problems) else { return (None, Asked::default()) };
    let aim = if fields.has("bio_page_id") {
        let page = fields.required("bio_page_id", text(PageId::parse)).map(Aim::Page);
        if fields.nullable("link_id", text(LinkId::parse)).is_some_and(|link| link.is_some()) {
            fields.problems.refuse("link_id", "Must not be there beside bio_page_id: a code leads to one of them");
        }
        page
    } else {
        // A null there is as good as nothing.
        let _ = fields.take("bio_page_id");
        fields.required("link_id", text(LinkId::parse)).map(Aim::Link)
    };
    let asked = members(&mut fields, pictures);
    fields.end();
    (aim, asked)
}

/// Reads the body of a change.
pub(super) fn read_change(value: Value, pictures: &Pictures, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let asked = members(&mut fields, pictures);
    for name in ["link_id", "bio_page_id"] {
        if fields.take(name).is_some() {
            let why = "Cannot be changed, as the code may be printed; change what is there, or make another code";
            fields.problems.refuse(name, why);
        }
    }
    fields.end();
    asked
}

fn members(fields: &mut Fields<'_>, pictures: &Pictures) -> Asked {
    let usual = Look::default();
    Asked {
        foreground: fields.nullable("foreground_color", text(Colour::parse)).map(|it| it.unwrap_or(usual.foreground)),
        background: fields.nullable("background_color", text(Colour::parse)).map(|it| it.unwrap_or(usual.background)),
        size: fields.nullable("size", integer(qr::parse_size)).map(|it| it.unwrap_or(usual.size)),
        error_correction: fields.nullable("error_correction", text(ErrorCorrection::parse)),
        logo: fields.nullable("logo_url", text(|url| pictures.judge(url).map(|()| url.to_owned()))),
        eye: fields.nullable("eye_color", text(Colour::parse)),
        shape: fields.nullable("shape", text(Shape::parse)).map(|it| it.unwrap_or(usual.shape)),
        margin: fields.nullable("margin", integer(qr::parse_margin)).map(|it| it.unwrap_or(usual.margin)),
        is_transparent: fields.nullable("transparent", boolean).map(|it| it.unwrap_or(usual.is_transparent)),
        caption: fields.nullable("caption", text(caption)),
    }
}

fn caption(written: &str) -> Result<String, Refused> {
    if written.trim().is_empty() {
        return Err(Refused::because("Must have a letter or more; null stands for no caption"));
    }
    words::line(written, CAPTION_CHARACTERS)
}

impl Asked {
    /// Changes what is asked to be changed, but for the logo, of which this is our copy where a new one is asked for.
    pub(super) fn change(&self, look: &mut Look, logo: Option<&Picture>) {
        fn set<T: Clone>(to: &mut T, asked: Option<&T>) {
            if let Some(asked) = asked {
                to.clone_from(asked);
            }
        }
        set(&mut look.foreground, self.foreground.as_ref());
        set(&mut look.background, self.background.as_ref());
        set(&mut look.size, self.size.as_ref());
        set(&mut look.error_correction, self.error_correction.as_ref());
        set(&mut look.eye, self.eye.as_ref());
        set(&mut look.shape, self.shape.as_ref());
        set(&mut look.margin, self.margin.as_ref());
        set(&mut look.is_transparent, self.is_transparent.as_ref());
        set(&mut look.caption, self.caption.as_ref());
        match &self.logo {
            Some(None) => look.logo = None,
            Some(Some(url)) if !has_logo(look, url) => look.logo = logo.cloned(),
            Some(Some(_)) | None => {}
        }
    }

    /// Whether it names a level.
    pub(super) fn asks_for_level(&self) -> bool {
        matches!(self.error_correction, Some(Some(_)))
    }

    /// The address of a logo that has to be fetched: it is asked for, and it is not the one that the code has.
    pub(super) fn new_logo(&self, look: &Look) -> Option<&str> {
        self.logo.as_ref()?.as_deref().filter(|url| !has_logo(look, url))
    }
}

fn has_logo(look: &Look, url: &str) -> bool {
    look.logo.as_ref().is_some_and(|logo| logo.url == url)
}
