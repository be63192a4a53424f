//! The words by which programs are told from people.
//!
//! The first word of the table that stands in a user agent decides, so the order carries meaning: a link preview
//! that also calls itself a bot is a preview; a crawler that drives a headless browser is a crawler; a phone whose
//! maker has `bot` in its name stands before the general words. To extend it, add a word to its group.
//!
//! `^` ties a word to the start of the user agent, `<` to the start of a word, a closing `>` to its end.
//!
//! The apps in which people open links (Facebook, Instagram, WhatsApp, Snapchat, LINE, desktop chats) are people.
//! Only the words of those companies' fetchers stand here, and `^` where an app and a fetcher share a name.
//! A general rule "holds `.com`" would find a few more monitors, and was rejected: toolbars write it too.

use super::BotClass::{self, Crawler, Person, Preview, Scanner, Tool};
use super::table::{Row, Table, row};

/// All words, sorted by the compiler for one pass.
pub(super) static WORDS: Table<BotClass, COUNT> = Table::new(rows());

#[rustfmt::skip]
const GROUPS: &[(BotClass, &[&str])] = &[
    // Link previews: a chat, a mailer or a social network looks at a link that a person shared.
    (Preview, &[
        "facebookexternalhit", "meta-externalhit", "meta-externalfetcher", "<facebot>",
        "telegrambot", "twitterbot", "slackbot", "slack-imgproxy", "discordbot", "^whatsapp/",
        "^whatsapp>", "linkedinbot", "skypeuripreview", "microsoftpreview", "bingpreview",
        "redditbot", "pinterestbot", "pinterest.com/bot", "^pinterest/", "vkshare", "<vkrobot",
        "odklbot", "<embedly", "iframely", "<mastodon/", "<pleroma", "<akkoma", "<misskey/",
        "summalybot", "<lemmy/", "<friendica", "<pixelfed/", "<peertube/", "^bluesky/", "cardyb",
        "bluesky-", "^viber>", "line-poker", "linespider", "kakaotalk-scrap", "snap url preview",
        "snapurlpreview", "zalo-preview", "google-pagerenderer", "google web preview",
        "googlemessages", "googleimageproxy", "yahoomailproxy", "yahoo link preview",
        "duckduckgo-favicons", "flipboardproxy", "^tumblr/", "quora-bot", "keybasebot",
        "groupmebot", "mattermost-bot", "^rocket.chat", "^zulip", "synapse (bot", "<synapse/",
        "<matrix-media-repo", "discourse forum onebox", "github-camo", "gitlab-camo", "fastmailua",
        "shortwave image", "twilioproxy", "steamchaturllookup", "dingtalkbot",
        "chatwork linkpreview", "larkurl", "^notion/", "notionembedder", "clickuplinkunfurler",
        "^asana/", "^trello", "evernoterichlinkbot", "bufferlinkpreviewbot", "everyonesocialbot",
        "mediumbot-metatagfetcher", "opengraph.io", "metainspector", "tiktokspider",
        "bytedance-preview", "ms-office", "microsoft office", "linkpreview", "link preview",
        "unfurl",
    ]),
    // Mail and security scanners: they open what a person was sent, or whatever answers on a port.
    (Scanner, &[
        "barracuda", "proofpoint", "mimecast", "safelinks", "microsoft-defender",
        "microsoft defender", "symantec", "messagelabs", "trendmicro", "trend micro", "forcepoint",
        "websense", "fireeye", "trellix", "<zscaler", "fortiguard", "fortinet", "<sophoslabs",
        "ironport", "cloudmark", "vipre", "<vadesecure", "hornetsecurity", "spamassassin",
        "twinwavescanner", "virustotal", "urlscan", "checkphish", "phishtank", "phishlabs",
        "netcraft", "google-safety", "safebrowsing", "safedns", "k7mlwcbot", "lightspeedsystems",
        "bitsightbot", "securityscorecard", "aliyunsecbot", "<sucuri", "sitelock", "detectify",
        "probelyspdr", "qualys", "nessus", "<tenable", "openvas", "acunetix", "netsparker",
        "invicti", "arachni", "<owasp", "<nikto", "<nmap", "masscan", "zgrab", "<zmap", "censys",
        "shodan", "expanse, a palo alto", "paloaltonetworks", "internet-measurement",
        "internetmeasurement", "netsystemsresearch", "binaryedge", "leakix", "l9explore",
        "l9tcpid", "l9scan", "<nuclei", "projectdiscovery", "sqlmap", "wpscan", "<wpsec",
        "<whatweb", "dirbuster", "gobuster", "<ffuf", "feroxbuster", "wfuzz", "<zmeu", "jorgee",
        "<w3af", "dorkbot", "watchtowr", "cyberpatrol", "asnriskscorer", "keydrop.io", "onlyscans",
        "visionheight", "cypex.ai", "bitdiscovery", "odin; https", "modat", "hardenize",
        "ssl labs", "securityheaders", "sansec", "foregenix", "blackduck", "vaultpress",
        "cloudflare-radar", "cloudflare-ssl", "security-center", "google-trust-services",
        "google trust services", "let's encrypt", "digicert dcv", "cookiehub", "cookiebot", "unshorten", "abuse.xmco",
        "fastdast", "trellis-services", "giftedvisitor", "air.ai/scanning", "test certificate info",
        "security scanner", "jndi:", "() {", "/etc/passwd", "vulnerability",
    ]),
    // Crawlers by name: search, training, advertising, archives, monitoring. Those whose name holds `bot`, `crawl`
    // or the like are found by the words further down; named here are the common ones, so that the reason is
    // exact.
    (Crawler, &[
        "googlebot", "google-inspectiontool", "googleother", "google-cloudvertex",
        "google-read-aloud", "adsbot-google", "mediapartners-google", "apis-google",
        "feedfetcher-google", "google favicon", "googleassociationservice", "bingbot", "adidxbot",
        "msnbot", "applebot", "yandex.com/bots", "yandexbot", "baiduspider", "duckduckbot",
        "duckassistbot", "yahoo! slurp", "sogou web spider", "petalbot", "coccoc", "naver.me",
        "<yeti/", "daumoa", "seznambot", "qwantify", "mojeekbot", "gptbot", "oai-searchbot",
        "chatgpt-user", "claudebot", "claude-user", "claude-searchbot", "anthropic-ai",
        "perplexitybot", "perplexity-user", "mistralai-user", "google-agent", "googleagent",
        "manus-user", "cohere-ai", "meta-externalagent", "meta-externalads", "meta-webindexer",
        "facebookcatalog", "bytespider", "amazonbot", "amazonbuyforme", "ccbot", "diffbot",
        "ahrefsbot", "ahrefssiteaudit", "semrushbot", "mj12bot", "dotbot", "rogerbot",
        "dataforseobot", "blexbot", "screaming frog", "sitebulb", "ia_archiver", "archive.org",
        "heritrix", "nutch", "pingdom", "uptimerobot", "statuscake", "site24x7", "newrelic",
        "datadog", "dotcom-monitor", "gotsitemonitor", "thousandeyes", "catchpoint", "nodeping",
        "uptrends", "uptimia", "zabbix", "nagios", "check_http", "prtg network", "cron-job.org",
        "cloudflare-", "w3c_", "w3c-", "feedly/1", "feedlybot", "feedbin", "inoreader", "newsblur",
        "theoldreader", "netnewswire", "freshrss", "tiny tiny rss", "nextcloud-news", "outbrain",
        "brandwatch", "meltwater", "linkdex", "siteimprove", "silktide", "dataprovider",
        "panscient", "appinsights", "datanyze", "dareboost", "newsai", "collapsify", "sindup",
        "sqwatcher", "adbeat.com", "criticalcss", "linktiger", "marketgoo", "miniature.io",
        "newsnow/", "printfriendly", "hotjar", "feeder.co", "scope3", "geedo", "proximic",
        "grapeshot", "admantx", "xenu link", "wheregoes", "zapier", "shopify-captain",
        "chrome privacy preserving prefetch", "<google-", "gomezagent", "rivaliq.com", "<scooter>",
        "rscrawler", "infegy.com", "mailservertest", "<readable/1", "tsm-turingos", "larbin", "binlar",
        "amazon cloudfront", "monsido", "adminlabs", "appsiteassociation", "bdfetch", "biglotron",
        "safeassign", "blackbox exporter", "botpoke", "corporama", "icalendar-feedreader", "funnelback",
        "do not track verifier", "emailwolf", "feed image audit", "^feeder /", "globalwebsearch",
        "theinternetsearch", "hatena antenna", "hatena::", "hypem.com", "library of congress", "archive-it",
        "digital-archive", "^magellan>", "managewp", "metauri", "researchscan", "nbertaupete",
        "netvigie", "newsgathering", "^nuzzel", "<owler", "openrss", "^pdf24", "panopta",
        "critical path css", "searchexpress", "searcherx", "searcherweb", "spawning-ai",
        "swisscows favicons", "the knowledge ai", "thinklab", "traackr", "wesee:search", "web screen service",
        "websiteops", "wpumbrella", "yahoocachesystem", "<bigsur.ai", "search.marginalia",
        "seo4ajax", "updown.io", "keycdn-tools", "^venus/", "<onetrust>", "<termly>", "legalmonster",
        "ec2linkfinder", "^determ>", "imagemind", "alienfarm",
    ]),
    // People, whatever the words below say: phones, apps, toolbars, and a browser that names its library.
    (Person, &["^lynx/", "cubot", "bsalsa.com", "qr scanner", "qrscanner", "barcode scanner"]),
    // Words by which programs that nobody listed give themselves away.
    (Crawler, &[
        "bot>", "bots>", "crawl", "spider", "slurp", "scrap", "indexer", "archiver", "http:",
        "https:", "mailto:", "fetcher", "monitor", "checker", "validator", "uptime", "synthetic",
        "screenshot", "searchengine", "sitemap", "metatag", "subscribers", "<rss", "linkcheck",
        "-agent", "-google>", "optimizer", "contentscan",
    ]),
    (Preview, &["preview"]),
    (Scanner, &["scanner"]),
    // Tools, libraries, media players and driven browsers.
    (Tool, &[
        "<curl/", "^curl", "libcurl", "wget", "python-requests", "python-urllib", "python-httpx",
        "<httpx", "<urllib", "aiohttp", "^python", "go-http-client", "<fasthttp", "^go-", "^colly",
        "okhttp", "^java/", "^java-http", "apache-httpclient", "httpclient", "httpurlconnection",
        "<jetty", "async-http", "<axios", "node-fetch", "node.js", "undici", "^node>", "^deno/",
        "^bun/", "^got>", "sindresorhus/got", "superagent", "postmanruntime", "insomnia", "httpie",
        "restsharp", "^.net", "^php", "guzzle", "symfony", "^wordpress", "libwww", "<lwp",
        "mechanize", "^perl", "^ruby", "faraday", "rest-client", "typhoeus", "http.rb", "reqwest",
        "^hyper/", "^ureq", "^rust", "^dart", "dart:io", "hackney", "^elixir", "^erlang",
        "cpp-httplib", "^boost", "^beast", "^lua", "^nim", "^zig", "^swift", "^crystal",
        "alamofire", "cfnetwork", "^darwin", "^dalvik", "unityplayer", "winhttp", "wininet",
        "microsoft bits", "powershell", "microsoft-webdav", "davclnt", "^svn/", "^git/", "aria2",
        "httrack", "webcopier", "webcapture", "webcopy", "sitesucker", "indy library",
        "headlesschrome", "headless", "phantomjs", "slimerjs", "puppeteer", "playwright",
        "selenium", "webdriver", "cypress/", "splash version", "testlocally", "ylt chrome",
        "pwabuilder", "rigor)", "ghost inspector", "chrome-lighthouse", "lighthouse", "pagespeed",
        "gtmetrix", "<ptst/", "^k6/", "jmeter", "apachebench", "^wrk", "^vegeta", "^locust",
        "^siege", "gatling", "artillery", "autocannon", "^vlc/", "libvlc", "<lavf/", "gstreamer",
        "applecoremedia", "exoplayer", "stagefright", "windows-media-player", "nsplayer",
        "bittorrent", "^download ninja", "<netapi v", "pcore-http", "mollie http client", "metorik api",
        "sendgrid event", "^sparkpost", "zendesk webhook", "^integromat/", "^make/production",
        "^salesforce.com", "http_get", "shopwareclient", "sparkshipping",
    ]),
    // Browsers that may say `compatible;`, and then whatever else says so.
    (Person, &["msie ", "trident/", "konqueror", "icab"]),
    (Crawler, &["compatible;"]),
    // Browsers whose name comes first, without `Mozilla/`.
    (Person, &[
        "^opera/", "^ucweb/", "^links ", "^elinks", "^w3m/", "^dillo/", "^netsurf",
        "^offbyone", "^nokia", "^blackberry", "^sonyericsson", "^samsung-", "^lg-", "^lge-",
        "^mot-", "^docomo", "^kddi-", "^softbank", "^vodafone",
    ]),
    // Engines: what every browser of the last twenty years names. Without one of these nothing is a browser.
    (Person, &[
        "applewebkit", "gecko", "khtml", "presto", "opera", "netfront", "iemobile", "playstation",
        "nintendo", "ladybird", "servo/", "goanna/",
    ]),
];

const COUNT: usize = count();

const fn count() -> usize {
    let mut count = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        count += GROUPS[group].1.len();
        group += 1;
    }
    count
}

#[expect(clippy::large_stack_arrays, reason = "runs in the compiler alone, where it makes the static")]
const fn rows() -> [Row<BotClass>; COUNT] {
    let mut rows = [row("none", Person); COUNT];
    let mut next = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        let (class, words) = GROUPS[group];
        let mut word = 0;
        while word < words.len() {
            rows[next] = row(words[word], class);
            next += 1;
            word += 1;
        }
        group += 1;
    }
    rows
}
