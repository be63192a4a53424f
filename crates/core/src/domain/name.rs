//! The name of a domain: as DNS has it, in lower case and in ASCII.
//!
//! Names in other scripts come in as people write them and become their ASCII form, by the same rules as in a browser's
//! address bar (UTS 46). A label that mixes scripts is refused, as browsers show such names in their ASCII form for being
//! made to deceive. So may be a name of one script, such as a Cyrillic one that looks Latin: that is seen by its
//! [skeleton](DomainName::skeleton), which names that look alike have in common.

use std::borrow::Cow;

use unicode_security::mixed_script::AugmentedScriptSet;
use url::Host;

use crate::Refused;

/// Most bytes of a name in DNS, without the dot at its end.
const LONGEST: usize = 253;
/// Room for `_mask.` must be left.
const LONGEST_HERE: usize = LONGEST - "_mask.".len();

/// Ends of names that DNS does not have, or has for machines alone (RFC 6761, RFC 6762, RFC 7686, RFC 9476).
const NOT_IN_DNS: [&str; 8] = ["alt", "arpa", "internal", "invalid", "lan", "local", "localhost", "onion"];

/// A name that could be somebody's: not an address, not one that many share, not one that DNS does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

impl DomainName {
    /// Reads a name as people write it.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        if bare.len() > 4 * LONGEST {
            return Err(too_long());
        }
        if bare.is_empty() || bare.contains(|letter: char| "/\\:@?#[]%*,".contains(letter) || letter.is_whitespace()) {
            let is_address = bare.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>().is_ok();
            return Err(if is_address { address() } else { shape() });
        }
        let name = match Host::parse(bare).map_err(|_| shape())? {
            Host::Domain(name) => name,
            Host::Ipv4(_) | Host::Ipv6(_) => return Err(address()),
        };
        if name.len() > LONGEST_HERE {
            return Err(too_long());
        }
        if !name.split('.').all(is_label) {
            return Err(shape());
        }
        let name = Self(name);
        name.check_place()?;
        name.check_scripts()?;
        Ok(name)
    }

    /// Reads a name that was stored: it was checked when it came in, by the rules of that day.
    pub fn from_stored(text: &str) -> Result<Self, Refused> {
        if !text.is_empty() && text.len() <= LONGEST && text.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(shape())
        }
    }

    /// Whether it lies where somebody can have a name of their own.
    fn check_place(&self) -> Result<(), Refused> {
        let last = self.0.rsplit('.').next().unwrap_or_default();
        if NOT_IN_DNS.contains(&last) {
            return Err(Refused::saying(format!("Must be a name that DNS knows; those that end in .{last} are not")));
        }
        // A TLD that the list does not know is a suffix as well.
        if psl::domain_str(&self.0).is_none() {
            return Err(Refused::saying(format!(
                "Must be a domain of your own; {self} is a public suffix, under which anybody can have names"
            )));
        }
        Ok(())
    }

    fn check_scripts(&self) -> Result<(), Refused> {
        let unicode = self.unicode();
        match unicode.split('.').find(|label| mixes_scripts(label)) {
            None => Ok(()),
            Some(label) => Err(Refused::saying(format!(
                "Must not mix scripts within a label, as {label} does: such names are made to look like others"
            ))),
        }
    }

    /// The name in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as people write it.
    pub fn unicode(&self) -> Cow<'_, str> {
        if !self.is_international() {
            return Cow::Borrowed(&self.0);
        }
        let (unicode, result) = idna::domain_to_unicode(&self.0);
        if result.is_ok() { Cow::Owned(unicode) } else { Cow::Borrowed(&self.0) }
    }

    /// Whether it has letters that are not ASCII.
    pub fn is_international(&self) -> bool {
        self.0.split('.').any(|label| label.starts_with("xn--"))
    }

    /// What it looks like: names that can be taken for each other have the same (UTS 39 §4).
    pub fn skeleton(&self) -> String {
        unicode_security::skeleton(&self.unicode()).collect()
    }

    /// Whether it is what is registered, and not a name below that: there DNS allows no `CNAME`.
    pub fn is_apex(&self) -> bool {
        psl::domain_str(&self.0) == Some(&self.0)
    }
}

impl std::fmt::Display for DomainName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

const fn shape() -> Refused {
    Refused::because("Must be a host name without scheme, port or path, such as go.example.com")
}

const fn address() -> Refused {
    Refused::because("Must be a name, not an IP address")
}

const fn too_long() -> Refused {
    Refused::because("Must be at most 247 characters in its ASCII form, as DNS allows 253 and _mask. goes before it")
}

/// Letters, digits and hyphens: with underscores there is a name in DNS, but no certificate.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether letters of scripts stand side by side that no language writes together. Latin goes with Chinese, Japanese and
/// Korean, as it does there in everyday writing: "highly restrictive" in the words of UTS 39 §5.2.
fn mixes_scripts(label: &str) -> bool {
    if !AugmentedScriptSet::for_str(label).is_empty() {
        return false;
    }
    let is_latin = |letter: &char| {
        let mut set = AugmentedScriptSet::for_char('a');
        set.intersect_with(AugmentedScriptSet::for_char(*letter));
        !AugmentedScriptSet::for_char(*letter).is_all() && !set.is_empty()
    };
    let rest: String = label.chars().filter(|letter| !is_latin(letter)).collect();
    let rest = AugmentedScriptSet::for_str(&rest);
    !(rest.hanb || rest.jpan || rest.kore)
}
