//! Questions to DNS.
//!
//! Every answer is one of three: these records, none, or that nobody answered; what each means is
//! [`mask_core::domain::Look`]'s to say. Only a server that says so makes it "none" (no such name, or no such record at
//! it). A failure of any kind, of ours, of the network's or of a server's, makes it "nobody answered".
//!
//! Names are followed here, one `CNAME` at a time, and not by the library: a circle is the owner's mistake and not a
//! failure, and what must be found may stand anywhere on the way. Records of another name in an answer are not read; a
//! server that adds some may be after more than its own names.
//!
//! A resolver is made for each look and nothing is kept: whoever has just set a record wants to know whether it is seen.
//! A resolver in front may keep an answer as long as it was told to, which `docs/domains.md` says.

use std::{net::IpAddr, net::SocketAddr, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};
use mask_core::{
    domain::{Domain, Look, Pointing, Unanswered},
    time::Time,
};

use super::records::Records;
use crate::config::{Pointing as Wanted, Target};

/// How long one question may take, how often it is put again, and how long a whole look may take.
const QUESTION: Duration = Duration::from_secs(2);
const TRIES: usize = 1;
const WHOLE_LOOK: Duration = Duration::from_secs(8);
/// Most names that lead one to another.
const LONGEST_CHAIN: usize = 8;
/// Most records of a name that are read.
const MOST_RECORDS: usize = 100;

/// Whom to ask, and what for.
#[derive(Clone, Debug)]
pub struct Dns {
    /// Nobody named means those whom the system asks.
    servers: Vec<SocketAddr>,
    pointing: Wanted,
}

/// Where a chain of names ends.
enum End {
    /// At this name, by way of these.
    At(Name, Vec<Name>),
    /// Nowhere, for this reason.
    Nowhere(String),
}

impl Dns {
    /// Asks these servers, or those whom the system asks.
    pub const fn new(servers: Vec<SocketAddr>, pointing: Wanted) -> Self {
        Self { servers, pointing }
    }

    /// What DNS says of a domain; `at` is now.
    pub async fn look(&self, domain: &Domain, records: &Records, at: Time) -> Look {
        let must_point = self.pointing == Wanted::Required;
        let asked = async {
            let asker = Asker { resolver: self.resolver()? };
            Ok(tokio::join!(asker.proofs(domain), asker.pointing(domain, records)))
        };
        let late = || Unanswered(format!("The name servers did not answer within {} seconds.", WHOLE_LOOK.as_secs()));
        match tokio::time::timeout(WHOLE_LOOK, asked).await {
            Ok(Ok((proofs, pointing))) => Look { at, proofs, pointing, must_point },
            Ok(Err(why)) => Look { at, proofs: Err(Unanswered::clone(&why)), pointing: Err(why), must_point },
            Err(_) => Look { at, proofs: Err(late()), pointing: Err(late()), must_point },
        }
    }

    fn resolver(&self) -> Result<TokioResolver, Unanswered> {
        let provider = TokioRuntimeProvider::default;
        let unusable = |error: NetError| {
            tracing::warn!(%error, "the resolver of this machine cannot be used: name others in domains.resolver");
            Unanswered("The name servers could not be asked.".to_owned())
        };
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder(provider()).map_err(unusable)?
        } else {
            let servers = self.servers.iter().map(name_server).collect();
            TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), provider())
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts, options.cache_size) = (QUESTION, TRIES, 0);
        (options.use_hosts_file, options.edns0, options.try_tcp_on_error) = (ResolveHosts::Never, true, true);
        builder.build().map_err(unusable)
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    NameServerConfig::new(address.ip(), true, vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())])
}

/// A look that is under way.
struct Asker {
    resolver: TokioResolver,
}

impl Asker {
    /// What the records that may show whose the domain is say.
    async fn proofs(&self, domain: &Domain) -> Result<Vec<String>, Unanswered> {
        let End::At(name, _) = self.follow(name_of(&domain.proof_name())?, None).await? else { return Ok(Vec::new()) };
        let text = |data| match data {
            // A long text comes in parts, which are one.
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).trim().to_owned()),
            _ => None,
        };
        Ok(self.records(&name, RecordType::TXT).await?.into_iter().filter_map(text).collect())
    }

    /// Where the domain leads.
    async fn pointing(&self, domain: &Domain, records: &Records) -> Result<Pointing, Unanswered> {
        let target = match &records.target {
            Target::Name(name) => Some(name_of(name)?),
            Target::Address(_) => None,
        };
        let (end, way) = match self.follow(name_of(domain.name.as_str())?, target.as_ref()).await? {
            End::At(end, way) => (end, way),
            End::Nowhere(why) => return Ok(Pointing::Elsewhere(why)),
        };
        if target.as_ref().is_some_and(|target| way.contains(target)) {
            return Ok(Pointing::Here);
        }
        let ours = async {
            let mut ours = records.addresses.clone();
            match (&records.target, target) {
                (Target::Address(address), _) => ours.push(*address),
                (Target::Name(_), Some(target)) => {
                    if let End::At(end, _) = self.follow(target, None).await? {
                        ours.extend(self.addresses(&end).await?);
                    }
                }
                (Target::Name(_), None) => {}
            }
            Ok(ours)
        };
        let (theirs, ours) = tokio::join!(self.addresses(&end), ours);
        let (theirs, ours): (Vec<IpAddr>, Vec<IpAddr>) = (theirs?, ours?);
        Ok(compare(domain, records, &theirs, &ours))
    }

    /// Follows names to where they end; no further than to `wanted`.
    async fn follow(&self, name: Name, wanted: Option<&Name>) -> Result<End, Unanswered> {
        let mut way = vec![name];
        while way.len() <= LONGEST_CHAIN {
            let last = way.last().cloned().unwrap_or_default();
            if wanted == Some(&last) {
                return Ok(End::At(last, way));
            }
            let next = self.records(&last, RecordType::CNAME).await?.into_iter().find_map(|data| match data {
                RData::CNAME(next) => Some(next.0),
                _ => None,
            });
            match next {
                None => return Ok(End::At(last, way)),
                Some(next) if way.contains(&next) => {
                    return Ok(End::Nowhere(format!("The CNAME records of {} lead in a circle.", shown(&way[0]))));
                }
                Some(next) => way.push(next),
            }
        }
        let name = shown(&way[0]);
        Ok(End::Nowhere(format!("The CNAME records of {name} lead through more than {LONGEST_CHAIN} names.")))
    }

    async fn addresses(&self, name: &Name) -> Result<Vec<IpAddr>, Unanswered> {
        let (v4, v6) = tokio::join!(self.records(name, RecordType::A), self.records(name, RecordType::AAAA));
        let address = |data| match data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _ => None,
        };
        Ok(v4?.into_iter().chain(v6?).filter_map(address).collect())
    }

    /// The records of exactly this name and type.
    async fn records(&self, name: &Name, kind: RecordType) -> Result<Vec<RData>, Unanswered> {
        let answer = match self.resolver.lookup(name.clone(), kind).await {
            Ok(answer) => answer,
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) if is_none(none.response_code) => return Ok(Vec::new()),
            Err(error) => return Err(unanswered(name, &error)),
        };
        let is_it =
            |record: &&hickory_resolver::proto::rr::Record| record.name == *name && record.record_type() == kind;
        Ok(answer.answers().iter().filter(is_it).take(MOST_RECORDS).map(|record| record.data.clone()).collect())
    }
}

/// Whether all addresses of a domain are ours: of those that are not, some visitors would be sent away.
fn compare(domain: &Domain, records: &Records, theirs: &[IpAddr], ours: &[IpAddr]) -> Pointing {
    let name = &domain.name;
    let wanted = match &records.target {
        Target::Name(name) => format!("It must have a CNAME record to {name}, or its addresses."),
        Target::Address(address) => format!("It must have the address {address}."),
    };
    match theirs.iter().find(|address| !ours.contains(address)) {
        None if theirs.is_empty() => Pointing::Elsewhere(format!("{name} leads nowhere. {wanted}")),
        None => Pointing::Here,
        Some(address) => Pointing::Elsewhere(format!("{name} leads to {address}. {wanted}")),
    }
}

const fn is_none(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}

fn unanswered(name: &Name, error: &NetError) -> Unanswered {
    let name = shown(name);
    Unanswered(match error {
        NetError::Timeout => format!("The name servers did not answer in time when asked for {name}."),
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("The name servers failed when asked for {name}: {code}.")
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            format!("The name servers failed when asked for {name}: {}.", none.response_code)
        }
        _ => format!("The name servers could not be asked for {name}."),
    })
}

fn name_of(text: &str) -> Result<Name, Unanswered> {
    // With the dot at its end nothing is ever put behind it.
    Name::from_ascii(format!("{text}.")).map_err(|_| Unanswered(format!("{text} cannot be asked for.")))
}

/// A name as people write it.
fn shown(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}
