//! The table that a handshake looks into.
//!
//! It is never changed, only replaced as a whole: by whoever reads files anew, or by whoever follows the store. Handshakes
//! read a pointer. Of an authority's certificates only those are shown whose name is served at that moment, so a domain that
//! was given up is not answered for, whatever is still here.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::{HashMap, HashMapExt};
use mask_core::{
    certificate::{Standing, Status},
    domain::Domain,
    time::Time,
};
use mask_store::{CertificateChanges, Challenge};
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{
    ACME, challenge,
    leaf::{Leaf, wild},
    wanted::Wanted,
};
use crate::{
    config::{Config, TlsMode},
    redirect::Hosts,
    webhooks::seal::Vault,
};

/// What is shown in handshakes, and what is known of it.
#[derive(Debug)]
pub struct Certificates {
    mode: TlsMode,
    hosts: Hosts,
    /// Whom a client gets that names nobody, where the names decide.
    public_host: String,
    table: ArcSwap<Table>,
    /// Held while a table is made, so that none takes the place of a newer one; the number of the last change that it knows.
    changes: Mutex<Option<i64>>,
    pub(super) wanted: Wanted,
}

/// All certificates at one moment. Cheap to copy, but for its maps.
#[derive(Clone, Debug, Default)]
struct Table {
    /// By the name that each is for; the first label of some is `*`.
    held: HashMap<String, Arc<Held>>,
    /// What is shown where none is for the name: the first of the files.
    first: Option<Arc<CertifiedKey>>,
    /// What is shown to authorities, by what they ask for.
    files: HashMap<String, String>,
    handshakes: HashMap<String, (String, Arc<CertifiedKey>)>,
    /// Counts up.
    generation: i64,
}

/// What is known of a name.
#[derive(Debug)]
struct Held {
    leaf: Option<Leaf>,
    not_after: Option<Time>,
    error: Option<String>,
    version: i64,
}

impl Table {
    fn of(&self, name: &str) -> Option<&Arc<Held>> {
        self.held.get(name).or_else(|| self.held.get(&wild(name)?))
    }

    fn key_of(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.of(name)?.leaf.as_ref().map(|leaf| Arc::clone(&leaf.key))
    }
}

impl Certificates {
    /// None yet, of the kind that the settings say.
    pub fn new(config: &Config, hosts: Hosts) -> Self {
        Self {
            mode: config.tls.mode,
            hosts,
            public_host: config.public_host().to_owned(),
            table: ArcSwap::default(),
            changes: Mutex::default(),
            wanted: Wanted::default(),
        }
    }

    /// Shows these files from now on.
    pub fn show_files(&self, leaves: Vec<Leaf>) {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.table.load().generation + 1;
        let first = leaves.first().map(|leaf| Arc::clone(&leaf.key));
        let mut held = HashMap::new();
        for leaf in leaves {
            let (not_after, names) = (Some(leaf.not_after), leaf.names.clone());
            let one = Arc::new(Held { leaf: Some(leaf), not_after, error: None, version: generation });
            for name in names {
                // Of two for one name the first holds, as it does in the list.
                held.entry(name).or_insert_with(|| Arc::clone(&one));
            }
        }
        self.table.store(Arc::new(Table { held, first, generation, ..Table::default() }));
    }

    /// The number of the last change of the store that is known.
    pub(super) fn known(&self) -> Option<i64> {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what has changed in the store. A certificate that cannot be opened or read is told of in the log, and the one
    /// before it stays.
    pub(super) fn take_in(&self, news: CertificateChanges, vault: &Vault) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.is_some_and(|known| known >= news.changes) {
            return;
        }
        let old = self.table.load();
        let mut table = Table::clone(&old);
        for certificate in news.certificates {
            let before = old.held.get(&certificate.name);
            let leaf = match certificate.sealed {
                None => None,
                Some(sealed) => match super::order::Issued::open(vault, &certificate.name, &sealed) {
                    Ok(leaf) => Some(leaf),
                    Err(error) => {
                        tracing::error!(name = certificate.name, %error, "a certificate in the database cannot be used");
                        before.and_then(|held| held.leaf.clone())
                    }
                },
            };
            let (not_after, error, version) = (certificate.not_after, certificate.error, certificate.version);
            table.held.insert(certificate.name, Arc::new(Held { leaf, not_after, error, version }));
        }
        table.show_challenges(news.challenges);
        table.generation += 1;
        self.table.store(Arc::new(table));
        *changes = Some(news.changes);
    }

    /// What an authority is to see that asks for this.
    pub fn file(&self, token: &str) -> Option<String> {
        self.table.load().files.get(token).cloned()
    }

    /// How the certificate of a name of ours is.
    pub fn standing(&self, name: &str, now: Time) -> Standing {
        let table = self.table.load();
        match (self.mode, table.of(name)) {
            (TlsMode::Off, _) => Standing::OFF,
            (_, Some(held)) => Standing::of(held.not_after, held.error.clone(), held.version, now),
            (TlsMode::Acme, None) => Standing::PENDING,
            (TlsMode::Files, None) => Standing {
                status: Status::Failed,
                not_after: None,
                error: Some("None of the server's certificates is for this name.".to_owned()),
                version: table.generation,
            },
        }
    }

    /// How the certificate of a domain is. One that is not its owner's has none.
    pub fn standing_of(&self, domain: &Domain, now: Time) -> Standing {
        self.standing(domain.name.as_str(), now).of_domain(domain)
    }

    /// How many certificates are shown, and when the first of them ends.
    pub fn nearest_end(&self) -> (usize, Option<Time>) {
        let table = self.table.load();
        let is_shown = |name: &str| self.mode == TlsMode::Files || self.hosts.is_served(name);
        let ends = table.held.iter().filter(|(name, held)| held.leaf.is_some() && is_shown(name));
        let ends: Vec<Time> = ends.filter_map(|(_, held)| held.not_after).collect();
        (ends.len(), ends.into_iter().min())
    }

    /// What is shown to whoever asks for this name.
    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let name = match (self.mode, name) {
            (TlsMode::Files, None) => return table.first.clone(),
            (TlsMode::Files, Some(name)) => {
                return table.key_of(&name.to_ascii_lowercase()).or_else(|| table.first.clone());
            }
            (_, None) => self.public_host.clone(),
            (_, Some(name)) => name.to_ascii_lowercase(),
        };
        if !self.hosts.is_served(&name) {
            return None;
        }
        let key = table.key_of(&name);
        if key.is_none() {
            self.wanted.note(&name);
        }
        key
    }
}

impl Table {
    /// Shows these to authorities, and no others. What was made for a handshake before is kept, as it takes a moment to make.
    fn show_challenges(&mut self, challenges: Vec<Challenge>) {
        let mut before = std::mem::take(&mut self.handshakes);
        self.files.clear();
        for Challenge { token, name, answer } in challenges {
            let made = before.remove(&name).filter(|(known, _)| *known == answer);
            let made = made.or_else(|| Some((answer.clone(), challenge::certificate(&name, &answer)?)));
            if let Some(made) = made {
                self.handshakes.insert(name, made);
            }
            self.files.insert(token, answer);
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        // An authority asks for nothing else; whoever asks for more is none.
        if self.mode == TlsMode::Acme && hello.alpn().is_some_and(|mut wishes| wishes.next() == Some(ACME)) {
            let name = name?.to_ascii_lowercase();
            return self.table.load().handshakes.get(&name).map(|(_, key)| Arc::clone(key));
        }
        self.find(name)
    }
}

#[cfg(test)]
mod tests {
    use mask_store::ChangedCertificate;

    use super::{super::leaf::tests::pem, super::order::Issued, *};

    fn certificates(mode: &str) -> Certificates {
        let mut flags = vec![
            ("tls.mode", mode.to_owned()),
            ("tls.listen", "127.0.0.1:0".to_owned()),
            ("server.public_url", "https://mask.example".to_owned()),
        ];
        if mode == "files" {
            flags.extend([("tls.cert_files", "a.pem".to_owned()), ("tls.key_files", "a.key".to_owned())]);
        }
        let config = Config::load(None, [], &flags).expect("settings");
        let hosts = Hosts::new(&config.server.public_url, &["go.example".to_owned()]);
        Certificates::new(&config, hosts)
    }

    fn leaf(names: &[&str]) -> Leaf {
        let (chain, key) = pem(names);
        Leaf::read(chain.as_bytes(), key.as_bytes()).expect("a certificate")
    }

    fn now() -> Time {
        Time::parse("2026-02-01T00:00:00Z").expect("a time")
    }

    #[test]
    fn of_files_the_right_one_is_shown_or_the_first() {
        let certificates = certificates("files");
        let (first, second, third) = (leaf(&["a.example"]), leaf(&["*.b.example", "a.example"]), leaf(&["c.example"]));
        certificates.show_files(vec![first.clone(), second.clone(), third.clone()]);
        for (name, expected) in [
            (None, &first),
            (Some("a.example"), &first),
            (Some("x.b.example"), &second),
            (Some("C.example"), &third),
            (Some("other.example"), &first),
        ] {
            let shown = certificates.find(name).expect("one is always shown");
            assert!(Arc::ptr_eq(&shown, &expected.key), "{name:?}");
        }
        assert_eq!(certificates.standing("x.b.example", now()).status, Status::Active);
        let none = certificates.standing("other.example", now());
        assert!(none.status == Status::Failed && none.error.is_some(), "{none:?}");
        assert_eq!(certificates.nearest_end().1, Some(first.not_after));
    }

    #[test]
    fn of_an_authoritys_those_of_hosts_that_are_served_are_shown_and_no_others() {
        let (certificates, vault) = (certificates("acme"), Vault::with(&[7; 32]));
        let changed = |name: &str, changes| {
            let (chain, key) = pem(&[name]);
            let sealed = Issued::seal(&vault, name, &chain, &key);
            let not_after = Some(leaf(&[name]).not_after);
            let one =
                ChangedCertificate { name: name.to_owned(), sealed: Some(sealed), not_after, error: None, version: 1 };
            CertificateChanges { certificates: vec![one], challenges: Vec::new(), changes }
        };
        assert!(certificates.find(Some("go.example")).is_none());
        assert!(certificates.find(Some("stranger.example")).is_none());
        assert_eq!(certificates.wanted.take(), ["go.example"], "strangers are not noted");
        for (name, changes) in [("go.example", 1), ("stranger.example", 2), ("mask.example", 3)] {
            certificates.take_in(changed(name, changes), &vault);
        }
        assert!(certificates.find(Some("GO.example")).is_some());
        assert!(certificates.find(Some("stranger.example")).is_none());
        let public = certificates.find(None).expect("that of the public host");
        assert!(Arc::ptr_eq(&public, &certificates.find(Some("mask.example")).expect("it")));
        assert_eq!(certificates.nearest_end().0, 2);
        // What comes late is older than what is known.
        let old = certificates.find(Some("go.example")).expect("one");
        certificates.take_in(changed("go.example", 3), &vault);
        assert!(Arc::ptr_eq(&old, &certificates.find(Some("go.example")).expect("the same")));
        // What cannot be opened takes nothing away.
        let mut bad = changed("go.example", 4);
        bad.certificates[0].sealed = Some(vec![1, 2, 3]);
        certificates.take_in(bad, &vault);
        assert!(Arc::ptr_eq(&old, &certificates.find(Some("go.example")).expect("the same")));
    }

    #[test]
    fn challenges_are_shown_while_they_last() {
        let (certificates, vault) = (certificates("acme"), Vault::with(&[7; 32]));
        let challenge =
            Challenge { token: "t".to_owned(), name: "go.example".to_owned(), answer: "t.print".to_owned() };
        let news = |challenges, changes| CertificateChanges { certificates: Vec::new(), challenges, changes };
        certificates.take_in(news(vec![challenge.clone()], 1), &vault);
        assert_eq!(certificates.file("t").as_deref(), Some("t.print"));
        let made = certificates.table.load().handshakes["go.example"].1.clone();
        certificates.take_in(news(vec![challenge], 2), &vault);
        assert!(Arc::ptr_eq(&made, &certificates.table.load().handshakes["go.example"].1));
        certificates.take_in(news(Vec::new(), 3), &vault);
        assert_eq!((certificates.file("t"), certificates.table.load().handshakes.len()), (None, 0));
    }
}
