//! What was done with somebody's account lately, in words.

use mask_core::activity::Activity;
use mask_store::LoggedActivity;

use crate::redirect::pages::Section;

/// How many lines the page has; `GET /account/activity` has all of them.
pub(super) const LATELY: usize = 10;

const fn words(activity: Activity) -> &'static str {
    match activity {
        Activity::SignedIn => "Signed in",
        Activity::SessionEnded => "Signed out, or ended a session",
        Activity::OthersEnded => "Ended all other sessions",
        Activity::PasswordChanged => "Changed the password",
        Activity::PasswordReset => "Chose a password by a link",
        Activity::EmailChanged => "Changed the address",
        Activity::AppConfirmed => "Set up an authenticator app",
        Activity::AppEnded => "Turned the authenticator app off",
        Activity::RecoveryCodeUsed => "Used a recovery code",
        Activity::RecoveryCodesReplaced => "Made new recovery codes",
        Activity::IdentityLinked => "Signed in elsewhere for the first time",
        Activity::Disabled => "Disabled by the operator",
        Activity::Enabled => "Enabled by the operator",
    }
}

/// A line as people read it. What a newer node has written is shown as it stands.
fn said(line: &LoggedActivity) -> (String, String) {
    let known = Activity::ALL.iter().find(|activity| activity.as_str() == line.action);
    let what = known.map_or(line.action.as_str(), |activity| words(*activity));
    let whence = [line.whence.device.as_deref(), line.whence.country.as_deref()];
    let parts: Vec<_> = std::iter::once(what).chain(whence.into_iter().flatten()).collect();
    (parts.join(", "), line.at.to_string())
}

/// The section that shows these.
pub(super) fn section(lines: &[LoggedActivity]) -> Section {
    let sentence = "If one of these was not you, choose another password, and end the sessions that you do not know.";
    Section {
        title: Some("What was done lately".to_owned()),
        sentences: vec![sentence.to_owned()],
        facts: lines.iter().map(said).collect(),
        ..Section::default()
    }
}
