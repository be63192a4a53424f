//! People in tests: with an account, signed in, and with a role in workspaces.

use std::time::Duration;

use mask::clock;
use mask_core::{
    id::{self, MemberId, SessionId, UserId, WorkspaceId},
    mail::Address,
    person::{Session, Word},
    role::Role,
};
use mask_store::{NewMember, NewSession, NewUser, NewWorkspace, Shown};
use reqwest::{Method, RequestBuilder};

use crate::harness::App;

/// Where our own pages come from, as the settings of tests have it.
pub(crate) const ORIGIN: &str = "http://localhost:8080";

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) email: String,
    /// What their browser sends.
    pub(crate) cookie: String,
}

fn bits(app: &App) -> u128 {
    id::at(app.clock.now(), fastrand::u128(..))
}

impl Person {
    /// Somebody with this address and an account, signed in.
    pub(crate) async fn with(app: &App, email: &str) -> Self {
        Self::make(app, email, false).await
    }

    /// Somebody who runs the installation.
    pub(crate) async fn who_runs(app: &App, email: &str) -> Self {
        Self::make(app, email, true).await
    }

    async fn make(app: &App, email: &str, is_admin: bool) -> Self {
        let (store, now) = (&app.server().store, app.clock.now());
        let new = NewUser {
            id: UserId::from_bits(bits(app)),
            email: Address::parse(email).expect("an address"),
            name: format!("The owner of {email}"),
            password_hash: None,
            is_admin,
            now,
        };
        let user = store.create_user(new).await.expect("a store").expect("nobody has the address");
        let word = Word::new(clock::secret());
        let session = Session {
            id: SessionId::from_bits(bits(app)),
            user: user.id,
            device: "Firefox on Linux".to_owned(),
            country: None,
            created_at: now,
            seen_at: now,
            expires_at: now.after(Duration::from_hours(30 * 24)),
        };
        let new = NewSession { session, hash: word.hash(), request: None };
        assert!(store.begin_session(new, Shown::Elsewhere, Vec::new()).await.expect("a store"));
        Self { id: user.id, email: email.to_owned(), cookie: format!("mask_session={}", word.reveal()) }
    }

    /// Somebody new who is this in the workspace with this slug; also the id of their place.
    pub(crate) async fn who_is(app: &App, role: Role, slug: &str) -> (Self, String) {
        let person = Self::with(app, &format!("p{:x}@example.com", fastrand::u64(..))).await;
        let place = person.join(app, slug, role).await;
        (person, place)
    }

    /// Gives them a place in a workspace; answers its id.
    pub(crate) async fn join(&self, app: &App, slug: &str, role: Role) -> String {
        let store = &app.server().store;
        let workspace = store.workspace_by_slug(slug.to_owned()).await.expect("a store").expect("it is there").number;
        let id = MemberId::from_bits(bits(app));
        let new = NewMember { id, workspace, user: self.id, role, now: app.clock.now() };
        assert!(store.add_member(new).await.expect("a store"));
        id.to_string()
    }

    /// What their browser asks for from our pages, in the workspace with this slug.
    pub(crate) fn api(&self, app: &App, slug: &str, method: Method, path: &str) -> RequestBuilder {
        self.send(app, method, &format!("/api/v1{path}")).header("x-mask-workspace", slug)
    }

    /// What their browser asks for from our pages.
    pub(crate) fn send(&self, app: &App, method: Method, path: &str) -> RequestBuilder {
        let request = app.client.request(method, format!("{}{path}", app.base));
        request.header("cookie", &self.cookie).header("origin", ORIGIN)
    }
}

/// Makes a workspace; answers its slug.
pub(crate) async fn workspace(app: &App, name: &str) -> String {
    let slug = format!("w{:x}", fastrand::u64(..));
    let id = WorkspaceId::from_bits(bits(app));
    let new = NewWorkspace { id, name: name.to_owned(), slug: slug.clone(), now: app.clock.now() };
    app.server().store.create_workspace(new).await.expect("a store").expect("the slug is free");
    slug
}
