//! The decision: where one visit to one link goes.

use crate::{agent, link::Link, visit::Visit};

/// What a visit gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// A redirect to the destination that this choice made.
    Redirect(Choice, &'a str),
    /// The form that asks for the password.
    AskPassword,
    /// The page that says why there is nothing more to see.
    Gone(Ended),
}

/// Which of a link's destinations was chosen. Recorded with the click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The link's own `url`.
    Url,
    /// The rule at this place in the list.
    Rule(u8),
    /// The iOS target.
    Ios,
    /// The Android target.
    Android,
    /// The variant at this place in the list.
    Variant(u8),
    /// The link has ended, and has an `expired_url`. Not a click.
    Ended,
}

/// Why a link no longer leads anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time is over.
    Expired,
    /// Its clicks are used up.
    UsedUp,
}

/// Chooses, in the contract's order: an end, the password, rules, the device's target, a variant, the `url`.
pub fn decide<'a>(link: &'a Link, visit: &Visit<'_>) -> Route<'a> {
    let content = &link.content;
    let ended = if content.expires_at.is_some_and(|end| visit.now >= end) {
        Some(Ended::Expired)
    } else if visit.is_used_up {
        Some(Ended::UsedUp)
    } else {
        None
    };
    if let Some(ended) = ended {
        return match &content.expired_url {
            Some(url) => Route::Redirect(Choice::Ended, url.as_str()),
            None => Route::Gone(ended),
        };
    }
    if content.password_hash.is_some() && !visit.is_unlocked {
        return Route::AskPassword;
    }
    if let Some((place, rule)) = (0..).zip(&content.rules).find(|(_, rule)| rule.when.matches(visit)) {
        return Route::Redirect(Choice::Rule(place), rule.url.as_str());
    }
    match (&content.ios_target, &content.android_target) {
        (Some(target), _) if agent::is_ios(visit.user_agent) => return Route::Redirect(Choice::Ios, target.as_str()),
        (_, Some(target)) if agent::is_android(visit.user_agent) => {
            return Route::Redirect(Choice::Android, target.as_str());
        }
        _ => {}
    }
    match variant(link, visit.visitor) {
        Some((place, url)) => Route::Redirect(Choice::Variant(place), url),
        None => Route::Redirect(Choice::Url, content.url.as_str()),
    }
}

/// The variant of this visitor: the same each time while the weights stay, and by weight over all visitors.
fn variant(link: &Link, visitor: u64) -> Option<(u8, &str)> {
    let variants = &link.content.variants;
    let total: u64 = variants.iter().map(|variant| u64::from(variant.weight)).sum();
    let mut rest = visitor.checked_rem(total)?;
    for (place, variant) in (0..).zip(variants) {
        match rest.checked_sub(u64::from(variant.weight)) {
            Some(left) => rest = left,
            None => return Some((place, variant.url.as_str())),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        destination::{AppTarget, WebUrl},
        id::LinkId,
        link::{Content, Variant},
        rule::{Condition, Rule},
        slug::Slug,
        time::Time,
    };

    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

    fn web(text: &str) -> WebUrl {
        WebUrl::parse(text).expect("a url")
    }

    fn link(change: impl FnOnce(&mut Content)) -> Link {
        let mut content = Content::to(web("https://e.com/url"));
        change(&mut content);
        Link {
            id: LinkId::from_bits(1),
            domain: "e.io".into(),
            slug: Slug::parse("abcd").expect("a slug"),
            content,
            clicks: 0,
            version: 1,
            created_at: Time::from_unix_millis(0),
            updated_at: Time::from_unix_millis(0),
        }
    }

    fn visit() -> Visit<'static> {
        Visit {
            now: Time::from_unix_millis(1000),
            user_agent: "",
            accept_language: "",
            country: None,
            visitor: 0,
            is_unlocked: false,
            is_used_up: false,
        }
    }

    #[test]
    fn the_contracts_order() {
        let mut link = link(|content| {
            content.expires_at = Some(Time::from_unix_millis(2000));
            content.password_hash = Some("hash".into());
            content.rules = vec![Rule {
                when: Condition { language: vec!["de".into()], ..Condition::default() },
                url: web("https://e.com/rule"),
            }];
            content.ios_target = AppTarget::parse("app://ios").ok();
            content.variants = vec![Variant { url: web("https://e.com/variant"), weight: 1 }];
        });
        let open = Visit { is_unlocked: true, ..visit() };
        assert_eq!(decide(&link, &visit()), Route::AskPassword);
        assert_eq!(
            decide(&link, &Visit { accept_language: "de-AT", user_agent: IPHONE, ..open }),
            Route::Redirect(Choice::Rule(0), "https://e.com/rule")
        );
        assert_eq!(decide(&link, &Visit { user_agent: IPHONE, ..open }), Route::Redirect(Choice::Ios, "app://ios"));
        assert_eq!(decide(&link, &open), Route::Redirect(Choice::Variant(0), "https://e.com/variant"));
        assert_eq!(decide(&link, &Visit { is_used_up: true, ..open }), Route::Gone(Ended::UsedUp));
        assert_eq!(decide(&link, &Visit { now: Time::from_unix_millis(2000), ..visit() }), Route::Gone(Ended::Expired));
        link.content.expired_url = Some(web("https://e.com/over"));
        assert_eq!(
            decide(&link, &Visit { is_used_up: true, ..visit() }),
            Route::Redirect(Choice::Ended, "https://e.com/over")
        );
        link.content.variants[0].weight = 0;
        assert_eq!(decide(&link, &open), Route::Redirect(Choice::Url, "https://e.com/url"));
    }

    #[test]
    fn a_country_rule_never_matches_an_unknown_place() {
        let link = link(|content| {
            content.rules = vec![Rule {
                when: Condition { country: vec!["PK".into()], ..Condition::default() },
                url: web("https://e.com/pk"),
            }];
        });
        assert_eq!(decide(&link, &visit()), Route::Redirect(Choice::Url, "https://e.com/url"));
        assert_eq!(
            decide(&link, &Visit { country: Some("PK"), ..visit() }),
            Route::Redirect(Choice::Rule(0), "https://e.com/pk")
        );
    }

    #[test]
    fn variants_by_weight() {
        let link = link(|content| {
            content.variants =
                [1, 0, 3].into_iter().map(|weight| Variant { url: web("https://e.com/v"), weight }).collect();
        });
        let counted = (0..400_u64).fold([0; 3], |mut counted, visitor| {
            if let Route::Redirect(Choice::Variant(place), _) = decide(&link, &Visit { visitor, ..visit() }) {
                counted[usize::from(place)] += 1;
            }
            counted
        });
        assert_eq!(counted, [100, 0, 300]);
    }
}
