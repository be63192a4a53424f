//! Scopes: what an API key may do.

use crate::Refused;

macro_rules! scopes {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// One permission of an API key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Scope { $($(#[$doc])+ $name,)+ }

        impl Scope {
            /// Every scope there is, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As written in requests and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

scopes! {
    /// Read links and tags.
    LinksRead = "links:read",
    /// Create, change and delete links.
    LinksWrite = "links:write",
    /// Read bio pages.
    BioPagesRead = "bio-pages:read",
    /// Create, change and delete bio pages.
    BioPagesWrite = "bio-pages:write",
    /// Ask for statistics.
    AnalyticsRead = "analytics:read",
    /// Read QR codes and their pictures.
    QrCodesRead = "qr-codes:read",
    /// Create, change and delete QR codes.
    QrCodesWrite = "qr-codes:write",
    /// Read webhook subscriptions and deliveries.
    WebhooksRead = "webhooks:read",
    /// Create, change and delete webhook subscriptions.
    WebhooksWrite = "webhooks:write",
    /// Read domains.
    DomainsRead = "domains:read",
    /// Add, change and remove domains.
    DomainsWrite = "domains:write",
    /// Read the workspace and its members.
    WorkspaceRead = "workspace:read",
    /// Change the workspace and its members.
    WorkspaceWrite = "workspace:write",
    /// Read the list of API keys.
    ApiKeysRead = "api-keys:read",
    /// Create, rotate and revoke API keys.
    ApiKeysWrite = "api-keys:write",
}

impl Scope {
    /// Reads one scope.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|scope| scope.as_str()).collect();
            Refused::saying(format!("Unknown scope {text:?}; the scopes are {}", known.join(", ")))
        })
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u32);

impl Scopes {
    /// Every scope.
    pub fn all() -> Self {
        Self::of(Scope::ALL)
    }

    /// Exactly these.
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |set, scope| set | 1 << (*scope as u8)))
    }

    /// Reads `all`, or scopes separated by commas.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text == "all" {
            return Ok(Self::all());
        }
        let scopes: Vec<_> = text.split(',').map(|scope| Scope::parse(scope.trim())).collect::<Result<_, _>>()?;
        Ok(Self::of(&scopes))
    }

    /// Whether this scope is in the set.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << (scope as u8)) != 0
    }

    /// Whether every scope of the other set is in this one.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The scopes of the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_read_back() {
        let some = Scopes::parse("links:read, links:write").expect("scopes");
        assert!(some.has(Scope::LinksRead) && some.has(Scope::LinksWrite) && !some.has(Scope::AnalyticsRead));
        assert_eq!(Scopes::parse(&some.to_string()), Ok(some));
        assert_eq!(Scopes::parse("all").expect("scopes").iter().count(), Scope::ALL.len());
    }

    #[test]
    fn unknown_ones_are_refused_by_name() {
        let why = Scopes::parse("links:read,links:fly").expect_err("no such scope").to_string();
        assert!(why.contains("links:fly") && why.contains("links:write"), "{why}");
        assert!(Scopes::parse("").is_err());
    }
}
