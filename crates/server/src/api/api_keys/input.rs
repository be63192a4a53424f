//! What comes in for an API key: read member by member into [`Asked`].

use std::time::Duration;

use ipnet::IpNet;
use mask_core::{
    Refused,
    change::Set,
    key::{self, Content, GRACE, MOST_NETWORKS},
    link,
    scope::{Scope, Scopes},
    time::Time,
};
use serde_json::Value;
use utoipa::ToSchema;

use super::shape::ScopeName;
use crate::api::fields::{Fields, Problems, integer, text};

/// A key to be made.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct NewApiKey {
    /// What you call it, to tell it from others: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Zapier")]
    name: String,
    /// What it may do: at least one scope, and none that the key you ask with does not have.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeName>,
    /// From when on it is refused. Null: it is good until it is revoked.
    #[schema(format = DateTime, example = "2030-01-01T00:00:00Z")]
    expires_at: Option<String>,
    /// Addresses and networks from which alone it may be used. Empty: from anywhere.
    #[schema(required = false, nullable = true, max_items = 50, example = json!(["192.0.2.0/24"]))]
    allowed_ips: Vec<String>,
}

/// Changes to a key: what is absent stays, and null clears.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct ApiKeyChange {
    /// What you call it: 1 to 100 characters.
    #[schema(required = false, min_length = 1, max_length = 100)]
    name: String,
    /// What it may do: at least one scope, and none that the key you ask with does not have.
    #[schema(required = false, min_items = 1)]
    scopes: Vec<ScopeName>,
    /// From when on it is refused.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Addresses and networks from which alone it may be used.
    #[schema(required = false, nullable = true, max_items = 50)]
    allowed_ips: Vec<String>,
}

/// How a secret is changed.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct Rotation {
    /// Seconds for which the secret before is valid too. Absent: a day. 0: it ends at once.
    #[schema(required = false, minimum = 0, maximum = 2_592_000, example = 86_400)]
    grace_seconds: i64,
}

/// What a body asks for. What is absent is not asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    name: Option<String>,
    scopes: Option<Scopes>,
    expires_at: Set<Time>,
    allowed_ips: Option<Vec<IpNet>>,
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    /// What the caller's own key is limited to: nobody hands out more than that.
    pub own: &'a Content,
    /// The time.
    pub now: Time,
}

/// Reads the body of a new key: `name` and `scopes` are required.
///
/// One that says nothing of its end or its addresses has those of the key that makes it.
pub(super) fn read_new(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let name = fields.required("name", text(key::parse_name));
    if !fields.has("scopes") {
        let _ = fields.take("scopes");
        fields.problems.miss("scopes");
    }
    let mut asked = Asked { name, ..members(&mut fields, world) };
    fields.end();
    asked.expires_at = asked.expires_at.or(Some(world.own.expires_at));
    asked.allowed_ips = asked.allowed_ips.or_else(|| Some(world.own.allowed_ips.clone()));
    asked
}

/// Reads the body of a change.
pub(super) fn read_change(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let name = fields.optional("name", text(key::parse_name));
    let asked = Asked { name, ..members(&mut fields, world) };
    fields.end();
    asked
}

/// Reads how a secret is changed.
pub(super) fn read_rotation(value: Value, problems: &mut Problems) -> Duration {
    let Some(mut fields) = Fields::of(value, "", problems) else { return GRACE };
    let grace = fields.optional("grace_seconds", integer(key::parse_grace));
    fields.end();
    grace.unwrap_or(GRACE)
}

fn members(fields: &mut Fields<'_>, world: World<'_>) -> Asked {
    let scope = |name: &str| {
        let scope = Scope::parse(name)?;
        if world.own.scopes.has(scope) {
            return Ok(scope);
        }
        Err(Refused::because("Must be a scope that the key you ask with has itself"))
    };
    let scopes = fields.texts("scopes", 10 * Scope::ALL.len(), scope);
    if scopes.as_ref().is_some_and(Vec::is_empty) {
        fields.problems.refuse("scopes", "Must name at least one scope");
    }
    let expires_at = fields.nullable("expires_at", text(|time| link::parse_expiry(time, world.now)));
    if let (Some(asked), Some(own)) = (expires_at, world.own.expires_at)
        && asked.is_none_or(|asked| asked > own)
    {
        fields.problems.refuse("expires_at", format!("Must not be later than {own}, when the key you ask with ends"));
    }
    fields.clear("allowed_ips");
    let allowed_ips = fields.texts("allowed_ips", MOST_NETWORKS, |text| within(key::parse_network(text)?, world.own));
    if allowed_ips.as_ref().is_some_and(Vec::is_empty) && !world.own.allowed_ips.is_empty() {
        fields.problems.refuse("allowed_ips", "Must name some, as the key you ask with is limited to some");
    }
    Asked { name: None, scopes: scopes.map(|scopes| Scopes::of(&scopes)), expires_at, allowed_ips }
}

/// A network that lies within those of the caller's own key.
fn within(network: IpNet, own: &Content) -> Result<IpNet, Refused> {
    if own.allowed_ips.is_empty() || own.allowed_ips.iter().any(|allowed| allowed.contains(&network)) {
        return Ok(network);
    }
    Err(Refused::because("Must lie within the addresses that the key you ask with is limited to"))
}

impl Asked {
    /// A new key's content; `None` where a required part is missing.
    pub(super) fn content(self) -> Option<Content> {
        let mut content = Content::of(self.name.clone()?, self.scopes?);
        self.change(&mut content);
        Some(content)
    }

    /// Changes what is asked to be changed.
    pub(super) fn change(self, content: &mut Content) {
        content.name = self.name.unwrap_or_else(|| std::mem::take(&mut content.name));
        content.scopes = self.scopes.unwrap_or(content.scopes);
        content.expires_at = self.expires_at.unwrap_or(content.expires_at);
        content.allowed_ips = self.allowed_ips.unwrap_or_else(|| std::mem::take(&mut content.allowed_ips));
    }
}
