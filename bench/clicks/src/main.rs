//! Recorded clicks for the benchmark of analytics: made up, the same at each run, and brought in as the drain brings them.
//!
//! ```text
//! mask-clicks FOLDER CLICKS LINKS.txt DAYS [ROWS.csv]
//! ```
//!
//! LINKS.txt has the id of a link in each line. Clicks follow each other over the days; few links have most of them, and
//! so it is with countries, browsers and referrers. What was recorded is written to ROWS.csv too, for whoever answers the
//! same questions from plain rows. The last line printed is JSON: clicks, seconds, and the processor time of a click.

use std::{
    env,
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use mask_core::{id::LinkId, time::Time, visit::Target, workspace::Owner};
use mask_store::{Batch, Fact, Location, Options, Position, Store};

/// As many as the drain takes at a time when it is busy.
const BATCH: u64 = 15_000;
const DAY_MS: i64 = 86_400_000;
/// The last of the days: 2026-11-01.
const END_MS: i64 = 1_793_491_200_000;
const OWNER: Owner = Owner { workspace: 1, is_test: false };

const COUNTRIES: [&str; 24] = [
    "US", "DE", "PK", "GB", "IN", "FR", "BR", "JP", "CA", "ES", "IT", "NL", "PL", "TR", "ID", "MX", "AU", "SE", "CH",
    "AT", "BE", "AE", "SA", "NG",
];
const DEVICES: [&str; 4] = ["mobile", "desktop", "tablet", "tv"];
const SYSTEMS: [&str; 6] = ["Android", "iOS", "Windows", "macOS", "Linux", "ChromeOS"];
const BROWSERS: [&str; 8] =
    ["Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Opera", "Instagram", "Facebook"];
const LANGUAGES: [&str; 8] = ["en-US", "en", "de-DE", "ur", "fr-FR", "pt-BR", "ja", "es"];
const CITIES: [&str; 40] = [
    "Berlin",
    "Lahore",
    "New York",
    "London",
    "Paris",
    "Karachi",
    "Mumbai",
    "Tokyo",
    "Toronto",
    "Madrid",
    "Rome",
    "Amsterdam",
    "Warsaw",
    "Istanbul",
    "Jakarta",
    "Sydney",
    "Stockholm",
    "Zurich",
    "Vienna",
    "Brussels",
    "Dubai",
    "Riyadh",
    "Lagos",
    "Munich",
    "Hamburg",
    "Chicago",
    "Boston",
    "Seattle",
    "Austin",
    "Miami",
    "Lyon",
    "Milan",
    "Osaka",
    "Kyoto",
    "Delhi",
    "Pune",
    "Leeds",
    "Bristol",
    "Recife",
    "Bogota",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, clicks, links, days, rest @ ..] = arguments.as_slice() else {
        return Err("usage: mask-clicks FOLDER CLICKS LINKS.txt DAYS [ROWS.csv]".into());
    };
    let (clicks, days): (u64, i64) = (clicks.parse()?, days.parse()?);
    let links: Vec<LinkId> = std::fs::read_to_string(links)?
        .lines()
        .map(|id| LinkId::parse(id).map_err(|refused| format!("{id}: {refused:?}")))
        .collect::<Result<_, _>>()?;
    let options =
        Options { location: Location::Sqlite(Path::new(folder)), pool_size: 1, timeout: Duration::from_mins(5) };
    let store = Store::open(&options)?;
    let mut rows = rest.first().map(File::create).transpose()?.map(BufWriter::new);
    if let Some(rows) = &mut rows {
        writeln!(
            rows,
            "at,link,visitor,is_counted,class,choice,source,device,os,browser,language,referrer,country,city"
        )?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    let mut chance = Chance(11);
    let (mut from, mut done, mut spent, mut slowest) = (None, 0, Duration::ZERO, Duration::ZERO);
    let cpu_before = cpu_s();
    let mut making_s = 0.0;
    while done < clicks {
        let cpu = cpu_s();
        let count = BATCH.min(clicks - done);
        let facts: Vec<Fact> = (done..done + count).map(|n| fact(&mut chance, &links, n, clicks, days)).collect();
        if let Some(rows) = &mut rows {
            facts.iter().try_for_each(|fact| row(rows, fact))?;
        }
        making_s += cpu_s() - cpu;
        done += count;
        let to = Position { segment: 1, byte: done };
        let batch = Arc::new(Batch { node: "bench".to_owned(), shard: 0, from, to, facts, is_history: false });
        let begun = Instant::now();
        runtime.block_on(async {
            store.record_clicks(batch).await?;
            while store.tidy_clicks().await? {}
            Ok::<_, mask_store::Error>(())
        })?;
        spent += begun.elapsed();
        slowest = slowest.max(begun.elapsed());
        from = Some(to);
    }
    let cpu_us = (cpu_s() - cpu_before - making_s) * 1e6;
    #[expect(clippy::cast_precision_loss, reason = "a count of clicks")]
    let each = cpu_us / clicks as f64;
    println!(
        r#"{{"clicks":{clicks},"links":{},"days":{days},"seconds":{:.2},"cpu_us_per_click":{each:.3},"slowest_batch_ms":{}}}"#,
        links.len(),
        spent.as_secs_f64(),
        slowest.as_millis()
    );
    Ok(())
}

/// The processor time of this process so far. Clock ticks are hundredths of a second on Linux.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    f64::from(ticks) / 100.0
}

fn fact(chance: &mut Chance, links: &[LinkId], n: u64, of: u64, days: i64) -> Fact {
    let span = i128::from(days * DAY_MS);
    let at = END_MS - days * DAY_MS + i64::try_from(span * i128::from(n) / i128::from(of)).unwrap_or(0);
    let is_bot = chance.below(10) == 0;
    let referrer = match chance.few(200) {
        0 | 1 => None,
        n => Some(format!("site-{n}.example")),
    };
    Fact {
        at: Time::from_unix_millis(at),
        request: None,
        owner: OWNER,
        target: Target::Link(links[chance.few(links.len())]),
        code: None,
        is_counted: !is_bot,
        class: if is_bot { "crawler" } else { "person" },
        reason: if is_bot { "name" } else { "browser" },
        choice: "url".to_owned(),
        device: DEVICES[chance.few(DEVICES.len())],
        os: SYSTEMS[chance.few(SYSTEMS.len())],
        browser: BROWSERS[chance.few(BROWSERS.len())],
        language: Some(LANGUAGES[chance.few(LANGUAGES.len())].to_owned()),
        referrer_url: referrer.as_ref().map(|host| format!("https://{host}/{}", chance.few(50))),
        referrer,
        source: if chance.below(12) == 0 { "qr" } else { "link" },
        country: Some(COUNTRIES[chance.few(COUNTRIES.len())].to_owned()),
        region: None,
        city: Some(CITIES[chance.few(CITIES.len())].to_owned()),
        visitor: i64::try_from(chance.below(3_000_000) + 1).unwrap_or(1).wrapping_mul(0x9e37_79b9_7f4a_7c1),
    }
}

fn row(rows: &mut impl Write, fact: &Fact) -> std::io::Result<()> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    writeln!(
        rows,
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        fact.at.unix_millis(),
        LinkId::from_bits(fact.target.bits()),
        fact.visitor,
        u8::from(fact.is_counted),
        fact.class,
        fact.choice,
        fact.source,
        fact.device,
        fact.os,
        fact.browser,
        text(&fact.language),
        text(&fact.referrer),
        text(&fact.country),
        text(&fact.city),
    )
}

/// Numbers that look like chance and are the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// A place below this one, the first ones far more often: the square of an even chance.
    fn few(&mut self, bound: usize) -> usize {
        let even = self.below(1 << 24);
        usize::try_from(((even * even) >> 24) * bound as u64 >> 24).unwrap_or(0)
    }
}
