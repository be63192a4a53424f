//! Profiles elsewhere: where each kind of them lives.

use url::Url;

use crate::{
    Refused,
    destination::{AppTarget, WebUrl},
};

/// Somebody's profile at a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The platform.
    pub platform: Platform,
    /// Its address, as its owner gave it: `https:`, or `mailto:` or `tel:` where the platform is that.
    pub url: String,
}

/// Where profiles of a platform live.
enum Home {
    /// On one of these hosts, or below one.
    Hosts(&'static [&'static str]),
    /// Anywhere.
    Anywhere,
    /// Nowhere on the web: an address of this scheme.
    Scheme(&'static str),
}

macro_rules! platforms {
    ($($(#[$doc:meta])+ $name:ident = $text:literal, $title:literal, $home:expr;)+) => {
        /// A kind of profile.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Platform { $($(#[$doc])+ $name,)+ }

        impl Platform {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As written in requests and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// As people write it.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            const fn home(self) -> Home {
                match self { $(Self::$name => $home,)+ }
            }
        }
    };
}

use Home::{Anywhere, Hosts, Scheme};

platforms! {
    /// Apple Music.
    AppleMusic = "apple_music", "Apple Music", Hosts(&["music.apple.com"]);
    /// Bandcamp.
    Bandcamp = "bandcamp", "Bandcamp", Hosts(&["bandcamp.com"]);
    /// Behance.
    Behance = "behance", "Behance", Hosts(&["behance.net"]);
    /// Bluesky.
    Bluesky = "bluesky", "Bluesky", Hosts(&["bsky.app", "bsky.social"]);
    /// Discord.
    Discord = "discord", "Discord", Hosts(&["discord.gg", "discord.com"]);
    /// Dribbble.
    Dribbble = "dribbble", "Dribbble", Hosts(&["dribbble.com"]);
    /// A mailbox.
    Email = "email", "Email", Scheme("mailto");
    /// Facebook.
    Facebook = "facebook", "Facebook", Hosts(&["facebook.com", "fb.com", "fb.me"]);
    /// GitHub.
    GitHub = "github", "GitHub", Hosts(&["github.com"]);
    /// GitLab.
    GitLab = "gitlab", "GitLab", Hosts(&["gitlab.com"]);
    /// Instagram.
    Instagram = "instagram", "Instagram", Hosts(&["instagram.com"]);
    /// LinkedIn.
    LinkedIn = "linkedin", "LinkedIn", Hosts(&["linkedin.com"]);
    /// Mastodon, which lives on many hosts.
    Mastodon = "mastodon", "Mastodon", Anywhere;
    /// Medium.
    Medium = "medium", "Medium", Hosts(&["medium.com"]);
    /// Patreon.
    Patreon = "patreon", "Patreon", Hosts(&["patreon.com"]);
    /// A telephone.
    Phone = "phone", "Phone", Scheme("tel");
    /// Pinterest, which has a host for each country.
    Pinterest = "pinterest", "Pinterest", Hosts(&["pinterest.com", "pinterest.co.uk", "pinterest.de", "pinterest.fr", "pinterest.es", "pinterest.it", "pinterest.ca", "pinterest.jp", "pin.it"]);
    /// Reddit.
    Reddit = "reddit", "Reddit", Hosts(&["reddit.com"]);
    /// Snapchat.
    Snapchat = "snapchat", "Snapchat", Hosts(&["snapchat.com"]);
    /// SoundCloud.
    SoundCloud = "soundcloud", "SoundCloud", Hosts(&["soundcloud.com"]);
    /// Spotify.
    Spotify = "spotify", "Spotify", Hosts(&["open.spotify.com"]);
    /// Substack.
    Substack = "substack", "Substack", Hosts(&["substack.com"]);
    /// Telegram.
    Telegram = "telegram", "Telegram", Hosts(&["t.me", "telegram.me"]);
    /// Threads.
    Threads = "threads", "Threads", Hosts(&["threads.net", "threads.com"]);
    /// TikTok.
    TikTok = "tiktok", "TikTok", Hosts(&["tiktok.com"]);
    /// Twitch.
    Twitch = "twitch", "Twitch", Hosts(&["twitch.tv"]);
    /// X, by the name that it had.
    Twitter = "twitter", "Twitter", Hosts(&["twitter.com", "x.com"]);
    /// Any other place.
    Website = "website", "Website", Anywhere;
    /// WhatsApp.
    WhatsApp = "whatsapp", "WhatsApp", Hosts(&["wa.me", "whatsapp.com"]);
    /// X.
    X = "x", "X", Hosts(&["x.com", "twitter.com"]);
    /// YouTube.
    YouTube = "youtube", "YouTube", Hosts(&["youtube.com", "youtu.be"]);
}

impl Platform {
    /// Reads a platform's name.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::ALL.iter().copied().find(|platform| platform.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|platform| platform.as_str()).collect();
            Refused::saying(format!("Must be one of {}", known.join(", ")))
        })
    }

    /// Reads the address of a profile there.
    pub fn parse_url(self, text: &str) -> Result<String, Refused> {
        match self.home() {
            Anywhere => WebUrl::parse(text).map(|url| url.as_str().to_owned()),
            Hosts(hosts) => {
                let url = WebUrl::parse(text)?;
                let (host, _) = url.host_and_path();
                let is_home =
                    |home: &str| host.strip_suffix(home).is_some_and(|below| below.is_empty() || below.ends_with('.'));
                if hosts.iter().any(|home| is_home(home)) {
                    Ok(text.to_owned())
                } else {
                    Err(Refused::saying(format!("Must be an address on {}", hosts.join(" or "))))
                }
            }
            Scheme("mailto") => mailto(text),
            Scheme(_) => tel(text),
        }
    }
}

/// Reads the address of a profile at a platform that is not known: what is wrong with it at every one.
pub fn check_url(text: &str) -> Result<(), Refused> {
    let is_some = WebUrl::parse(text).is_ok() || mailto(text).is_ok() || tel(text).is_ok();
    is_some.then_some(()).ok_or(Refused::because("Must be the https address of a profile, or mailto: or tel:"))
}

/// `mailto:` and one address (RFC 6068). What else such an address can hold (copies, whole letters) is nothing for a page.
pub(super) fn mailto(text: &str) -> Result<String, Refused> {
    const WANTED: Refused = Refused::because("Must be an address such as mailto:ada@example.com");
    let address = text.strip_prefix("mailto:").ok_or(WANTED)?;
    let (name, host) = address.rsplit_once('@').ok_or(WANTED)?;
    let is_name = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$*+-/=^_`{|}~'".contains(&byte));
    let is_host = host.contains('.')
        && host.len() <= 253
        && Url::parse(&format!("https://{host}/"))
            .is_ok_and(|url| url.host_str().is_some_and(|read| read == host.to_ascii_lowercase()));
    if is_name && is_host { Ok(text.to_owned()) } else { Err(WANTED) }
}

/// `tel:` and a number (RFC 3966).
pub(super) fn tel(text: &str) -> Result<String, Refused> {
    const WANTED: Refused = Refused::because("Must be a number such as tel:+442079460000");
    AppTarget::parse(text).map_err(|_| WANTED)?;
    let number = text.strip_prefix("tel:").ok_or(WANTED)?;
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let rest = number.strip_prefix('+').unwrap_or(number);
    let fits = (3..=15).contains(&digits)
        && rest.len() <= 32
        && rest.bytes().all(|byte| byte.is_ascii_digit() || b"-.()".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(WANTED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for platform in Platform::ALL {
            assert_eq!(Platform::parse(platform.as_str()), Ok(*platform));
        }
        assert!(Platform::ALL.is_sorted_by_key(|platform| platform.as_str()));
        assert!(Platform::parse("Instagram").is_err() && Platform::parse("").is_err());
    }

    #[test]
    fn some_addresses_are_no_profile_anywhere() {
        for (text, fits) in [
            ("https://social.example/@ada", true),
            ("mailto:ada@example.com", true),
            ("tel:+442079460000", true),
            ("http://social.example/@ada", false),
            ("javascript:1", false),
            ("mailto:", false),
            ("", false),
        ] {
            assert_eq!(check_url(text).is_ok(), fits, "{text}");
            assert_eq!(Platform::ALL.iter().any(|platform| platform.parse_url(text).is_ok()), fits, "{text}");
        }
    }

    #[test]
    fn a_profile_lives_at_its_platform() {
        for (platform, text, fits) in [
            (Platform::Instagram, "https://instagram.com/ada", true),
            (Platform::Instagram, "https://www.instagram.com/ada/", true),
            (Platform::Instagram, "https://instagram.com.evil.example/ada", false),
            (Platform::Instagram, "https://evilinstagram.com/ada", false),
            (Platform::Instagram, "http://instagram.com/ada", false),
            (Platform::Instagram, "https://instagram.com@evil.example/", false),
            (Platform::Instagram, "ada", false),
            (Platform::X, "https://twitter.com/ada", true),
            (Platform::Mastodon, "https://any.example/@ada", true),
            (Platform::Website, "https://ada.example", true),
            (Platform::Website, "javascript:alert(1)", false),
            (Platform::Substack, "https://ada.substack.com", true),
            (Platform::Email, "mailto:ada+page@example.com", true),
            (Platform::Email, "mailto:ada@example.com?bcc=x@example.com", false),
            (Platform::Email, "mailto:ada@example.com,b@example.com", false),
            (Platform::Email, "mailto:@example.com", false),
            (Platform::Email, "mailto:ada@exa mple.com", false),
            (Platform::Email, "ada@example.com", false),
            (Platform::Email, "https://example.com", false),
            (Platform::Phone, "tel:+44-20-7946-0000", true),
            (Platform::Phone, "tel:+44 20 7946", false),
            (Platform::Phone, "tel:1234567890123456", false),
            (Platform::Phone, "tel:*#06#", false),
        ] {
            assert_eq!(platform.parse_url(text).is_ok(), fits, "{platform:?} {text}");
        }
    }
}
