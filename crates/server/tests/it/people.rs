//! People for tests: somebody with an account, and a browser in which they do what people do.

use mask_core::{
    id::{MemberId, UserId},
    mail::Address,
    person::User,
    role::Role,
};
use mask_store::{NewMember, NewUser};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, App};

/// Where our own pages are, by the settings.
pub(crate) const ORIGIN: &str = "http://localhost:8080";
/// Ada's address, and everybody's password.
pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Ada, who runs the installation and owns the default workspace.
pub(crate) async fn ada(app: &App) -> User {
    person(app, ADA, "Ada Lovelace", Role::Owner).await
}

/// Somebody with an account and a place in the default workspace.
pub(crate) async fn person(app: &App, email: &str, name: &str, role: Role) -> User {
    let server = app.server();
    let now = app.clock.now();
    let bits = || mask_core::id::at(now, fastrand::u128(..));
    let new = NewUser {
        id: UserId::from_bits(bits()),
        email: Address::parse(email).expect("an address"),
        name: name.to_owned(),
        password_hash: Some(server.passwords.hash(PASSWORD.to_owned()).await.expect("hashed")),
        is_admin: email == ADA,
        now,
    };
    let user = server.store.create_user(new).await.expect("a store").expect("the address is free");
    let member = NewMember { id: MemberId::from_bits(bits()), workspace: 1, user: user.id, role, now };
    assert!(server.store.add_member(member).await.expect("a store"));
    user
}

/// A request to sign in, as our own page sends it.
pub(crate) fn sign_in(app: &App, email: &str, password: &str) -> RequestBuilder {
    from_us(app, Method::POST, "/auth/sign-in").json(&json!({"email": email, "password": password}))
}

/// A request to the API from a page of ours, without a session.
pub(crate) fn from_us(app: &App, method: Method, path: &str) -> RequestBuilder {
    app.client.request(method, format!("{}/api/v1{path}", app.base)).header("origin", ORIGIN)
}

/// A browser: it keeps its session's cookie, and sends what browsers send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    /// `name=value; …`
    pub(crate) cookies: String,
}

impl Browser {
    /// One in which somebody has just signed in.
    pub(crate) async fn of(app: &App, email: &str) -> Self {
        let mut browser = Self::default();
        let answer = Answer::of(sign_in(app, email, PASSWORD)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        browser.keep(&answer);
        browser
    }

    /// Keeps the cookies of an answer.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("a cookie");
            let (pair, _) = line.split_once(';').expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie is a pair");
            let mut kept: Vec<_> =
                self.cookies.split("; ").filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
            kept.retain(|pair| !pair.starts_with(&format!("{name}=")));
            if !value.is_empty() {
                kept.push(pair.to_owned());
            }
            self.cookies = kept.join("; ");
        }
    }

    /// The session's cookie.
    pub(crate) fn session(&self) -> &str {
        self.cookies.split("; ").find(|pair| pair.starts_with("mask_session=")).unwrap_or_default()
    }

    /// A request to the API.
    pub(crate) fn api(&self, app: &App, method: Method, path: &str) -> RequestBuilder {
        from_us(app, method, path).header("cookie", &self.cookies)
    }

    pub(crate) async fn get(&self, app: &App, path: &str) -> Answer {
        Answer::of(self.api(app, Method::GET, path)).await
    }

    pub(crate) async fn post(&self, app: &App, path: &str, body: Value) -> Answer {
        Answer::of(self.api(app, Method::POST, path).json(&body)).await
    }

    /// Opens a page.
    pub(crate) async fn open(&mut self, app: &App, path: &str) -> Answer {
        let answer = Answer::of(app.visit(path).header("cookie", &self.cookies)).await;
        self.keep(&answer);
        answer
    }

    /// Sends a form.
    pub(crate) async fn send(&mut self, app: &App, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = app
            .client
            .post(format!("{}{path}", app.base))
            .header("origin", ORIGIN)
            .header("cookie", &self.cookies)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = Answer::of(request).await;
        self.keep(&answer);
        answer
    }
}

/// A path of ours that an address leads to: whatever comes after the host.
pub(crate) fn path_of(link: &str) -> String {
    link.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{link} is not ours")).trim().to_owned()
}

/// The word in an address of ours.
pub(crate) fn word_of(link: &str) -> String {
    link.split_once("word=").expect("a word").1.chars().take(64).collect()
}
