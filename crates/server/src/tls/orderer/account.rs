//! Our account with the authority: made once, kept sealed in the database, and told another address when the settings have one.

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Orderer, note, unkept};
use crate::tls::authority::Trouble;

/// The member beside the library's own in which the address is kept that the authority knows; it passes over it.
const CONTACT: &str = "mask_contact";

impl Orderer {
    /// The account, and what is kept of it; made when there is none.
    pub(super) async fn account(&self) -> Result<(Account, Vec<u8>), Trouble> {
        let mut known = self.account.lock().await;
        if let Some(account) = &*known {
            return Ok(account.clone());
        }
        let kept = self.store.acme_account(self.directory.clone()).await.map_err(|error| unkept(&error))?;
        let made = match kept {
            Some(sealed) => self.recall(sealed).await?,
            None => self.make_account().await?,
        };
        *known = Some(made.clone());
        Ok(made)
    }

    /// The account as the database has it, with the address of the settings.
    async fn recall(&self, sealed: Vec<u8>) -> Result<(Account, Vec<u8>), Trouble> {
        let unusable = || Trouble::away("The account with the authority, as the database has it, cannot be opened.");
        let plain = self.vault.open_about(&self.about(), &sealed).map_err(|_| unusable())?;
        let kept: Value = serde_json::from_slice(&plain).map_err(|_| unusable())?;
        let knows = kept.get(CONTACT).map(|contact| contact.as_str().map(str::to_owned));
        let credentials: AccountCredentials = serde_json::from_value(kept.clone()).map_err(|_| unusable())?;
        let account = Account::builder_with_http(Box::new(self.line.clone())).from_credentials(credentials).await?;
        if knows.as_ref() == Some(&self.contact) {
            return Ok((account, sealed));
        }
        let contact: Vec<&str> = self.contact.as_deref().into_iter().collect();
        if let Err(error) = account.update_contacts(&contact).await {
            // It is tried again at the next start; certificates do not wait for it.
            tracing::warn!(%error, "the authority was not told the address of acme.email");
            return Ok((account, sealed));
        }
        tracing::info!("the authority was told the address of acme.email");
        let new = self.sealed(kept);
        let _ = self.store.forget_acme_account(self.directory.clone(), sealed.clone()).await;
        let kept = self.store.keep_acme_account(self.directory.clone(), new, self.clock.now()).await;
        Ok((account, kept.unwrap_or(sealed)))
    }

    async fn make_account(&self) -> Result<(Account, Vec<u8>), Trouble> {
        let contact: Vec<&str> = self.contact.as_deref().into_iter().collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let binding = self.binding.as_ref().map(|(id, key)| ExternalAccountKey::new(id.clone(), key));
        let builder = Account::builder_with_http(Box::new(self.line.clone()));
        let (account, credentials) = builder.create(&new, self.directory.clone(), binding.as_ref()).await?;
        let sealed = self.sealed(serde_json::to_value(&credentials).expect("strings always have JSON"));
        let kept = self.store.keep_acme_account(self.directory.clone(), sealed.clone(), self.clock.now()).await;
        let kept = kept.map_err(|error| unkept(&error))?;
        // Another node was faster; the account that was made for nothing does no harm.
        if kept == sealed { Ok((account, sealed)) } else { Box::pin(self.recall(kept)).await }
    }

    fn about(&self) -> String {
        format!("account {}", self.directory)
    }

    /// What is kept of an account whose authority knows the address of the settings.
    fn sealed(&self, mut credentials: Value) -> Vec<u8> {
        credentials[CONTACT] = self.contact.clone().into();
        let plain = Zeroizing::new(credentials.to_string());
        self.vault.seal_about(&self.about(), plain.as_bytes())
    }

    /// The authority does not know our account any more: the next order makes a new one.
    pub(super) async fn forget_account(&self, sealed: Vec<u8>) {
        *self.account.lock().await = None;
        note(&mut false, self.store.forget_acme_account(self.directory.clone(), sealed).await);
    }
}
