//! What machines read of a page: the profile as schema.org describes one.

use mask_core::{
    bio_page::{BioPage, language::Language},
    time::Time,
};
use serde_json::json;

use super::assets;

/// A `ProfilePage` as JSON-LD, to stand in a script element: a data block, which no browser runs. No `<` is left in it, so
/// that nothing typed by a user can end the element; `>` and `&` go with it for readers of other markup.
pub(super) fn json_ld<'p>(
    page: &BioPage,
    language: &Language,
    (address, origin): (&str, &str),
    profiles: impl Iterator<Item = &'p str>,
) -> String {
    let content = &page.content;
    let mut entity = json!({ "@type": "Person", "name": content.title, "url": address });
    if let Some(description) = &content.description {
        entity["description"] = description.as_str().into();
    }
    if let Some(avatar) = &content.avatar {
        entity["image"] = format!("{origin}{}", assets::picture_address(&avatar.name)).into();
    }
    let profiles: Vec<&str> = profiles.collect();
    if !profiles.is_empty() {
        entity["sameAs"] = profiles.into();
    }
    let date = |time: Time| time.to_string();
    let data = json!({
        "@context": "https://schema.org",
        "@type": "ProfilePage",
        "dateCreated": date(page.created_at),
        "dateModified": date(page.updated_at),
        "inLanguage": language.as_str(),
        "mainEntity": entity,
    });
    data.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
