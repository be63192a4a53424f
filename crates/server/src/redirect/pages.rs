//! The few pages that a short domain shows to people instead of redirecting them.
//!
//! They are met by strangers, on any phone, in the middle of something else, so each is one
//! complete HTML document: no script, no second request, at most 6 KB besides what the link
//! itself brings. The look is `templates/style.css`; bio pages and the dashboard take up its
//! custom properties.
//!
//! Everything shown here was typed by somebody who may be hostile. Three things must stay true:
//!
//! * Text is escaped by the templates. The only text that is not is the style, which is ours.
//! * An address becomes an `href` only as `https://` or the scheme of an app ([`Address`]);
//!   whatever else a row may hold is shown as text.
//! * Each page carries the content security policy it was written for, so it cannot be sent
//!   under another. The policy names the hash of the very style text that the page holds, and
//!   `'unsafe-inline'` is never needed.
//!
//! Rejected: `form-action 'self'` on the password form. Chromium applies it to every hop that
//! follows the submission, so the right password would end on a dead page instead of the
//! destination. `form-action 'self' https:` would still stop links that open an app. The form
//! states no action of its own, and no text on the page can add one; all other pages say `'none'`.

mod sheet;

use std::{borrow::Cow, sync::LazyLock};

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use percent_encoding::percent_encode_byte;
use sha2::{Digest as _, Sha256};
use url::Url;

pub(crate) use sheet::{Field, Form, Section, Sheet, sheet};

/// A finished page: send the HTML under exactly this policy, as `text/html; charset=utf-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The whole document.
    pub html: String,
    /// The value of the `Content-Security-Policy` header.
    pub content_security_policy: &'static str,
}

/// What the password form shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PasswordForm<'a> {
    /// The address that the visitor followed.
    pub short_url: &'a str,
    /// Whether a password was just tried and was wrong.
    pub rejected: bool,
}

/// What the page behind `/{slug}+` shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inspect<'a> {
    /// The address that is being looked into.
    pub short_url: &'a str,
    /// Where the link leads; `None` when a password protects it.
    pub destination: Option<&'a str>,
    /// The title its owner gave the link.
    pub title: Option<&'a str>,
    /// When the link was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// Whether rules, variants or app targets may choose another destination.
    pub may_vary: bool,
}

/// What the page for link-preview crawlers shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocialPreview<'a> {
    /// The canonical address of the link.
    pub short_url: &'a str,
    /// Where the link leads; `None` when a password protects it.
    pub destination: Option<&'a str>,
    /// The headline of the card.
    pub title: &'a str,
    /// The sentence below it.
    pub description: Option<&'a str>,
    /// The picture. Only crawlers are told of it: the page itself asks no third party for anything.
    pub image_url: Option<&'a str>,
}

/// Why a visitor is shown words instead of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// There is no such link.
    NotFound,
    /// The link's time is over.
    Expired,
    /// The link was deleted and its slug is still held.
    Removed,
    /// The link has used up its clicks.
    LimitReached,
    /// Too many passwords were tried.
    TooManyAttempts {
        /// How long to wait before the next try.
        retry_after_s: u64,
    },
    /// The link cannot be looked up at the moment.
    Unavailable,
    /// The request makes no sense.
    BadRequest,
    /// What was to be sent did not arrive in time.
    TimedOut,
    /// The method is not one that a short link answers.
    MethodNotAllowed,
}

impl Notice {
    /// The HTTP status that goes with the page.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TimedOut => 408,
            Self::Expired | Self::Removed | Self::LimitReached => 410,
            Self::TooManyAttempts { .. } => 429,
            Self::Unavailable => 503,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad request",
            Self::NotFound => "not found",
            Self::MethodNotAllowed => "method not allowed",
            Self::TimedOut => "timed out",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::LimitReached => "limit reached",
            Self::TooManyAttempts { .. } => "too many attempts",
            Self::Unavailable => "unavailable",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::BadRequest => "Not a valid request",
            Self::NotFound => "Link not found",
            Self::MethodNotAllowed => "This cannot be done here",
            Self::TimedOut => "That took too long",
            Self::Expired => "This link has expired",
            Self::Removed => "This link was removed",
            Self::LimitReached => "This link has reached its limit",
            Self::TooManyAttempts { .. } => "Too many attempts",
            Self::Unavailable => "Back in a moment",
        }
    }

    fn sentence(self) -> Cow<'static, str> {
        let sentence = match self {
            Self::BadRequest => "The request is damaged. Check that the address is complete, then open it again.",
            Self::NotFound => "Nothing is kept at this address. Check the spelling, or ask for the link again.",
            Self::MethodNotAllowed => "This address can be opened, and nothing else. Open it in a browser.",
            Self::TimedOut => {
                "What you sent did not arrive in time, and was not taken. Open the link again and send it anew."
            }
            Self::Expired => "Its time is over. Ask whoever gave it to you for a new one.",
            Self::Removed => "Its owner took it away. Ask whoever gave it to you for a new one.",
            Self::LimitReached => "Its owner set how often it can be used, and it has been used that often.",
            Self::TooManyAttempts { retry_after_s } => return wait_sentence(retry_after_s).into(),
            Self::Unavailable => "We could not look this link up just now. Try it again in a few seconds.",
        };
        sentence.into()
    }

    fn can_be_retried(self) -> bool {
        matches!(self, Self::TooManyAttempts { .. } | Self::TimedOut | Self::Unavailable)
    }
}

fn wait_sentence(retry_after_s: u64) -> String {
    let unit = if retry_after_s == 1 { "second" } else { "seconds" };
    format!("Too many passwords were tried for this link. Try again in {retry_after_s} {unit}.")
}

/// The form that asks for a link's password and posts the field `password` to the same address.
///
/// Answer a right password with 302 or 303, never 307 or 308: those would send the password on
/// to the destination.
pub(crate) fn password_form(page: &PasswordForm<'_>) -> Page {
    Page {
        html: render(&PasswordFormTemplate { page, short_url: without_scheme(page.short_url) }),
        content_security_policy: &POLICIES.form,
    }
}

/// The page that says where a link leads.
pub(crate) fn inspect(page: &Inspect<'_>) -> Page {
    strict(&InspectTemplate {
        page,
        short_url: without_scheme(page.short_url),
        destination: page.destination.map(Address::new),
        created: utc_date(page.created_at_ms),
    })
}

/// The page that says why there is no redirect; its status is [`Notice::status`].
pub(crate) fn notice(notice: Notice, request_id: &str) -> Page {
    strict(&NoticeTemplate {
        status: notice.status(),
        code: notice.code(),
        heading: notice.heading(),
        sentence: notice.sentence(),
        retry: notice.can_be_retried(),
        request_id,
    })
}

/// The page that link-preview crawlers read.
pub(crate) fn social_preview(page: &SocialPreview<'_>) -> Page {
    strict(&SocialPreviewTemplate {
        page,
        short_url: without_scheme(page.short_url),
        canonical: Some(page.short_url).filter(|url| is_web_address(url)),
        destination: page.destination.map(Address::new),
        image: page.image_url.filter(|url| url.starts_with("https://")),
    })
}

/// What a page shows that says one thing, and may ask one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// What it is about.
    pub about: Option<&'a str>,
    /// Its headline.
    pub heading: &'a str,
    /// What it says.
    pub sentence: Cow<'a, str>,
    /// What stands on the button that posts to the page's own address, if there is one.
    pub button: Option<&'a str>,
    /// A link of ours: its text and its path.
    pub link: Option<(&'a str, &'a str)>,
}

/// The page that says one thing, and may ask one.
pub(crate) fn ask(ask: &Ask<'_>) -> Page {
    own_form(&AskTemplate { ask })
}

/// A page with a form of ours, which is posted to the page's own address.
pub(crate) fn own_form(template: &impl Template) -> Page {
    Page { html: render(template), content_security_policy: &POLICIES.own_form }
}

/// The page at `/` of a host that has nothing else to show there. On the application host people sign in, and find its
/// documentation.
pub(crate) fn root(is_application_host: bool) -> Page {
    strict(&RootTemplate { is_application_host })
}

#[derive(Template)]
#[template(path = "password_form.html")]
struct PasswordFormTemplate<'a> {
    page: &'a PasswordForm<'a>,
    short_url: &'a str,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct AskTemplate<'a> {
    ask: &'a Ask<'a>,
}

#[derive(Template)]
#[template(path = "inspect.html")]
struct InspectTemplate<'a> {
    page: &'a Inspect<'a>,
    short_url: &'a str,
    destination: Option<Address<'a>>,
    created: Option<Date>,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeTemplate<'a> {
    status: u16,
    code: &'a str,
    heading: &'a str,
    sentence: Cow<'a, str>,
    retry: bool,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "social_preview.html")]
struct SocialPreviewTemplate<'a> {
    page: &'a SocialPreview<'a>,
    short_url: &'a str,
    canonical: Option<&'a str>,
    destination: Option<Address<'a>>,
    image: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "root.html")]
struct RootTemplate {
    is_application_host: bool,
}

fn strict(template: &impl Template) -> Page {
    Page { html: render(template), content_security_policy: &POLICIES.strict }
}

/// Writing to a string does not fail, and should it one day, a line of text is better on the
/// redirect path than a panic.
fn render(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| error.to_string())
}

/// The wordmark's shape, a half mask with two eyes, in a box of 32 by 20.
pub(crate) const MARK: &str = "M2.6 2.5C8 .2 12 3.6 16 3.6S24 .2 29.4 2.5C32.2 10 28.6 18 22.6 18 19 18 18.4 13.8 16 13.8S13 18 9.4 18C3.4 18-.2 10 2.6 2.5ZM7 8.2C8 11.4 12 12.4 13.8 10 12.6 7.2 9 6.4 7 8.2ZM25 8.2C24 11.4 20 12.4 18.2 10 19.4 7.2 23 6.4 25 8.2Z";

/// The same mask as the page's icon. A page without one makes the browser ask for
/// `/favicon.ico`, which on a short domain is a look-up of a slug.
pub(crate) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 -6 32 32'%3E%3Cpath fill='%230b6453' d='M3 3c5-2 9 1 13 1s8-3 13-1c2 8-1 15-7 15-4 0-4-4-6-4s-2 4-6 4C4 18 1 11 3 3z'/%3E%3C/svg%3E";

/// The style as sent: the file without its indentation and its comment lines.
static STYLE: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("../../templates/style.css").lines().map(str::trim);
    let kept = lines.filter(|line| !line.is_empty() && !line.starts_with("/*"));
    kept.collect::<Vec<_>>().join("\n")
});

pub(crate) fn style() -> &'static str {
    &STYLE
}

struct Policies {
    strict: String,
    form: String,
    own_form: String,
}

static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(style()));
    let form = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let with_action = |who: &str| format!("{form}; form-action {who}");
    Policies { strict: with_action("'none'"), own_form: with_action("'self'"), form }
});

/// Schemes that a browser gives a meaning of its own, and that therefore do not belong to an
/// app. The rules for what may be stored are stricter; this is the last door before a page.
const BROWSER_SCHEMES: [&str; 20] = [
    "about",
    "blob",
    "chrome",
    "chrome-extension",
    "data",
    "edge",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "http",
    "https",
    "jar",
    "javascript",
    "livescript",
    "moz-extension",
    "resource",
    "vbscript",
    "view-source",
    "ws",
];

/// A destination, ready to be shown: what a reader judges it by, all of it, and whether it may
/// be followed.
struct Address<'a> {
    lead: Option<String>,
    text: String,
    href: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn new(url: &'a str) -> Self {
        let lead = web_host(url).or_else(|| app_scheme(url).map(|scheme| format!("App: {scheme}")));
        Self { text: with_hidden_encoded(url), href: lead.is_some().then_some(url), lead }
    }
}

/// The host that a browser would connect to, as a browser reads the address: `\` and `@` are
/// where people are misled. Names outside ASCII come in their `xn--` form, which has no twins.
fn web_host(url: &str) -> Option<String> {
    if !url.starts_with("https://") || url.contains(changes_on_parsing) {
        return None;
    }
    Url::parse(url).ok()?.host_str().map(ToOwned::to_owned)
}

fn app_scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let mut bytes = scheme.bytes();
    let well_formed = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let known_to_browsers = BROWSER_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (well_formed && !known_to_browsers && !url.contains(changes_on_parsing)).then_some(scheme)
}

/// Browsers strip some of these before they read an address, so that what is checked here and
/// what is followed there could differ.
fn changes_on_parsing(character: char) -> bool {
    character.is_control() || character == ' '
}

/// The address with its invisible and direction-changing characters written as percent escapes,
/// so that it cannot be shown in another order than it is read.
fn with_hidden_encoded(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for character in url.chars() {
        if is_hidden(character) {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                text.push_str(percent_encode_byte(byte));
            }
        } else {
            text.push(character);
        }
    }
    text
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Short addresses are shown the way people say them.
fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url)
}

/// Our own addresses are `http://` where somebody tries the program out at home.
fn is_web_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn utc_date(at_ms: i64) -> Option<Date> {
    let at = Timestamp::from_millisecond(at_ms).ok()?;
    Some(at.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests;
