//! Which browsers send `Sec-Fetch-*` with every request, so that a request without any is not from the browser that it names.
//!
//! Browsers do since Chrome 80, Firefox 90 and Safari 16.4, to origins that are potentially trustworthy (HTTPS; Fetch
//! Metadata, §2), whatever made them ask: a link in a mail, a bookmark, a printed code. A page cannot turn it off, and an
//! HTTP library that borrowed a browser's name does not send them unless somebody thought of it.
//!
//! A wrong verdict loses a person's click, so this says yes only to **a user agent that is word for word one of those
//! browsers' and nothing else**. What names anything more gets the benefit of the doubt: apps that show pages (their
//! networking may be their own), web views, browsers that render elsewhere (Opera Mini, UC), forks that kept an old engine
//! and write a new version (Pale Moon, SeaMonkey), all browsers on iOS but Safari. That costs little: who borrows a name
//! borrows a common one.

/// The versions from which on a request without `Sec-Fetch-*` cannot be the browser's.
const CHROME: u32 = 80;
const FIREFOX: u32 = 90;
const SAFARI: (u32, u32) = (16, 4);

/// Whether a browser of exactly this name sends `Sec-Fetch-*` with every request over HTTPS.
pub(super) fn is_always_sent_by(user_agent: &str) -> bool {
    browser(user_agent).is_some_and(|browser| match browser {
        Browser { chrome: Some((major, _)), firefox: None, safari: None, .. } => major >= CHROME,
        Browser { chrome: None, firefox: Some((major, _)), safari: None, .. } => major >= FIREFOX,
        Browser { chrome: None, firefox: None, safari: Some(version), is_apple: true } => version >= SAFARI,
        _ => false,
    })
}

/// What a user agent names, each with its version; but one at most is true.
#[derive(Default)]
struct Browser {
    chrome: Option<(u32, u32)>,
    firefox: Option<(u32, u32)>,
    safari: Option<(u32, u32)>,
    is_apple: bool,
}

/// `None` where anything is named that those browsers do not name.
fn browser(user_agent: &str) -> Option<Browser> {
    let (system, mut rest) = user_agent.trim_ascii().strip_prefix("Mozilla/5.0 (")?.split_once(')')?;
    if system.split(';').any(|part| part.trim_ascii() == "wv") {
        return None;
    }
    let is_apple = ["Macintosh", "iPhone", "iPad", "iPod"].iter().any(|name| system.starts_with(name));
    let mut browser = Browser { is_apple, ..Browser::default() };
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(browser);
        }
        if let Some(remark) = rest.strip_prefix('(') {
            rest = remark.split_once(')')?.1;
            continue;
        }
        let (product, after) = rest.split_once(' ').unwrap_or((rest, ""));
        match product.split_once('/').unwrap_or((product, "")) {
            ("Chrome", number) => browser.chrome = Some(version(number)?),
            ("Firefox", number) => browser.firefox = Some(version(number)?),
            ("Version", number) => browser.safari = Some(version(number)?),
            ("AppleWebKit" | "Safari" | "Gecko" | "Mobile" | "Edg" | "EdgA" | "OPR" | "SamsungBrowser", _) => {}
            _ => return None,
        }
        rest = after;
    }
}

fn version(number: &str) -> Option<(u32, u32)> {
    let mut parts = number.split('.');
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().map_or(Ok(0), str::parse).ok()?))
}
