//! What the owner of a domain is to put into DNS.

use std::net::IpAddr;

use mask_core::domain::Domain;

use crate::config::{Config, Target};

/// What domains must lead to, and with it what their owners are told.
#[derive(Clone, Debug)]
pub struct Records {
    /// What they lead to.
    pub target: Target,
    /// Addresses that are as good.
    pub addresses: Vec<IpAddr>,
}

/// A record, and whether it was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `TXT`, `CNAME`, `A` or `AAAA`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What it must say.
    pub value: String,
    /// Whether it, or what does the same, was there when that could last be told.
    pub is_found: bool,
}

impl Records {
    /// As the settings say: without a target of their own, domains lead to the host of the public URL.
    pub fn of(config: &Config) -> Self {
        let public = || config.server.public_url.host().as_ref().map(Target::of);
        let target = config.domains.target.clone().or_else(public);
        Self {
            target: target.unwrap_or_else(|| Target::Name("localhost".to_owned())),
            addresses: config.domains.addresses.clone(),
        }
    }

    /// The records of a domain. Where there can be no `CNAME`, and addresses are known, they are named instead.
    pub fn for_domain(&self, domain: &Domain) -> Vec<Record> {
        let leads =
            |kind, value: String| Record { kind, name: domain.name.to_string(), value, is_found: domain.points_here };
        let address = |address: &IpAddr| leads(if address.is_ipv4() { "A" } else { "AAAA" }, address.to_string());
        let mut records = vec![Record {
            kind: "TXT",
            name: domain.proof_name(),
            value: domain.token.clone(),
            is_found: domain.has_proof,
        }];
        match &self.target {
            Target::Address(only) if self.addresses.is_empty() => records.push(address(only)),
            Target::Name(name) if self.addresses.is_empty() || !domain.name.is_apex() => {
                records.push(leads("CNAME", name.clone()));
            }
            _ => records.extend(self.addresses.iter().map(address)),
        }
        records
    }
}
