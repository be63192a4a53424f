//! One certificate, from the wish for it to the chain.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use mask_core::{certificate::Way, time::Time};
use mask_store::Challenge;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Leaf, Unreadable, authority::Trouble};
use crate::webhooks::seal::{Unopened, Vault};

/// How often an authority is asked how far it is: ever less often, and not for longer than this.
const ASKING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(Duration::from_secs(90));

/// A certificate that was issued, and its key.
pub(super) struct Issued {
    /// What it says.
    pub(super) leaf: Leaf,
    chain: String,
    key: Zeroizing<String>,
}

/// The two as they lie within the seal.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    chain: std::borrow::Cow<'a, str>,
    key: std::borrow::Cow<'a, str>,
}

/// Why what is sealed is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// The seal.
    #[error(transparent)]
    Seal(#[from] Unopened),
    /// What is in it.
    #[error(transparent)]
    Content(#[from] Unreadable),
}

impl Issued {
    /// Seals a chain and its key for a name.
    pub(super) fn seal(vault: &Vault, name: &str, chain: &str, key: &str) -> Vec<u8> {
        let stored = Stored { chain: chain.into(), key: key.into() };
        let plain = Zeroizing::new(serde_json::to_vec(&stored).expect("strings always have JSON"));
        vault.seal_about(&format!("certificate {name}"), &plain)
    }

    /// Opens what was sealed for a name.
    pub(super) fn open(vault: &Vault, name: &str, sealed: &[u8]) -> Result<Leaf, Unusable> {
        let plain = vault.open_about(&format!("certificate {name}"), sealed)?;
        let stored: Stored<'_> = serde_json::from_slice(&plain).map_err(|_| Unopened)?;
        let key = Zeroizing::new(stored.key.into_owned());
        Ok(Leaf::read(stored.chain.as_bytes(), key.as_bytes())?)
    }

    /// The same, for the database.
    pub(super) fn sealed(&self, vault: &Vault, name: &str) -> Vec<u8> {
        Self::seal(vault, name, &self.chain, &self.key)
    }
}

/// What is ordered, and how.
pub(super) struct Wish<'w> {
    pub(super) name: &'w str,
    pub(super) way: Way,
    /// What the new certificate takes the place of, where the authority wants to know.
    pub(super) replaces: Option<CertificateIdentifier<'w>>,
    pub(super) now: Time,
}

/// Shows challenges to the authority, on every node, and hides them again.
pub(super) trait Show {
    /// Returns when it is shown everywhere.
    async fn show(&self, challenge: Challenge) -> Result<(), Trouble>;
}

/// Orders a certificate.
pub(super) async fn order(account: &Account, wish: Wish<'_>, shows: &impl Show) -> Result<Issued, Trouble> {
    let identifiers = [Identifier::Dns(wish.name.to_owned())];
    let mut new = NewOrder::new(&identifiers);
    if let Some(replaces) = wish.replaces {
        new = new.replaces(replaces);
    }
    let mut order = account.new_order(&new).await?;
    prove(&mut order, wish.name, wish.way, shows).await?;
    match order.poll_ready(&ASKING).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => return Err(reason(&mut order, None).await),
        Err(error) => return Err(reason(&mut order, Some(error.into())).await),
    }
    let unmade = |_| Trouble::refused("No certificate can be asked for with this name.");
    let key = KeyPair::generate().map_err(unmade)?;
    let mut params = CertificateParams::new([wish.name.to_owned()]).map_err(unmade)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(unmade)?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&ASKING).await?;
    let key = Zeroizing::new(key.serialize_pem());
    let leaf = Leaf::read(chain.as_bytes(), key.as_bytes())
        .map_err(|why| Trouble::away(format!("The authority has sent what is no certificate of ours: {why}.")))?;
    if !leaf.is_for(wish.name) || leaf.not_after <= wish.now {
        return Err(Trouble::away("The authority has sent a certificate for another name or another time."));
    }
    Ok(Issued { leaf, chain, key })
}

/// Shows that the name leads here, unless the authority knows that from before.
async fn prove(order: &mut Order, name: &str, way: Way, shows: &impl Show) -> Result<(), Trouble> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            _ => return Err(Trouble::refused("The authority has given up on this name; it is asked anew.")),
        }
        let kind = match way {
            Way::Handshake => ChallengeType::TlsAlpn01,
            Way::File => ChallengeType::Http01,
        };
        let Some(mut challenge) = authorization.challenge(kind) else {
            return Err(Trouble::refused(match way {
                Way::Handshake => "The authority does not look on port 443 (TLS-ALPN-01) for this name.",
                Way::File => "The authority does not look on port 80 (HTTP-01) for this name.",
            }));
        };
        let answer = challenge.key_authorization().as_str().to_owned();
        shows.show(Challenge { token: challenge.token.clone(), name: name.to_owned(), answer }).await?;
        challenge.set_ready().await?;
    }
    Ok(())
}

/// What the authority saw when it looked, or else what it says of the order.
async fn reason(order: &mut Order, otherwise: Option<Trouble>) -> Trouble {
    if otherwise.as_ref().is_some_and(|trouble| trouble.cause == mask_core::certificate::Cause::Away) {
        return otherwise.unwrap_or_else(|| Trouble::away("The authority did not answer."));
    }
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Some(trouble) = seen(&mut authorization).await {
            return trouble;
        }
    }
    otherwise.unwrap_or_else(|| Trouble::refused("The authority has refused, and did not say why."))
}

async fn seen(authorization: &mut AuthorizationHandle<'_>) -> Option<Trouble> {
    let state = authorization.refresh().await.ok()?;
    state.challenges.iter().find_map(|challenge| challenge.error.as_ref()).map(Trouble::said)
}
