//! What comes in for a domain.
//!
//! Where a domain leads must not lead back to it: its root not to itself, and what is shown where nothing is not to a place
//! where nothing is. So addresses on our own hosts are looked at here.

use mask_core::{
    Refused, address,
    change::Set,
    destination::WebUrl,
    domain::{Content, DomainName, MOST_FILE_BYTES, Robots},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::shape::RobotsName;
use crate::{
    api::fields::{Fields, Problems, boolean, text},
    redirect::Hosts,
};

/// A domain to be yours.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct NewDomain {
    /// The name: no scheme, port or path. International names become their ASCII form.
    #[schema(max_length = 253, example = "go.example.com")]
    domain: String,
    /// Ask for it although another workspace has it; see the guide to domains.
    #[schema(required = false, default = false)]
    take_over: bool,
    /// Where `/` leads.
    #[schema(max_length = 8192)]
    root_url: Option<String>,
    /// Where paths lead at which there is nothing.
    #[schema(max_length = 8192)]
    not_found_url: Option<String>,
    /// Where links lead that have ended and name no address of their own for that.
    #[schema(max_length = 8192)]
    expired_url: Option<String>,
    /// The files that tie apps to the domain.
    well_known: Option<WellKnownChange>,
    /// What `/robots.txt` asks of crawlers; `allow` unless told otherwise.
    #[schema(required = false, nullable = true, value_type = RobotsName)]
    robots: String,
}

/// Changes to a domain: what is absent stays, and null clears.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct DomainChange {
    /// Whether links live here that name no domain. Of a workspace's domains one is the default; it must be verified.
    #[schema(required = false, nullable = true)]
    is_default: bool,
    /// Where `/` leads.
    #[schema(max_length = 8192)]
    root_url: Option<String>,
    /// Where paths lead at which there is nothing.
    #[schema(max_length = 8192)]
    not_found_url: Option<String>,
    /// Where links lead that have ended and name no address of their own for that.
    #[schema(max_length = 8192)]
    expired_url: Option<String>,
    /// The files that tie apps to the domain; each that is given replaces the one before as a whole.
    well_known: Option<WellKnownChange>,
    /// What `/robots.txt` asks of crawlers.
    #[schema(required = false, nullable = true, value_type = RobotsName)]
    robots: String,
}

/// The files that tie apps to a domain, of at most 128 KiB each.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct WellKnownChange {
    /// The object at `/.well-known/apple-app-site-association`.
    #[schema(required = false, nullable = true, value_type = Object)]
    apple_app_site_association: Value,
    /// The list at `/.well-known/assetlinks.json`.
    #[schema(required = false, nullable = true, value_type = Vec<Object>)]
    assetlinks: Value,
}

/// What a body asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) name: Option<DomainName>,
    pub(super) takes_over: bool,
    is_default: Option<bool>,
    root_url: Set<WebUrl>,
    not_found_url: Set<WebUrl>,
    expired_url: Set<WebUrl>,
    apple_app_site_association: Set<String>,
    assetlinks: Set<String>,
    robots: Option<Robots>,
}

impl Asked {
    /// Makes the changes.
    pub(super) fn apply(self, content: &mut Content) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut content.is_default, self.is_default);
        set(&mut content.root_url, self.root_url);
        set(&mut content.not_found_url, self.not_found_url);
        set(&mut content.expired_url, self.expired_url);
        set(&mut content.apple_app_site_association, self.apple_app_site_association);
        set(&mut content.assetlinks, self.assetlinks);
        set(&mut content.robots, self.robots);
    }
}

/// Reads the body of a new domain: `domain` is required.
pub(super) fn read_new(value: Value, hosts: &Hosts, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let name = fields.required("domain", text(|name| read_name(name, hosts)));
    let takes_over = fields.optional("take_over", boolean).unwrap_or(false);
    let asked = settings(&mut fields, hosts, name.as_ref());
    fields.end();
    Asked { name, takes_over, ..asked }
}

/// Reads the body of a change to the domain of this name.
pub(super) fn read_change(value: Value, hosts: &Hosts, name: &DomainName, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let is_default = fields.nullable("is_default", boolean).map(Option::unwrap_or_default);
    let asked = settings(&mut fields, hosts, Some(name));
    fields.end();
    Asked { is_default, ..asked }
}

fn settings(fields: &mut Fields<'_>, hosts: &Hosts, own: Option<&DomainName>) -> Asked {
    let root = text(|address| read_url(address, hosts, own, leads_to_root));
    let elsewhere = || text(|address| read_url(address, hosts, own, leads_to_nothing));
    let (root_url, not_found_url) = (fields.nullable("root_url", root), fields.nullable("not_found_url", elsewhere()));
    let expired_url = fields.nullable("expired_url", elsewhere());
    let robots = fields.nullable("robots", text(Robots::parse)).map(Option::unwrap_or_default);
    let (apple_app_site_association, assetlinks) = well_known(fields);
    let wanted = Asked { root_url, not_found_url, expired_url, robots, ..Asked::default() };
    Asked { apple_app_site_association, assetlinks, ..wanted }
}

fn read_name(name: &str, hosts: &Hosts) -> Result<DomainName, Refused> {
    let own = || Refused::because("Must be a domain of your own; this one is the service's");
    // Our own host may be no domain of anybody's, such as localhost.
    if hosts.is_common(name) {
        return Err(own());
    }
    let name = DomainName::parse(name)?;
    if hosts.is_common(name.as_str()) {
        return Err(own());
    }
    let looks_like = |host: &String| DomainName::from_stored(host).is_ok_and(|host| host.skeleton() == name.skeleton());
    if name.is_international() && hosts.common_names().iter().any(looks_like) {
        return Err(Refused::because("Must not look like a domain of this service"));
    }
    Ok(name)
}

/// An address on one of our hosts: whether it is the application's, and the path.
type Ours<'a> = (bool, &'a str);

fn read_url(
    address: &str,
    hosts: &Hosts,
    own: Option<&DomainName>,
    is_circle: fn(Ours<'_>) -> bool,
) -> Result<WebUrl, Refused> {
    let url = WebUrl::parse(address)?;
    let (host, path) = url.host_and_path();
    let is_ours = hosts.is_served(&host) || own.is_some_and(|own| own.as_str() == host);
    if is_ours && is_circle((hosts.is_application(&host), &path)) {
        return Err(Refused::because("Must not lead back to a domain of this service: that could lead in a circle"));
    }
    Ok(url)
}

/// A bio page or a link may be what a domain shows at its root; another root may not.
fn leads_to_root((is_application, path): Ours<'_>) -> bool {
    !is_application && matches!(path, "" | "/")
}

/// Nothing is where nothing is, on any domain; the application has pages that are always there.
fn leads_to_nothing((is_application, path): Ours<'_>) -> bool {
    !is_application || address::may_be_short_link(path)
}

fn well_known(fields: &mut Fields<'_>) -> (Set<String>, Set<String>) {
    let path = fields.path("well_known");
    let value = match fields.take("well_known") {
        None => return (None, None),
        Some(Value::Null) => return (Some(None), Some(None)),
        Some(value) => value,
    };
    let Some(mut fields) = Fields::of(value, &path, fields.problems) else { return (None, None) };
    let object = |value: Value| {
        let is_object = value.is_object();
        file(&value, is_object, "Must be an object, as Apple describes it")
    };
    let list = |value: Value| {
        let is_list = value.as_array().is_some_and(|items| items.iter().all(Value::is_object));
        file(&value, is_list, "Must be a list of objects, as Google describes it")
    };
    let files = (fields.nullable("apple_app_site_association", object), fields.nullable("assetlinks", list));
    fields.end();
    files
}

fn file(value: &Value, is_right: bool, wanted: &'static str) -> Result<String, Refused> {
    if !is_right {
        return Err(Refused::because(wanted));
    }
    let text = value.to_string();
    if text.len() > MOST_FILE_BYTES { Err(Refused::because("Must be at most 128 KiB")) } else { Ok(text) }
}
