//! How often the families and classes are right, measured on lists that others keep.
//!
//! uap-core's own test files say what family a user agent is of; `crawler-user-agents` has samples of programs. Both
//! are fetched by `scripts/agents.sh` and never become part of the program. They hold mostly what nobody clicks links
//! with, so the question is put for **the families that we report**: of the agents that uap-core gives one of these
//! families, how many do we (recall), and of the people that we give one, how many does uap-core (precision).
//! Left out of precision: what we call a program, as programs are in no chart of browsers, and families that uap-core
//! does not have at all (it knows no system of a console), with which nothing can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

use mask_core::agent::{self, BotClass, Device, Signals};

/// The accuracy that is promised, in percent.
const WANTED_PERCENT: f64 = 98.0;

/// The folder that `scripts/agents.sh` makes. The versions are those that it pins.
const FOLDER: &str = "agents-0.2.2-1.67.0";

/// What uap-core calls a browser, and what we do. It tells mobile editions apart, which we leave to the device class.
#[rustfmt::skip]
const BROWSER_NAMES: &[(&str, &str)] = &[
    ("Android", "Android Browser"), ("BlackBerry WebKit", "BlackBerry"), ("Chrome Mobile", "Chrome"),
    ("Chrome Mobile WebView", "Android WebView"), ("Chrome Mobile iOS", "Chrome"), ("Chrome Frame", "Internet Explorer"),
    ("DuckDuckGo Mobile", "DuckDuckGo"), ("Ecosia Android", "Ecosia"), ("Ecosia iOS", "Ecosia"), ("Edge Mobile", "Edge"),
    ("Facebook Messenger", "Messenger"), ("Firefox (Shiretoko)", "Firefox"), ("Firefox Beta", "Firefox"),
    ("Firefox Mobile", "Firefox"), ("Firefox iOS", "Firefox"), ("Google", "Google App"),
    ("HeadlessChrome", "Headless Chrome"), ("IE", "Internet Explorer"), ("IE Large Screen", "Internet Explorer"),
    ("IE Mobile", "Internet Explorer"), ("Mobile Safari", "Safari"), ("Mobile Safari UI/WKWebView", "iOS WebView"),
    ("Nokia OSS Browser", "Nokia Browser"), ("Oculus Browser", "Meta Quest Browser"),
    ("Opera Mobile", "Opera"), ("Opera Tablet", "Opera"), ("Opera Neon", "Opera"), ("Opera Coast", "Opera"),
    ("QQ Browser Mini", "QQ Browser"), ("QQ Browser Mobile", "QQ Browser"), ("Slack Desktop Client", "Slack"),
    ("Twitter", "X"), ("MiuiBrowser", "MIUI Browser"), ("NetFront NX", "NetFront"), ("Ovi Browser", "Nokia Browser"),
    ("WebKit Nightly", "Safari"), ("Dragon", "Comodo Dragon"), ("AVG", "AVG Secure Browser"), ("AdobeAIR", "Adobe AIR"),
    ("Adobe CreativeCloud", "Adobe Creative Cloud"), ("BoxNotes", "Box Notes"), ("BOLT", "Bolt"),
    ("Flipboard-Briefing", "Flipboard"), ("Mail.ru Chromium Browser", "Mail.ru Browser"), ("OktaMobile", "Okta Mobile"),
    ("Outlook-iOS", "Outlook"), ("Outlook-iOS-Android", "Outlook"), ("MacOutlook", "Outlook"),
    ("Seznam prohlížeč", "Seznam Browser"), ("Tenta Browser", "Tenta"), ("QtCarBrowser", "Tesla Browser"), ("kmail2", "KMail"),
    ("Nokia Services (WAP) Browser", "Nokia Browser"), ("MyIE2", "Maxthon"),
];

/// What uap-core calls a system, and what we do. Distributions of Linux are Linux.
#[rustfmt::skip]
const SYSTEM_NAMES: &[(&str, &str)] = &[
    ("Mac OS X", "macOS"), ("Mac OS", "macOS"), ("Chrome OS", "ChromeOS"), ("Ubuntu", "Linux"), ("Debian", "Linux"),
    ("Gentoo", "Linux"), ("Red Hat", "Linux"), ("Mandriva", "Linux"), ("WatchOS", "watchOS"), ("Web0S", "webOS"),
    ("ATV OS X", "tvOS"), ("Symbian OS", "Symbian"), ("Symbian^3", "Symbian"), ("Symbian^3 Anna", "Symbian"),
    ("Symbian^3 Belle", "Symbian"), ("BlackBerry Tablet OS", "BlackBerry OS"), ("Sailfish", "Sailfish OS"),
    ("Roku", "Roku OS"), ("Chromecast Android", "Android"), ("Chromecast Linux", "Linux"), ("Chromecast Fuchsia", "Fuchsia"),
    ("Chromecast SmartSpeaker", "Linux"), ("GoogleTV", "Android"), ("Kindle", "Linux"), ("WeTab", "Linux"), ("Maemo", "Linux"),
    ("CentOS", "Linux"), ("Fedora", "Linux"), ("Linux Mint", "Linux"), ("PCLinuxOS", "Linux"), ("Puppy", "Linux"), ("Slackware", "Linux"),
];

/// Makers of televisions, which uap-core gives where it knows no system. They cannot be compared with one.
const NOT_SYSTEMS: &[&str] = &["LG", "Panasonic", "Philips", "Samsung", "Sony"];

/// How a device's name starts, and the class where that is certain: kinds, and makers and series of phones alone, or of
/// tablets alone. uap-core gives no class; from its other names, some thirteen thousand models, none can be read.
#[rustfmt::skip]
const DEVICE_NAMES: &[(&str, Device)] = &[
    ("iPhone", Device::Mobile), ("iPod", Device::Mobile), ("Generic Smartphone", Device::Mobile),
    ("Generic Feature Phone", Device::Mobile), ("iPad", Device::Tablet), ("Generic Tablet", Device::Tablet),
    ("HP TouchPad", Device::Tablet), ("HbbTV", Device::Tv), ("NetCast.TV", Device::Tv), ("Inettv", Device::Tv),
    ("AppleTV", Device::Tv), ("WebTV", Device::Tv), ("PlayStation", Device::Console), ("Nintendo", Device::Console),
    ("Xbox", Device::Console), ("Apple Watch", Device::Other), ("Mac", Device::Desktop), ("Kindle", Device::Tablet),
    ("BlackBerry Playbook", Device::Tablet), ("BlackBerry", Device::Mobile), ("Roku", Device::Tv),
    ("Asus Nexus 7", Device::Tablet), ("Asus Transformer", Device::Tablet), ("Sony Ericsson", Device::Mobile),
    ("HTC Flyer", Device::Tablet), ("HTC", Device::Mobile), ("Nokia", Device::Mobile), ("XiaoMi MI PAD", Device::Tablet),
    ("Samsung SM-G", Device::Mobile), ("Samsung GT-I9", Device::Mobile), ("Samsung SM-T", Device::Tablet),
];

/// A list of `scripts/agents.sh`, as lines.
fn list(name: &str) -> String {
    let cache = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(env::home_dir()?.join(".cache"))).expect("there is a home folder");
    let path = cache.join("mask").join(FOLDER).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}): scripts/agents.sh gets the lists of user agents that this test measures on",
            path.display()
        )
    })
}

fn cases(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.lines().map(|line| line.split_once('\t').expect("a line of the list has two columns"))
}

fn class(user_agent: &str) -> BotClass {
    agent::classify(&Signals { user_agent: Some(user_agent), ..Signals::default() }).class
}

/// How many of those that count are right.
#[derive(Default)]
struct Share {
    right: usize,
    all: usize,
    wrong: BTreeSet<String>,
}

impl Share {
    fn add(&mut self, is_right: bool, user_agent: &str, wanted: &str, said: &str) {
        self.all += 1;
        self.right += usize::from(is_right);
        if !is_right {
            self.wrong.insert(format!("{wanted} was called {said}: {user_agent}"));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "there are some thousand user agents")]
    fn percent(&self) -> f64 {
        100.0 * self.right as f64 / self.all.max(1) as f64
    }

    /// Says the share in any case, around what keeps the output of tests that pass; what was wrong, if the test fails.
    fn report(&self, name: &str) {
        for wrong in &self.wrong {
            println!("  {wrong}");
        }
        let line = format!("{name}: {:.2} % ({} of {})\n", self.percent(), self.right, self.all);
        io::stderr().write_all(line.as_bytes()).expect("the standard error can be written to");
    }

    fn must_be_wanted(&self, name: &str) {
        let percent = self.percent();
        assert!(percent >= WANTED_PERCENT, "{name}: {percent:.2} % is below {WANTED_PERCENT} %");
    }
}

/// Recall and precision of what `said` says on a list, for the families in `reported`.
fn measure(
    what: &str,
    file: &str,
    names: &[(&'static str, &'static str)],
    reported: &BTreeSet<&str>,
    said: fn(&str) -> &'static str,
) {
    let names: BTreeMap<_, _> = names.iter().copied().collect();
    let (mut recall, mut precision) = (Share::default(), Share::default());
    let list = list(file);
    let wanted_name = |theirs| names.get(theirs).copied().unwrap_or(theirs);
    let known: BTreeSet<&str> = cases(&list).map(|(theirs, _)| wanted_name(theirs)).collect();
    for (theirs, user_agent) in cases(&list) {
        let (wanted, ours) = (wanted_name(theirs), said(user_agent));
        if reported.contains(wanted) {
            recall.add(wanted == ours, user_agent, theirs, ours);
        }
        if known.contains(ours) && ours != "Other" && !NOT_SYSTEMS.contains(&theirs) && class(user_agent).is_person() {
            precision.add(wanted == ours, user_agent, theirs, ours);
        }
    }
    let shares = [(recall, format!("{what}, recall")), (precision, format!("{what}, precision"))];
    for (share, name) in &shares {
        share.report(name);
    }
    for (share, name) in &shares {
        share.must_be_wanted(name);
    }
}

#[test]
fn browsers_are_told_as_uap_core_expects() {
    measure("browsers", "browsers.tsv", BROWSER_NAMES, &agent::browsers().collect(), agent::browser);
}

#[test]
fn many_browsers_of_old_are_told_as_uap_core_expects() {
    measure("older browsers", "more-browsers.tsv", BROWSER_NAMES, &agent::browsers().collect(), agent::browser);
}

#[test]
fn systems_are_told_as_uap_core_expects() {
    measure("systems", "systems.tsv", SYSTEM_NAMES, &agent::systems().collect(), agent::os);
}

#[test]
fn devices_are_classed_as_far_as_uap_core_tells() {
    let mut share = Share::default();
    let list = list("devices.tsv");
    for (theirs, user_agent) in cases(&list) {
        let ours = agent::device(user_agent);
        let name = DEVICE_NAMES.iter().find(|(name, _)| theirs.starts_with(name));
        if let Some((_, wanted)) = name.filter(|_| class(user_agent).is_person()) {
            share.add(*wanted == ours, user_agent, theirs, ours.as_str());
        }
    }
    share.report("device classes");
    share.must_be_wanted("device classes");
}

/// A regression test rather than a measure: the words hold the names of many of these samples.
#[test]
fn programs_are_told_from_people() {
    let mut share = Share::default();
    let list = list("crawlers.tsv");
    for user_agent in list.lines() {
        let class = class(user_agent);
        let is_told = !matches!(class, BotClass::Person | BotClass::Unknown);
        share.add(is_told, user_agent, "a program", class.as_str());
    }
    share.report("programs");
    share.must_be_wanted("programs");
}
