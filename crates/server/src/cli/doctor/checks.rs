//! The checks, from the database to the disk.

mod certificates;
mod listeners;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mask::{
    clicks::{AsideFile, aside_files},
    clock::Clock,
    config::{Config, TlsMode},
    mail::Server,
    pictures,
    places::{About, Database, MISSING, Unusable},
    setup,
    webhooks::seal::Origin,
};
use mask_store::{Inspection, Location, Outgoing, PartVersion};
use rustix::fs::{Access, access, statvfs};

use super::Finding;

const MIB: u64 = 1024 * 1024;

/// Below this a database cannot be trusted to go on: a busy hour would fill it.
const LEAST_FREE: u64 = 100 * MIB;

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let mut findings = database(config);
    findings.extend(folders(config).iter().map(|(about, folder)| writable(about, folder)));
    findings.extend(listeners::all(config));
    findings.push(room(config));
    findings.push(journal(config));
    findings.extend(set_aside(config));
    findings.push(secrets(config));
    findings.push(kept_pictures(config));
    findings.push(places(config));
    findings.push(mail(config));
    if config.tls.mode == TlsMode::Files {
        findings.extend(certificates::of_files(config, Clock::system().now()));
    }
    findings.extend(config.warnings().into_iter().map(|warning| Finding::doubtful("settings", warning)));
    findings
}

fn database(config: &Config) -> Vec<Finding> {
    let options = setup::store_options(config);
    let place = match options.location {
        Location::Sqlite(folder) => folder.display().to_string(),
        Location::Postgres(_) => config.database.url.to_string(),
    };
    match mask_store::inspect(&options) {
        Ok(found) => {
            let engine = Finding::good("database", format!("{} at {place}", found.engine));
            let mut findings = vec![engine, schema(&found)];
            findings.extend(found.outgoing.and_then(|outgoing| letters(&outgoing, config.mail.smtp_url.is_some())));
            if config.tls.mode == TlsMode::Acme {
                findings
                    .extend(certificates::of_authority(&found.certificates.unwrap_or_default(), Clock::system().now()));
            }
            findings
        }
        Err(error) => vec![Finding::wrong(
            "database",
            format!(
                "{error}. Looked at {place}: see that it runs, lets this user in, and is what database.url should name"
            ),
        )],
    }
}

fn schema(found: &Inspection) -> Finding {
    if found.parts.iter().all(|part| part.found.is_none()) {
        return Finding::good("schema", "there is no database yet; the first `mask serve` makes one");
    }
    let versions = found.parts.iter().map(version).collect::<Vec<_>>().join(", ");
    let is =
        |differs: fn(i64, i64) -> bool| found.parts.iter().any(|part| differs(part.found.unwrap_or(0), part.known));
    if is(|found, known| found > known) {
        Finding::wrong(
            "schema",
            format!("{versions}; a newer program wrote this database: start that one, or a newer one still"),
        )
    } else if is(|found, known| found < known) {
        Finding::good("schema", format!("{versions}; the next `mask serve` brings it up to date"))
    } else {
        Finding::good("schema", versions)
    }
}

fn version(part: &PartVersion) -> String {
    format!("{} version {} of {}", part.name, part.found.unwrap_or(0), part.known)
}

/// The folders that are written to, each once.
fn folders(config: &Config) -> Vec<(&'static str, &Path)> {
    let data = config.storage.data_dir.as_path();
    match setup::store_options(config).location {
        Location::Sqlite(folder) if folder != data => vec![("data folder", data), ("SQLite folder", folder)],
        _ => vec![("data folder", data)],
    }
}

/// The folder itself, or the nearest above it that is there: the others would be made in it.
fn existing(folder: &Path) -> PathBuf {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder.ancestors().find(|folder| fs::symlink_metadata(folder).is_ok()).unwrap_or(Path::new("/")).to_owned()
}

fn writable(about: &'static str, folder: &Path) -> Finding {
    let (shown, existing) = (folder.display(), existing(folder));
    let is_there = fs::symlink_metadata(folder).is_ok();
    if !existing.is_dir() {
        return Finding::wrong(
            about,
            format!("{} is not a folder: move it away or set storage.data_dir to another", existing.display()),
        );
    }
    match access(&existing, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if is_there => Finding::good(about, format!("{shown} can be written")),
        Ok(()) => Finding::good(about, format!("{shown} is not there yet and can be made")),
        Err(error) => Finding::wrong(
            about,
            format!(
                "{} cannot be written: {}; give it to the user that runs mask",
                existing.display(),
                io::Error::from(error)
            ),
        ),
    }
}

fn room(config: &Config) -> Finding {
    let folder = existing(&config.storage.data_dir);
    let free = match statvfs(&folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Finding::doubtful("disk", format!("{}: {}", folder.display(), io::Error::from(error))),
    };
    let used = bytes_in(&setup::journal_folder(config)).unwrap_or(0);
    verdict_on_room(free, (config.clicks.journal_max_mb * MIB).saturating_sub(used))
}

/// `growth` is what the journal may still take.
fn verdict_on_room(free: u64, growth: u64) -> Finding {
    let text = format!("{} free for the data folder", size(free));
    if free < LEAST_FREE {
        Finding::wrong("disk", format!("{text}: make room, at least {}", size(LEAST_FREE)))
    } else if free < growth {
        let growth = size(growth);
        Finding::doubtful(
            "disk",
            format!("{text}, and the click journal may grow by {growth}: make room or lower clicks.journal_max_mb"),
        )
    } else {
        Finding::good("disk", text)
    }
}

fn journal(config: &Config) -> Finding {
    let (folder, most) = (setup::journal_folder(config), config.clicks.journal_max_mb * MIB);
    let shown = folder.display();
    match bytes_in(&folder) {
        Ok(bytes) => Finding::good("click journal", format!("{} of at most {} in {shown}", size(bytes), size(most))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::good("click journal", format!("none yet in {shown}"))
        }
        Err(error) => Finding::wrong(
            "click journal",
            format!("{shown} cannot be read: {error}; give it to the user that runs mask"),
        ),
    }
}

/// Each file of clicks that the store refused, and how they come back.
fn set_aside(config: &Config) -> Vec<Finding> {
    const TOLD: usize = 20;
    const ABOUT: &str = "set aside";
    let folder = setup::aside_folder(config);
    let files = match aside_files(&folder) {
        Ok(files) => files,
        Err(error) => {
            let why = format!("{} cannot be read: {error}; give it to the user that runs mask", folder.display());
            return vec![Finding::wrong(ABOUT, why)];
        }
    };
    let mut findings: Vec<_> = files.iter().take(TOLD).map(|file| Finding::doubtful(ABOUT, way_back(file))).collect();
    if files.len() > TOLD {
        let rest = format!("and {} more files in {}", files.len() - TOLD, folder.display());
        findings.push(Finding::doubtful(ABOUT, rest));
    }
    findings
}

fn way_back(file: &AsideFile) -> String {
    let (path, sink, workspace) = (file.path.display(), file.sink.as_str(), &file.workspace);
    let test = if file.is_test { " --test" } else { "" };
    format!(
        "{path} holds clicks that the {sink} refused (the log says why). When that is mended, bring them back with the \
         server's settings by `mask import clicks --from {path} --workspace {workspace}{test} --only {sink}`, and delete it"
    )
}

/// Where the key is from, and never the key.
fn secrets(config: &Config) -> Finding {
    let origin = Origin::of(config);
    match (&origin, origin.look()) {
        (_, Err(error)) => Finding::wrong("secrets", error.to_string()),
        (Origin::File(file), Ok(false)) => Finding::good(
            "secrets",
            format!("there is no key yet; the first `mask serve` makes one in {}", file.display()),
        ),
        (Origin::File(file), Ok(true)) if config.database.url.is_postgres() => Finding::good(
            "secrets",
            format!("sealed with the key in {}: every node on this database needs the same", file.display()),
        ),
        (_, Ok(_)) => Finding::good("secrets", format!("the key that seals them is {origin}")),
    }
}

/// Whether pictures can be written and read again.
fn kept_pictures(config: &Config) -> Finding {
    let shown = match pictures::folder(config) {
        // The data folder was looked at, and nothing is made here.
        Some(folder) if !folder.exists() => return writable("pictures", &folder),
        Some(folder) => folder.display().to_string(),
        None => config.pictures.url.to_string(),
    };
    match pictures::try_out(config) {
        Ok(()) => Finding::good("pictures", format!("{shown} can be written and read")),
        Err(error) => Finding::wrong(
            "pictures",
            // A bucket's service may answer in XML of many lines.
            format!(
                "{shown} cannot be written or read: {}; see to it, or to pictures.url and what is set beside it",
                error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
            ),
        ),
    }
}

fn places(config: &Config) -> Finding {
    let file = config.places_file();
    let shown = file.display();
    match Database::open(&file) {
        Ok(database) => {
            let About { kind, day, tells, .. } = database.about();
            Finding::good("places", format!("{tells} by {shown}: {kind} of {day}"))
        }
        Err(Unusable::Unread(error)) if error.kind() == io::ErrorKind::NotFound => match config.places.database {
            None => Finding::good("places", MISSING),
            Some(_) => Finding::wrong("places", format!("{shown} is not there; name one in places.database that is")),
        },
        Err(error) => Finding::wrong("places", format!("{shown} cannot be used: {error}")),
    }
}

/// Whether the server of mail lets us in.
fn mail(config: &Config) -> Finding {
    const ABOUT: &str = "mail";
    let (server, url) = match (Server::of(config), &config.mail.smtp_url) {
        (Ok(Some(server)), Some(url)) => (server, url),
        (Err(error), _) => return Finding::wrong(ABOUT, error.to_string()),
        _ => return Finding::good(ABOUT, "nothing is mailed, as mail.smtp_url names no server"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let connected = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let connection = server.connect().await.map_err(|trouble| trouble.to_string())?;
            connection.quit().await;
            Ok(())
        })
    });
    match connected {
        Ok(()) => Finding::good(ABOUT, format!("{url} takes letters")),
        Err(why) => Finding::wrong(ABOUT, format!("{url}: {why}; letters wait until that is mended")),
    }
}

/// Letters that wait and those that were given up, if there are any.
fn letters(outgoing: &Outgoing, is_mailing: bool) -> Option<Finding> {
    const ABOUT: &str = "letters";
    let Outgoing { waiting, oldest, failure, given_up, reason } = outgoing;
    let because = |why: &Option<String>| why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let since = oldest.map(|oldest| format!(", the oldest of {oldest}")).unwrap_or_default();
    let waiting = (*waiting > 0).then(|| format!("{waiting} wait{since}{}", because(failure)));
    let given_up =
        (*given_up > 0).then(|| format!("{given_up} were given up within 30 days, the last{}", because(reason)));
    let is_stuck = waiting.is_some() && !is_mailing;
    let is_doubtful = is_stuck || given_up.is_some() || failure.is_some();
    let mut text = [waiting, given_up].into_iter().flatten().collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        return None;
    }
    if is_stuck {
        text += "; they are sent when mail.smtp_url names a server again";
    }
    Some(if is_doubtful { Finding::doubtful(ABOUT, text) } else { Finding::good(ABOUT, text) })
}

/// The length of all files in a folder and those below. A file that goes away meanwhile counts nothing.
fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(about) if about.is_dir() => bytes_in(&entry.path())?,
            Ok(about) => about.len(),
            Err(_) => 0,
        };
    }
    Ok(bytes)
}

fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes / MIB {
        0 => format!("{} KiB", tenths(1024)),
        1..1024 => format!("{} MiB", tenths(MIB)),
        _ => format!("{} GiB", tenths(1024 * MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    fn config(data_dir: &Path) -> Config {
        let flags = [("storage.data_dir", data_dir.to_str().expect("Unicode").to_owned())];
        Config::load(None, [], &flags).expect("right settings")
    }

    #[test]
    fn where_nothing_is_nothing_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let findings = all(&config(&folder.path().join("data")));
        assert!(findings.iter().all(|finding| finding.verdict != Verdict::Wrong), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.text.contains("no database yet")), "{findings:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_database_is_looked_at_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        drop(setup::open_store(&config).expect("a store"));
        let findings = database(&config);
        let [engine, schema] = &findings[..] else { panic!("{findings:?}") };
        assert!(engine.text.starts_with("SQLite 3."), "{engine:?}");
        assert!(schema.text.starts_with("main version ") && !schema.text.contains("mask serve"), "{schema:?}");
    }

    #[test]
    fn what_is_no_database_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mask.db"), "something else, long enough to be taken for a header".repeat(40))
            .expect("a file");
        let findings = database(&config(folder.path()));
        assert!(matches!(&findings[..], [one] if one.verdict == Verdict::Wrong), "{findings:?}");
    }

    #[test]
    fn versions_of_the_schema() {
        let part = |found, known| PartVersion { name: "main", found, known };
        let cases = [
            (None, 2, Verdict::Good, "no database yet"),
            (Some(1), 2, Verdict::Good, "up to date"),
            (Some(3), 2, Verdict::Wrong, "newer"),
        ];
        for (found, known, verdict, text) in cases {
            let finding = schema(&Inspection {
                engine: String::new(),
                parts: vec![part(found, known)],
                outgoing: None,
                certificates: None,
            });
            assert!(finding.verdict == verdict && finding.text.contains(text), "{finding:?}");
        }
    }

    #[test]
    fn a_file_in_the_way_of_the_folder_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("data");
        fs::write(&file, "").expect("a file");
        assert_eq!(writable("data folder", &file.join("deeper")).verdict, Verdict::Wrong);
    }

    #[test]
    fn a_database_of_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let verdict = |config: &Config| places(config).verdict;
        assert_eq!(verdict(&config(folder.path())), Verdict::Good, "it need not be there");
        let named = folder.path().join("named.mmdb");
        let flags = [("places.database", named.to_str().expect("Unicode").to_owned())];
        let config = Config::load(None, [], &flags).expect("right settings");
        assert_eq!(verdict(&config), Verdict::Wrong, "one that is named must be");
        fs::write(&named, "no database").expect("a file");
        assert_eq!(verdict(&config), Verdict::Wrong);
    }

    #[test]
    fn letters_that_wait_and_those_that_do_not() {
        let none = Outgoing::default();
        let waiting = Outgoing { waiting: 2, oldest: Some(mask_core::time::Time::from_unix_millis(0)), ..none.clone() };
        let failing = Outgoing { failure: Some("connection refused".to_owned()), ..waiting.clone() };
        let given_up = Outgoing { given_up: 1, reason: Some("550 no".to_owned()), ..none.clone() };
        assert_eq!(letters(&none, true), None);
        for (outgoing, is_mailing, verdict, text) in [
            (&waiting, true, Verdict::Good, "2 wait, the oldest of 1970-01-01T00:00:00Z"),
            (&waiting, false, Verdict::Doubtful, "mail.smtp_url"),
            (&failing, true, Verdict::Doubtful, "(connection refused)"),
            (&given_up, true, Verdict::Doubtful, "1 were given up within 30 days, the last (550 no)"),
        ] {
            let finding = letters(outgoing, is_mailing).expect("a finding");
            assert!(finding.verdict == verdict && finding.text.contains(text), "{finding:?}");
        }
    }

    #[test]
    fn a_server_of_mail_is_tried() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(mail(&config(folder.path())).verdict, Verdict::Good, "there need be none");
        let flags =
            [("mail.smtp_url", "smtp://u:hunter2@127.0.0.1:1".to_owned()), ("mail.from", "a@example.com".to_owned())];
        let finding = mail(&Config::load(None, [], &flags).expect("right settings"));
        assert!(finding.verdict == Verdict::Wrong && finding.text.contains("letters wait"), "{finding:?}");
        assert!(!finding.text.contains("hunter2"), "{finding:?}");
    }

    #[test]
    fn where_the_key_of_secrets_is_from() {
        let folder = tempfile::tempdir().expect("a folder");
        let config_here = config(folder.path());
        assert!(secrets(&config_here).text.contains("there is no key yet"), "{:?}", secrets(&config_here));
        let file = folder.path().join("secret.key");
        fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("a key");
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("set");
        assert_eq!(secrets(&config_here).verdict, Verdict::Wrong, "others can read it");
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("set");
        let good = secrets(&config_here);
        assert!(good.verdict == Verdict::Good && good.text.contains("secret.key"), "{good:?}");
        assert!(!good.text.contains("AAAA"), "{good:?}");
    }

    #[test]
    fn room_on_the_disk() {
        for (free_mib, growth_mib, expected) in
            [(99, 0, Verdict::Wrong), (200, 300, Verdict::Doubtful), (300, 300, Verdict::Good)]
        {
            assert_eq!(verdict_on_room(free_mib * MIB, growth_mib * MIB).verdict, expected, "{free_mib}");
        }
    }

    #[test]
    fn sizes() {
        for (bytes, shown) in [(0, "0.0 KiB"), (1536, "1.5 KiB"), (MIB, "1.0 MiB"), (1300 * MIB, "1.2 GiB")] {
            assert_eq!(size(bytes), shown);
        }
    }
}
