//! The store, as the commands open it that change something.

use std::sync::Arc;

use mask::{
    api::payload::Teller, clock::Clock, config::Config, domains::Records, redirect::Hosts, setup, tls::Certificates,
};
use mask_store::Store;

use super::Failure;

/// The store of these settings, which tells webhooks of what is done with it, as the server would. The hosts say where links live.
pub(super) fn telling_store(config: &Config, hosts: Hosts, clock: &Clock) -> Result<Store, Failure> {
    let certificates = Arc::new(Certificates::new(config, hosts.clone()));
    let teller = Teller::new(hosts, Records::of(config), certificates, clock.clone(), None);
    Ok(setup::open_store(config)?.telling(Arc::new(teller)))
}
