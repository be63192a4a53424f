//! `mask doctor`: is everything there that a server needs?
//!
//! Every check is made, so that one look tells all there is to mend, and none changes anything: a doctor that is run by
//! the wrong user or in the wrong folder must not leave a database behind.

mod checks;

use mask::config::Config;

use super::{Failure, print, settings::Common, table};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    /// It works, and is likely not what was meant.
    Doubtful,
    Wrong,
}

/// A check and what it found; of what is not good also what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    verdict: Verdict,
    about: &'static str,
    text: String,
}

impl Finding {
    fn good(about: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, about, text: text.into() }
    }

    fn doubtful(about: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Doubtful, about, text: text.into() }
    }

    fn wrong(about: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, about, text: text.into() }
    }

    fn row(&self) -> Vec<String> {
        let verdict = match self.verdict {
            Verdict::Good => "ok",
            Verdict::Doubtful => "warning",
            Verdict::Wrong => "WRONG",
        };
        vec![format!("  {verdict}"), self.about.to_owned(), self.text.clone()]
    }
}

/// Prints the settings and what was found; fails when something is wrong.
pub(super) fn run(common: &Common) -> Result<(), Failure> {
    let config = common.read(&[])?;
    let findings = checks::all(&config);
    print(&format!(
        "Settings\n{}\nChecks\n{}\n{}\n",
        settings_table(&config),
        table::render(&findings.iter().map(Finding::row).collect::<Vec<_>>()),
        summary(&findings)
    ))?;
    let is_wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    if is_wrong { Err(Failure::Told) } else { Ok(()) }
}

fn settings_table(config: &Config) -> String {
    let rows = config.describe().iter().map(|setting| {
        let value = if setting.value_shown.is_empty() { "(none)" } else { &setting.value_shown };
        vec![format!("  {}", setting.key), value.to_owned(), setting.source.to_string()]
    });
    table::render(&rows.collect::<Vec<_>>())
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let things =
        |count: usize, one: &str, many: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {many}") };
    match (count(Verdict::Wrong), count(Verdict::Doubtful)) {
        (0, 0) => "All is well.".to_owned(),
        (0, doubtful) => format!("It works, with {}.", things(doubtful, "warning", "warnings")),
        (wrong, _) => format!("{} wrong; see above for what would be right.", things(wrong, "thing is", "things are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts() {
        let (good, doubtful, wrong) = (Finding::good("a", ""), Finding::doubtful("b", ""), Finding::wrong("c", ""));
        for (findings, expected) in [
            (vec![good.clone()], "All is well."),
            (vec![good.clone(), doubtful.clone()], "It works, with 1 warning."),
            (vec![good, doubtful, wrong.clone()], "1 thing is wrong; see above for what would be right."),
            (vec![wrong.clone(), wrong], "2 things are wrong; see above for what would be right."),
        ] {
            assert_eq!(summary(&findings), expected);
        }
    }

    #[test]
    fn passwords_are_not_in_the_settings() {
        let flags = [("database.url", "postgres://me:hunter2@h/d".to_owned())];
        let config = Config::load(None, [], &flags).expect("right settings");
        let table = settings_table(&config);
        assert!(!table.contains("hunter2") && table.contains("postgres://me:***@h/d"), "{table}");
    }
}
