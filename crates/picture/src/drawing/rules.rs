//! What a drawing may not have.
//!
//! A list of what is refused, not of what is let through: what drawing programs leave in their files beside the drawing
//! is endless and harmless, and the renderer draws only what it knows.

use resvg::usvg::roxmltree::{Attribute, Document, Node, NodeType};

use super::Unsafe;

/// Elements that run something.
const SCRIPTS: [&str; 3] = ["script", "handler", "listener"];
/// Elements that show something else than a drawing.
const FOREIGN: [&str; 10] =
    ["foreignobject", "iframe", "object", "embed", "audio", "video", "canvas", "link", "meta", "base"];
/// Elements that change the drawing as time passes. The picture shows how it begins.
const ANIMATIONS: [&str; 5] = ["animate", "animatecolor", "animatemotion", "animatetransform", "set"];
/// Most characters of a name that an answer repeats.
const NAME_CHARACTERS: usize = 40;

const XHTML: &str = "http://www.w3.org/1999/xhtml";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

pub(super) fn check(document: &Document<'_>) -> Result<(), Unsafe> {
    for node in document.descendants() {
        match node.node_type() {
            NodeType::Element => element(node)?,
            NodeType::PI if node.pi().is_some_and(|pi| pi.target == "xml-stylesheet") => {
                return Err(Unsafe::Outside("<?xml-stylesheet>".to_owned()));
            }
            _ => {}
        }
    }
    if document.root_element().tag_name().name() == "svg" { Ok(()) } else { Err(Unsafe::Unreadable) }
}

fn element(node: Node<'_, '_>) -> Result<(), Unsafe> {
    let name = node.tag_name().name().to_ascii_lowercase();
    if SCRIPTS.contains(&name.as_str()) {
        return Err(Unsafe::Script(format!("<{name}>")));
    }
    // A picture of a web page in a drawing's clothes is refused as the whole that it is.
    if FOREIGN.contains(&name.as_str()) || node.tag_name().namespace() == Some(XHTML) {
        return Err(Unsafe::Foreign(shortened(node.tag_name().name())));
    }
    for attribute in node.attributes() {
        self::attribute(attribute)?;
        if ANIMATIONS.contains(&name.as_str())
            && (attribute.value().contains("//") || attribute.value().contains("data:"))
        {
            return Err(outside(attribute));
        }
    }
    if name == "style" { stylesheet(&super::expansion::text(node)) } else { Ok(()) }
}

fn attribute(attribute: Attribute<'_, '_>) -> Result<(), Unsafe> {
    let name = attribute.name();
    let value: String =
        attribute.value().chars().filter(|character| !character.is_control() && *character != ' ').collect();
    let start = value.get(..20).unwrap_or(&value).to_ascii_lowercase();
    if attribute.namespace().is_none() && name.get(..2).is_some_and(|on| on.eq_ignore_ascii_case("on")) {
        return Err(Unsafe::Script(format!("the event handler {}", shortened(name))));
    }
    if start.starts_with("javascript:") || start.starts_with("vbscript:") {
        return Err(Unsafe::Script(format!("a script in {}", shortened(name))));
    }
    let is_base = name == "base" && attribute.namespace() == Some(XML);
    let is_reference = name.eq_ignore_ascii_case("href") || name.eq_ignore_ascii_case("src");
    if is_base
        || (is_reference && !is_inside(&value))
        || (name == "style" && !is_plain(attribute.value()))
        || !has_only_inner_urls(attribute.value())
    {
        return Err(outside(attribute));
    }
    Ok(())
}

fn stylesheet(text: &str) -> Result<(), Unsafe> {
    let is_closed = is_plain(text) && has_only_inner_urls(text) && !text.to_ascii_lowercase().contains("@import");
    if is_closed { Ok(()) } else { Err(Unsafe::Outside("an @import, an url() or an escape in <style>".to_owned())) }
}

/// Whether a style can be searched: escapes would let it say `url` in other letters.
fn is_plain(style: &str) -> bool {
    !style.contains('\\')
}

fn has_only_inner_urls(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.split("url(").skip(1).all(|rest| is_inside(rest.trim_start().trim_start_matches(['"', '\'']).trim_start()))
}

/// Whether a reference stays within the drawing: a part of it, or a picture that is written out in it.
fn is_inside(reference: &str) -> bool {
    let start = reference.get(..20).unwrap_or(reference).to_ascii_lowercase();
    let pictures = ["data:image/png", "data:image/jpeg", "data:image/jpg", "data:image/webp"];
    start.is_empty() || start.starts_with('#') || pictures.iter().any(|picture| start.starts_with(picture))
}

fn outside(attribute: Attribute<'_, '_>) -> Unsafe {
    Unsafe::Outside(format!("one in {}", shortened(attribute.name())))
}

fn shortened(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(NAME_CHARACTERS).collect()
}
