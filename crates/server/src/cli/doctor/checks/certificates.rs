//! How certificates are: those of files, and those of an authority.

use mask::{
    config::Config,
    tls::{Files, Leaf},
};
use mask_core::{certificate::ends_soon, time::Time};
use mask_store::CertificateStandings;

use super::super::Finding;

const ABOUT: &str = "certificates";
/// As many as are told of by name.
const TOLD: usize = 20;

/// Each file, as the server would read it now.
pub(super) fn of_files(config: &Config, now: Time) -> Vec<Finding> {
    match Files::of(config).read() {
        Ok(leaves) => leaves.iter().map(|leaf| file(leaf, now)).collect(),
        Err(error) => vec![Finding::wrong(
            ABOUT,
            format!("{error}. A server that runs goes on with those it has read before; one that starts does not"),
        )],
    }
}

fn file(leaf: &Leaf, now: Time) -> Finding {
    let names = if leaf.names.is_empty() { "no name".to_owned() } else { leaf.names.join(", ") };
    let end = leaf.not_after;
    if end <= now {
        Finding::wrong(ABOUT, format!("that for {names} ended {end}: put a new one in its place"))
    } else if now < leaf.not_before {
        Finding::wrong(ABOUT, format!("that for {names} begins {} only: is the clock right?", leaf.not_before))
    } else if ends_soon(leaf.not_before, end, now) {
        Finding::doubtful(ABOUT, format!("that for {names} ends {end}: put a new one in its place before"))
    } else {
        Finding::good(ABOUT, format!("for {names}, until {end}"))
    }
}

/// What has ended or ends soon, and what was refused.
pub(super) fn of_authority(standings: &CertificateStandings, now: Time) -> Vec<Finding> {
    let why = |name: &str| {
        let failed = standings.failed.iter().find(|(known, _)| known == name);
        failed.map(|(_, why)| format!(": {why}")).unwrap_or_default()
    };
    let mut findings = Vec::new();
    for (name, start, end) in &standings.ends {
        if *end <= now {
            findings.push(Finding::wrong(ABOUT, format!("that for {name} ended {end}{}", why(name))));
        } else if ends_soon(*start, *end, now) {
            findings.push(Finding::doubtful(
                ABOUT,
                format!("that for {name} ends {end} and is not renewed yet{}", why(name)),
            ));
        }
    }
    let has_one = |name: &String| standings.ends.iter().any(|(known, ..)| known == name);
    for (name, why) in standings.failed.iter().filter(|(name, _)| !has_one(name)) {
        findings.push(Finding::doubtful(ABOUT, format!("there is none for {name}: {why} It is tried again")));
    }
    let more = findings.len().saturating_sub(TOLD);
    findings.truncate(TOLD);
    if more > 0 {
        findings.push(Finding::doubtful(ABOUT, format!("and {more} more like these")));
    }
    let first = standings.ends.first().map(|(name, _, end)| format!("; the first to end is that for {name}, {end}"));
    let (count, waiting) = (standings.ends.len(), standings.waiting);
    let summary =
        format!("{count} of the authority, and {waiting} names that wait for one{}", first.unwrap_or_default());
    findings.push(Finding::good(ABOUT, summary));
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::super::Verdict, *};

    fn day(days: i64) -> Time {
        Time::from_unix_millis(days * 86_400_000)
    }

    #[test]
    fn certificates_that_ended_or_end_soon_are_told_of() {
        let one = |name: &str, start, end| (name.to_owned(), day(start), day(end));
        let standings = CertificateStandings {
            ends: vec![one("gone.example", 0, 90), one("soon.example", 20, 110), one("good.example", 80, 170)],
            failed: vec![("soon.example".to_owned(), "CAA.".to_owned()), ("new.example".to_owned(), "DNS.".to_owned())],
            waiting: 1,
        };
        let findings = of_authority(&standings, day(100));
        let told: Vec<_> = findings.iter().map(|finding| (finding.verdict, finding.text.as_str())).collect();
        assert!(
            matches!(&told[..], [
            (Verdict::Wrong, gone), (Verdict::Doubtful, soon), (Verdict::Doubtful, new), (Verdict::Good, all)
        ] if gone.contains("gone.example") && soon.contains("soon.example") && soon.contains("CAA.")
            && new.contains("new.example: DNS.") && all.contains("3 of the authority")),
            "{told:?}"
        );
        assert_eq!(of_authority(&CertificateStandings::default(), day(1)).len(), 1);
    }

    #[test]
    fn files_that_cannot_be_used_are_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name).display().to_string();
        let flags = [
            ("server.public_url", "https://mask.example".to_owned()),
            ("tls.mode", "files".to_owned()),
            ("tls.listen", "127.0.0.1:0".to_owned()),
            ("tls.cert_files", file("chain.pem")),
            ("tls.key_files", file("key.pem")),
        ];
        let config = Config::load(None, [], &flags).expect("settings");
        let looked = |now: &str| {
            let findings = of_files(&config, Time::parse(now).expect("a time"));
            let [finding] = &findings[..] else { panic!("{findings:?}") };
            (finding.verdict, finding.text.clone())
        };
        assert!(matches!(looked("2026-02-01T00:00:00Z"), (Verdict::Wrong, text) if text.contains("chain.pem")));
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(["a.example".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 4, 1));
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(file("chain.pem"), certificate.pem()).expect("written");
        std::fs::write(file("key.pem"), key.serialize_pem()).expect("written");
        for (now, verdict) in [
            ("2025-12-01T00:00:00Z", Verdict::Wrong),
            ("2026-02-01T00:00:00Z", Verdict::Good),
            ("2026-03-20T00:00:00Z", Verdict::Doubtful),
            ("2026-05-01T00:00:00Z", Verdict::Wrong),
        ] {
            let (found, text) = looked(now);
            assert!(found == verdict && text.contains("a.example"), "{now} {text}");
        }
    }
}
