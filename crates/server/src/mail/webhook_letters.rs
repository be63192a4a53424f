//! Letters to the owners of a workspace, about webhooks that were switched off.

use std::sync::Arc;

use mask_core::{
    mail::Address,
    webhook::{FAILING_AT_MOST, Inactive},
};
use mask_store::{NewLetter, SwitchedOff, WriteSwitchedOff};
use url::Url;

use super::{letter::one_line, letters::Letters, words::Words};

/// Most characters of a workspace's name within a sentence.
const LONGEST_NAME: usize = 100;

impl Letters {
    /// Writes to owners whose webhook is switched off; nobody does where no mail is sent.
    pub fn of_webhooks(self: &Arc<Self>) -> Option<WriteSwitchedOff> {
        let letters = Arc::clone(self);
        self.is_mailing().then(|| Arc::new(move |off: SwitchedOff<'_>, to: Address| letters.switched_off(off, to)) as _)
    }

    fn switched_off(&self, off: SwitchedOff<'_>, to: Address) -> NewLetter {
        self.seal(&words(off).letter(), to, off.webhook.updated_at)
    }
}

/// The path and the query of an address may be as good as a password, and a letter is read by many machines.
fn words(off: SwitchedOff<'_>) -> Words<'static> {
    let SwitchedOff { webhook, workspace } = off;
    let name = one_line(&workspace.name, LONGEST_NAME);
    let side = if webhook.owner.is_test { ", in its test environment," } else { "" };
    let host = Url::parse(&webhook.content.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let why = match webhook.inactive_reason {
        Some(Inactive::Gone) => "its endpoint answered 410 Gone, which asks for no more".to_owned(),
        Some(Inactive::Failing) | None => {
            format!("nothing at all could be delivered to it for {} days", FAILING_AT_MOST.as_secs() / 86_400)
        }
    };
    Words {
        subject: format!("A webhook of {name} is switched off").into(),
        first: format!(
            "the webhook {} of the workspace {name}{side} does not deliver to {} any more: {why}.",
            webhook.id,
            host.unwrap_or_default(),
        ),
        link: None,
        last: "What happens from now on is not told to it. Its log has every attempt and what was answered. Once the endpoint is \
               well, switch the webhook on again (set active to true): then what still waited for it goes out, and what failed \
               can be replayed.",
    }
}

#[cfg(test)]
mod tests {
    use mask_core::{
        event::EventKinds,
        id::{WebhookId, WorkspaceId},
        time::Time,
        webhook::{Content, Filter, PayloadVersion, Webhook},
        workspace::{Owner, Workspace},
    };

    use super::*;

    fn said(why: Inactive, is_test: bool) -> String {
        let now = Time::from_unix_millis(0);
        let webhook = Webhook {
            id: WebhookId::from_bits(1),
            owner: Owner { workspace: 1, is_test },
            content: Content {
                url: "https://hooks.example:8443/services/T0/secret?token=secret".to_owned(),
                events: EventKinds::default(),
                filter: Filter::default(),
                includes_bots: false,
                max_per_second: None,
                payload_version: PayloadVersion::NEWEST,
                is_active: false,
                description: None,
                sealed: Vec::new(),
            },
            inactive_reason: Some(why),
            failing_since: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let workspace = Workspace {
            id: WorkspaceId::from_bits(1),
            number: 1,
            name: "A <b> & co".to_owned(),
            slug: "a".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        let words = words(SwitchedOff { webhook: &webhook, workspace: &workspace });
        let (text, html) = words.written();
        assert!(!html.contains("<b>") && !text.contains("secret") && !html.contains("secret"), "{html}");
        assert_eq!(words.subject, "A webhook of A <b> & co is switched off");
        text
    }

    #[test]
    fn it_says_which_webhook_and_why() {
        let gone = said(Inactive::Gone, false);
        assert!(gone.contains("of the workspace A <b> & co does not deliver to hooks.example any more"), "{gone}");
        assert!(gone.contains("wh_00000000000000000000000001") && gone.contains("410 Gone"), "{gone}");
        let failing = said(Inactive::Failing, true);
        assert!(failing.contains("for 5 days") && failing.contains("test environment"), "{failing}");
    }
}
