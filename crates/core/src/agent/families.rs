//! Device class, operating system and browser of a person.
//!
//! Families only, no versions and no models: that is what rules match and what a chart shows. Each question is one
//! table whose first fitting word decides, so special names stand before general ones (`Edg/` before `Chrome/`
//! before `Safari/`: each browser also claims to be the older ones).
//!
//! What cannot be known: Safari on an iPad asks for desktop pages by default and then says `Macintosh`, word for
//! word as a Mac does. It counts as a desktop with macOS; other browsers on it give themselves away by a name that
//! only they have there (`CriOS/`). Brave, Arc and others say plain `Chrome` on purpose. What a program says of its
//! system by `CFNetwork/` alone is a guess: without a processor's name it is more often a phone.
//!
//! How often this is right is measured on uap-core's own test files, in `tests/agents.rs`.

use super::table::{Row, Table, Text, row};

/// What a person holds in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// A computer with a keyboard.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet or an e-reader.
    Tablet,
    /// A television or what is plugged into one.
    Tv,
    /// A game console.
    Console,
    /// Anything else: watches, cars, headsets, and all that cannot be told.
    Other,
}

impl Device {
    /// All classes.
    pub const ALL: [Self; 6] = [Self::Desktop, Self::Mobile, Self::Tablet, Self::Tv, Self::Console, Self::Other];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Tv => "tv",
            Self::Console => "console",
            Self::Other => "other",
        }
    }

    /// The class of a name in the API, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.as_str().eq_ignore_ascii_case(name))
    }
}

/// The device class that a user agent tells.
pub fn device(user_agent: &str) -> Device {
    DEVICES.first(&Text::lower(user_agent)).map_or(Device::Other, |row| row.value)
}

/// The family of the operating system that a user agent tells, by its usual name, or `Other`.
pub fn os(user_agent: &str) -> &'static str {
    SYSTEMS.first(&Text::lower(user_agent)).map_or("Other", |row| row.value)
}

/// The family of the browser that a user agent tells, by its usual name, or `Other`. An app in which links are opened
/// counts under its own name, as people ask "how many came inside Instagram".
pub fn browser(user_agent: &str) -> &'static str {
    BROWSERS.first(&Text::lower(user_agent)).map_or("Other", |row| row.value)
}

/// The family of browsers of this name, in any case, as [`browser`] writes it.
pub fn browser_named(name: &str) -> Option<&'static str> {
    named(browsers(), name)
}

/// The family of operating systems of this name, in any case, as [`os`] writes it.
pub fn os_named(name: &str) -> Option<&'static str> {
    named(systems(), name)
}

fn named(mut families: impl Iterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    let other = "Other".eq_ignore_ascii_case(name).then_some("Other");
    other.or_else(|| families.find(|family| family.eq_ignore_ascii_case(name)))
}

/// All families that [`browser`] can tell, some of them more than once.
pub fn browsers() -> impl Iterator<Item = &'static str> {
    BROWSERS.values()
}

/// All families that [`os`] can tell, some of them more than once.
pub fn systems() -> impl Iterator<Item = &'static str> {
    SYSTEMS.values()
}

/// Whether links to Apple's store make sense: iPhone, iPod, and an iPad that says so, or that has a browser which is
/// called so nowhere else.
pub fn is_ios(user_agent: &str) -> bool {
    ["iPhone", "iPad", "iPod", "CriOS/", "FxiOS/", "EdgiOS/"].iter().any(|name| user_agent.contains(name))
        && !user_agent.contains("Windows Phone")
}

/// Whether links to Google's store make sense. Windows Phones claimed to be Android too.
pub fn is_android(user_agent: &str) -> bool {
    (user_agent.contains("Android") || user_agent.contains("; Adr "))
        && !user_agent.contains("Windows Phone")
        && !user_agent.contains("Tizen")
}

/// Reads a list of rows in the order of a table.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident: $value:ty = $($word:literal => $is:expr,)+) => {
        $(#[$doc])*
        static $name: Table<$value, { [$($word),+].len() }> = {
            const ROWS: [Row<$value>; [$($word),+].len()] = [$(row($word, $is)),+];
            Table::new(ROWS)
        };
    };
}

table! {
    /// Android without `Mobile` is a tablet, by Google's own rule; televisions and consoles come before, as they
    /// run Android and Windows; Windows with `Tablet PC` only means that it could take a pen.
    DEVICES: Device =
    "tablet pc" => Device::Desktop,
    "tv/" => Device::Tv,
    "tv;" => Device::Tv,
    "tv)" => Device::Tv,
    "tv " => Device::Tv,
    "tv_" => Device::Tv,
    " tv>" => Device::Tv,
    "-tv>" => Device::Tv,
    "appletv" => Device::Tv,
    "web0s" => Device::Tv,
    "webos.tv" => Device::Tv,
    "netcast" => Device::Tv,
    "bravia" => Device::Tv,
    "viera" => Device::Tv,
    "aquos-tv" => Device::Tv,
    "philipstv" => Device::Tv,
    "vidaa" => Device::Tv,
    "<roku" => Device::Tv,
    "crkey" => Device::Tv,
    "chromecast" => Device::Tv,
    "; aft" => Device::Tv,
    "mibox" => Device::Tv,
    "ce-html" => Device::Tv,
    "dlnadoc" => Device::Tv,
    "inettvbrowser" => Device::Tv,
    "hbbtv" => Device::Tv,
    "playstation" => Device::Console,
    "xbox" => Device::Console,
    "nintendo" => Device::Console,
    "dreamcast" => Device::Console,
    "oculusbrowser" => Device::Other,
    "<pico " => Device::Other,
    "qtcarbrowser" => Device::Other,
    "<tesla/" => Device::Other,
    "watchos" => Device::Other,
    "apple watch" => Device::Other,
    "ipad" => Device::Tablet,
    "iphone" => Device::Mobile,
    "ipod" => Device::Mobile,
    "<crios/" => Device::Tablet,
    "<fxios/" => Device::Tablet,
    "<edgios/" => Device::Tablet,
    "windows phone" => Device::Mobile,
    "tablet" => Device::Tablet,
    "playbook" => Device::Tablet,
    "touchpad" => Device::Tablet,
    "kindle" => Device::Tablet,
    "; kf" => Device::Tablet,
    "nexus 7" => Device::Tablet,
    "nexus 9" => Device::Tablet,
    "nexus 10" => Device::Tablet,
    "; sm-t" => Device::Tablet,
    "; sm-x" => Device::Tablet,
    "<gt-p" => Device::Tablet,
    "silk-accelerated" => Device::Tablet,
    "htc flyer" => Device::Tablet,
    "htc_flyer" => Device::Tablet,
    "<htc" => Device::Mobile,
    "<gt-i" => Device::Mobile,
    "^samsung-" => Device::Mobile,
    "^vodafone/" => Device::Mobile,
    "willcom" => Device::Mobile,
    "<brew " => Device::Mobile,
    "mobi" => Device::Mobile,
    "opera mini" => Device::Mobile,
    "phone" => Device::Mobile,
    "blackberry" => Device::Mobile,
    "bb10" => Device::Mobile,
    "symbian" => Device::Mobile,
    "nokia" => Device::Mobile,
    "kaios" => Device::Mobile,
    "midp" => Device::Mobile,
    "j2me" => Device::Mobile,
    "ucweb" => Device::Mobile,
    "windows ce" => Device::Mobile,
    "webos" => Device::Mobile,
    "dalvik" => Device::Mobile,
    "silk/" => Device::Tablet,
    "android" => Device::Tablet,
    "tizen" => Device::Other,
    "windows" => Device::Desktop,
    "win98" => Device::Desktop,
    "macintosh" => Device::Desktop,
    "mac_powerpc" => Device::Desktop,
    "<cros " => Device::Desktop,
    "x11" => Device::Desktop,
    "wayland" => Device::Desktop,
    "linux" => Device::Desktop,
    "freebsd" => Device::Desktop,
    "openbsd" => Device::Desktop,
    "netbsd" => Device::Desktop,
    "haiku" => Device::Desktop,
}

table! {
    /// Whoever pretends stands before whom it pretends to be.
    SYSTEMS: &'static str =
    "windows phone" => "Windows Phone",
    "windows mobile" => "Windows Mobile",
    "zunewp7" => "Windows Phone",
    "<wds " => "Windows Phone",
    "iemobile" => "Windows Phone",
    "appletv" => "tvOS",
    "apple tv" => "tvOS",
    "watchos" => "watchOS",
    "apple watch" => "watchOS",
    "<tvos>" => "tvOS",
    "iphone" => "iOS",
    "ipad" => "iOS",
    "ipod" => "iOS",
    "<iph os " => "iOS",
    "<ipd os " => "iOS",
    "<crios/" => "iOS",
    "<fxios/" => "iOS",
    "<edgios/" => "iOS",
    "tizen" => "Tizen",
    "web0s" => "webOS",
    "webos" => "webOS",
    "hpwos" => "webOS",
    "kaios" => "KaiOS",
    "openharmony" => "HarmonyOS",
    "playstation" => "PlayStation",
    "nintendo" => "Nintendo",
    "<roku" => "Roku OS",
    "android" => "Android",
    "googletv" => "Android",
    "google tv" => "Android",
    "oculusbrowser" => "Android",
    "^juc" => "Android",
    "linux; u; adr " => "Android",
    "<silk/" => "Android",
    "<ios>" => "iOS",
    "blackberry" => "BlackBerry OS",
    "bb10" => "BlackBerry OS",
    "playbook" => "BlackBerry OS",
    "symbian" => "Symbian",
    "symbos" => "Symbian",
    "<s60" => "Symbian",
    "series60" => "Symbian",
    "series 60" => "Symbian",
    "sailfish" => "Sailfish OS",
    "fuchsia" => "Fuchsia",
    "(x11; windows " => "ChromeOS",
    "<cros " => "ChromeOS",
    "windows" => "Windows",
    "win98" => "Windows",
    "winnt" => "Windows",
    "macintosh" => "macOS",
    "mac os x" => "macOS",
    "mac_powerpc" => "macOS",
    "macos" => "macOS",
    "freebsd" => "FreeBSD",
    "openbsd" => "OpenBSD",
    "netbsd" => "NetBSD",
    "sunos" => "Solaris",
    "haiku" => "Haiku",
    "linux" => "Linux",
    "ubuntu" => "Linux",
    "x11" => "Linux",
    "(x86_64)" => "macOS",
    "(i386)" => "macOS",
    "cfnetwork/" => "iOS",
    "darwin/" => "macOS",
}

table! {
    /// Apps first, then browsers built on others, then the engines' own browsers.
    BROWSERS: &'static str =
    "fban/messenger" => "Messenger",
    "fb_iab/messenger" => "Messenger",
    "fb_iab/orca" => "Messenger",
    "<messenger" => "Messenger",
    "<barcelona" => "Threads",
    "<instagram" => "Instagram",
    "metaiab instagram" => "Instagram",
    "<fban/" => "Facebook",
    "<fbav/" => "Facebook",
    "<fbios" => "Facebook",
    "fb_iab" => "Facebook",
    "metaiab" => "Facebook",
    "musical_ly" => "TikTok",
    "bytedancewebview" => "TikTok",
    "bytelocale" => "TikTok",
    "tiktok" => "TikTok",
    "trill_" => "TikTok",
    "snapchat" => "Snapchat",
    "<pinterest" => "Pinterest",
    "twitter for" => "X",
    "twitterandroid" => "X",
    "linkedinapp" => "LinkedIn",
    "<whatsapp" => "WhatsApp",
    "<line/" => "LINE",
    "kakaotalk" => "KakaoTalk",
    "micromessenger" => "WeChat",
    "dingtalk" => "DingTalk",
    "alipay" => "Alipay",
    "weibo" => "Weibo",
    "<zalo" => "Zalo",
    "<viber" => "Viber",
    "telegram-" => "Telegram",
    "<reddit/" => "Reddit",
    "<discord/" => "Discord",
    "slack_ssb" => "Slack",
    "<slack/" => "Slack",
    "<teams/" => "Microsoft Teams",
    "<gsa/" => "Google App",
    "naver(" => "NAVER",
    "1password/" => "1Password",
    "spotify/" => "Spotify",
    "<flipboard" => "Flipboard",
    "pandora/" => "Pandora",
    "topbuzz" => "TopBuzz",
    "phantom/android" => "Phantom",
    "phantom/ios" => "Phantom",
    "oktamobile/" => "Okta Mobile",
    "mobileiron/" => "MobileIron",
    "onefootball/" => "Onefootball",
    "instabridge/" => "Instabridge",
    "outlook-ios" => "Outlook",
    "microsoft outlook" => "Outlook",
    "macoutlook/" => "Outlook",
    "; msoffice" => "Outlook",
    "creativecloud/" => "Adobe Creative Cloud",
    "boxnotes/" => "Box Notes",
    "adobeair/" => "Adobe AIR",
    "kmail2/" => "KMail",
    "duckduckgo" => "DuckDuckGo",
    "<ddg/" => "DuckDuckGo",
    "ecosia" => "Ecosia",
    "<brave" => "Brave",
    "vivaldi" => "Vivaldi",
    "yabrowser" => "Yandex Browser",
    "yasearchbrowser" => "Yandex Browser",
    "<yaapp" => "Yandex Browser",
    "ucbrowser" => "UC Browser",
    "ucweb" => "UC Browser",
    "<ubrowser" => "UC Browser",
    "uc browser" => "UC Browser",
    "opera mini" => "Opera Mini",
    "<opios" => "Opera Mini",
    "<coast/" => "Opera",
    "<opr/" => "Opera",
    "<opx/" => "Opera",
    "<opt/" => "Opera",
    "<oprgx/" => "Opera",
    "opera" => "Opera",
    "oculusbrowser" => "Meta Quest Browser",
    "samsungbrowser" => "Samsung Internet",
    "miuibrowser" => "MIUI Browser",
    "huaweibrowser" => "Huawei Browser",
    "heytapbrowser" => "HeyTap Browser",
    "vivobrowser" => "Vivo Browser",
    "qqbrowser" => "QQ Browser",
    "<qq/" => "QQ",
    "baiduboxapp" => "Baidu",
    "baidubrowser" => "Baidu Browser",
    "bidubrowser" => "Baidu Browser",
    "<metasr" => "Sogou Explorer",
    "crazy browser" => "Crazy Browser",
    "maxthon" => "Maxthon",
    "puffin/" => "Puffin",
    "<whale/" => "Whale",
    "coc_coc_browser" => "Coc Coc",
    "avastsecurebrowser" => "Avast Secure Browser",
    "<avast/" => "Avast Secure Browser",
    "phoenix/" => "Phoenix Browser",
    "mxbrowser" => "Maxthon",
    "mint browser/" => "Mint Browser",
    "alohabrowser" => "Aloha Browser",
    "<avg/" => "AVG Secure Browser",
    "comodo_dragon" => "Comodo Dragon",
    "<dragon/" => "Comodo Dragon",
    "mdolphin/" => "mDolphin",
    "<dolphin" => "Dolphin",
    "<iron>" => "Iron",
    "mrchrome" => "Mail.ru Browser",
    "sznprohlizec" => "Seznam Browser",
    "<tenta/" => "Tenta",
    "crosswalk/" => "Crosswalk",
    "midori" => "Midori",
    "<otter/" => "Otter",
    "qupzilla" => "QupZilla",
    "rekonq" => "Rekonq",
    "rockmelt" => "RockMelt",
    "skyfire" => "Skyfire",
    "sleipnir" => "Sleipnir",
    "snowshoe" => "Snowshoe",
    "<bolt/" => "Bolt",
    "wetab-browser" => "WeTab",
    "qtcarbrowser" => "Tesla Browser",
    "aolbuild" => "AOL",
    "avant browser" => "Avant",
    "myie2" => "Maxthon",
    "camino/" => "Camino",
    "lunascape" => "Lunascape",
    "shiira" => "Shiira",
    "omniweb" => "OmniWeb",
    "playstation vita" => "NetFront",
    "silk/" => "Amazon Silk",
    "<edg/" => "Edge",
    "<edge/" => "Edge",
    "<edga/" => "Edge",
    "<edgios/" => "Edge",
    "<edgw/" => "Edge",
    "<focus/" => "Firefox Focus",
    "<klar/" => "Firefox Focus",
    "seamonkey" => "SeaMonkey",
    "palemoon" => "Pale Moon",
    "waterfox" => "Waterfox",
    "basilisk/" => "Basilisk",
    "sailfishbrowser" => "Sailfish Browser",
    "shiretoko/" => "Firefox",
    "iemobile" => "Internet Explorer",
    "trident/" => "Internet Explorer",
    "<fxios/" => "Firefox",
    "firefox" => "Firefox",
    "msie " => "Internet Explorer",
    "headlesschrome" => "Headless Chrome",
    "electron/" => "Electron",
    "<crios/" => "Chrome",
    "<chromium" => "Chromium",
    "; wv)" => "Android WebView",
    "version/4.0 chrome/" => "Android WebView",
    "chrome/" => "Chrome",
    "konqueror" => "Konqueror",
    "epiphany" => "GNOME Web",
    "falkon" => "Falkon",
    "qutebrowser" => "qutebrowser",
    "<nx/" => "NetFront",
    "nintendo 3ds" => "NetFront",
    "playstation 3" => "NetFront",
    "playstation portable" => "NetFront",
    "wosbrowser" => "webOS Browser",
    "(webos/" => "webOS Browser",
    "nintendobrowser" => "Nintendo Browser",
    "netfront" => "NetFront",
    "kaios" => "KaiOS Browser",
    "blackberry" => "BlackBerry",
    "bb10" => "BlackBerry",
    "<nokia" => "Nokia Browser",
    "android" => "Android Browser",
    "playbook" => "BlackBerry",
    "series60" => "Nokia Browser",
    "kindle/" => "Kindle",
    "^lynx" => "Lynx",
    "^links" => "Links",
    "^elinks" => "ELinks",
    "^w3m" => "w3m",
    "^dillo" => "Dillo",
    "netsurf" => "NetSurf",
    "<safari>" => "Safari",
    "iphone; " => "iOS WebView",
    "ipad; " => "iOS WebView",
    "ipod touch; " => "iOS WebView",
}

#[cfg(test)]
pub(super) fn unreachable_words() -> Vec<String> {
    [DEVICES.unreachable_words(), SYSTEMS.unreachable_words(), BROWSERS.unreachable_words()].concat()
}
