//! Signing in by way of a provider of identities, from the button to the session and back out, at a provider on loopback
//! that can be told to lie.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mask_core::{mail::Address, person::User, role::Role};
use mask_store::NewUser;
use reqwest::Url;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Answer, App};

/// What the provider does otherwise than it should.
type Lie = fn(&mut Map<String, Value>);

/// A provider of identities.
struct Idp {
    issuer: String,
    state: Arc<Mutex<Says>>,
    _serving: tokio::task::JoinSet<()>,
}

/// What it says.
struct Says {
    issuer: String,
    key: EcdsaKeyPair,
    claims: Map<String, Value>,
    /// The form that the code was exchanged with, last.
    exchanged: Vec<(String, String)>,
    authorization: String,
    is_closed: bool,
    /// What it says to whoever asks with the other token, if it says anything beside the first; and to whom it said it last.
    beside: Option<(u16, Value)>,
    asked_with: String,
}

fn new_key() -> EcdsaKeyPair {
    let chance = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &chance).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &chance).expect("a key")
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

type Shared = State<Arc<Mutex<Says>>>;

fn document(says: &Says) -> Value {
    let issuer = &says.issuer;
    json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "userinfo_endpoint": says.beside.as_ref().map(|_| format!("{issuer}/me")),
    })
}

fn keys(says: &Says) -> Value {
    let point = says.key.public_key().as_ref();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": part(&point[1..9]),
        "x": part(&point[1..33]), "y": part(&point[33..])}]})
}

fn token(says: &Says) -> String {
    let kid = URL_SAFE_NO_PAD.encode(&says.key.public_key().as_ref()[1..9]);
    let head = encoded(&json!({"alg": "ES256", "kid": kid, "typ": "JWT"}));
    let signed = format!("{head}.{}", encoded(&Value::Object(says.claims.clone())));
    let signature = says.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

impl Idp {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Says {
            issuer: issuer.clone(),
            key: new_key(),
            claims: Map::new(),
            exchanged: Vec::new(),
            authorization: String::new(),
            is_closed: false,
            beside: None,
            asked_with: String::new(),
        };
        let state = Arc::new(Mutex::new(says));
        let exchange = async |State(state): Shared, headers: HeaderMap, body: String| {
            let mut says = state.lock().expect("nobody panicked");
            says.exchanged = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
            authorization.unwrap_or_default().clone_into(&mut says.authorization);
            if says.is_closed {
                return (axum::http::StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
            }
            let tokens = json!({"id_token": token(&says), "access_token": "4cc3ss", "token_type": "Bearer"});
            (axum::http::StatusCode::OK, Json(tokens))
        };
        let describe = async |State(state): Shared, headers: HeaderMap| {
            let mut says = state.lock().expect("nobody panicked");
            let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
            authorization.unwrap_or_default().clone_into(&mut says.asked_with);
            let (status, claims) = says.beside.clone().unwrap_or_default();
            (axum::http::StatusCode::from_u16(status).expect("a status"), Json(claims))
        };
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async |State(state): Shared| Json(document(&state.lock().expect("nobody panicked")))),
            )
            .route("/keys", get(async |State(state): Shared| Json(keys(&state.lock().expect("nobody panicked")))))
            .route("/token", axum::routing::post(exchange))
            .route("/me", get(describe))
            .with_state(Arc::clone(&state));
        let serving = async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = hyper_util::service::TowerToHyperService::new(router.clone());
                let http = hyper::server::conn::http1::Builder::new();
                lines.spawn(async move { http.serve_connection(hyper_util::rt::TokioIo::new(stream), service).await });
            }
        };
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(serving);
        Self { issuer, state, _serving: tasks }
    }

    /// What it will say of whoever asks with this nonce, but for what the lie changes.
    fn says(&self, app: &App, nonce: &str, lie: Lie) {
        let now = app.clock.now().unix_seconds();
        let claims = json!({
            "iss": self.issuer, "aud": "mask", "sub": "u-1", "nonce": nonce, "iat": now, "exp": now + 300,
            "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace", "groups": ["designers"],
        });
        let mut claims = claims.as_object().expect("an object").clone();
        lie(&mut claims);
        self.state.lock().expect("nobody panicked").claims = claims;
    }
}

async fn app(idp: &Idp) -> App {
    let app = App::with(&[
        ("oidc.issuer", &idp.issuer),
        ("oidc.client_id", "mask"),
        ("oidc.client_secret", "s3cr3t/ä"),
        ("oidc.roles", "designers=default:member,bosses=default:admin"),
        ("oidc.button", "Sign in with Team ID"),
    ])
    .await;
    set_up(&app).await;
    app
}

/// The first account, without which nobody is let in from elsewhere.
async fn set_up(app: &App) -> User {
    let now = app.clock.now();
    let new = NewUser {
        id: mask_core::id::UserId::from_bits(mask_core::id::at(now, fastrand::u128(..))),
        email: Address::parse("owner@example.com").expect("an address"),
        name: "Owner".to_owned(),
        password_hash: None,
        is_admin: true,
        now,
    };
    app.server().store.create_user(new).await.expect("a store").expect("the first")
}

/// Where a browser is sent, and what it keeps.
struct Left {
    url: Url,
    ticket: String,
}

impl Left {
    fn said(&self, name: &str) -> String {
        let found = self.url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

async fn leave(app: &App) -> Left {
    let answer = Answer::of(app.client.get(format!("{}/auth/oidc/start?then=/account", app.base))).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let ticket = cookie.split(';').next().unwrap_or_default().to_owned();
    Left { url: answer.header("location").parse().expect("an address"), ticket }
}

async fn come_back(app: &App, ticket: &str, query: &str) -> Answer {
    let url = format!("{}/auth/oidc/callback?{query}", app.base);
    Answer::of(app.client.get(url).header("cookie", ticket)).await
}

/// Goes there and comes back; the provider lies as it is told.
async fn sign_in(app: &App, idp: &Idp, lie: Lie) -> Answer {
    let left = leave(app).await;
    idp.says(app, &left.said("nonce"), lie);
    come_back(app, &left.ticket, &format!("code=c0de&state={}", left.said("state"))).await
}

async fn role(app: &App) -> Option<Role> {
    let store = &app.server().store;
    let address = Address::parse("ada@example.com").expect("an address");
    let account = store.account_by_email(address).await.expect("a store")?;
    let member = store.membership(account.user.id, "default".to_owned(), false).await.expect("a store");
    member.map(|member| member.role)
}

fn session(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().filter_map(|one| one.to_str().ok()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("mask_session=")).expect("a session");
    assert!(cookies.iter().any(|cookie| cookie.starts_with("mask_oidc=;")), "the ticket is used up: {cookies:?}");
    session.split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn somebody_comes_from_the_button_to_their_account() {
    let idp = Idp::start().await;
    let app = app(&idp).await;
    let page = Answer::of(app.client.get(format!("{}/sign-in", app.base))).await;
    assert!(page.text.contains("Sign in with Team ID") && page.text.contains("/auth/oidc/start"), "{}", page.text);

    let left = leave(&app).await;
    assert!(left.url.as_str().starts_with(&format!("{}/authorize?tenant=1&response_type=code&", idp.issuer)));
    assert_eq!(
        (left.said("client_id"), left.said("redirect_uri"), left.said("scope"), left.said("code_challenge_method")),
        (
            "mask".to_owned(),
            "http://localhost:8080/auth/oidc/callback".to_owned(),
            "openid email profile".to_owned(),
            "S256".to_owned()
        )
    );
    idp.says(&app, &left.said("nonce"), |_| {});
    let back = come_back(&app, &left.ticket, &format!("code=c0de&state={}", left.said("state"))).await;
    let session = session(&back);
    assert_eq!(back.header("location"), "/account");
    {
        let says = idp.state.lock().expect("nobody panicked");
        let form = |name: &str| says.exchanged.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let verifier = form("code_verifier").expect("a verifier");
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)), left.said("code_challenge"));
        assert_eq!(
            (form("code").as_deref(), form("grant_type").as_deref()),
            (Some("c0de"), Some("authorization_code"))
        );
        let basic = base64::engine::general_purpose::STANDARD.encode("mask:s3cr3t%2F%C3%A4");
        assert_eq!(says.authorization, format!("Basic {basic}"));
    }
    let account = app.client.get(format!("{}/api/v1/account", app.base)).header("cookie", &session);
    let account = Answer::of(account).await.is(200);
    assert_eq!((&account["email"], &account["name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
    assert_eq!(role(&app).await, Some(Role::Member));
}

#[tokio::test]
async fn groups_make_and_take_places_at_each_sign_in() {
    let idp = Idp::start().await;
    let app = app(&idp).await;
    let turns: [(Lie, Option<Role>); 4] = [
        (|_| {}, Some(Role::Member)),
        (|claims| drop(claims.insert("groups".into(), json!(["bosses", "designers"]))), Some(Role::Admin)),
        (|claims| drop(claims.remove("groups")), None),
        (|claims| drop(claims.insert("email".into(), json!("other@example.com"))), None),
    ];
    for (lie, expected) in &turns[..3] {
        session(&sign_in(&app, &idp, *lie).await);
        assert_eq!(role(&app).await, *expected);
    }
    // By then their name there is what they are known by.
    session(&sign_in(&app, &idp, turns[3].0).await);
    assert_eq!(app.server().store.list_users().await.expect("a store").len(), 2);
}

#[tokio::test]
async fn what_a_token_leaves_out_is_asked_for_and_believed_of_the_same_person_alone() {
    let idp = Idp::start().await;
    let bare: Lie =
        |claims| claims.retain(|name, _| !["email", "email_verified", "name", "groups"].contains(&name.as_str()));
    let ada =
        json!({"sub": "u-1", "email": "ada@example.com", "email_verified": true, "name": "Ada", "groups": ["bosses"]});
    let with = |name: &str, value: Value| {
        let mut said = ada.clone();
        said[name] = value;
        said
    };
    idp.state.lock().expect("nobody panicked").beside = Some((200, ada.clone()));
    let app = app(&idp).await;
    for (status, said, expected) in [
        (200, with("sub", json!("u-2")), 403),
        (200, with("sub", Value::Null), 403),
        (200, with("email_verified", json!(false)), 403),
        (200, json!("nothing"), 503),
        (401, json!({"error": "invalid_token"}), 403),
        (500, json!({}), 503),
    ] {
        idp.state.lock().expect("nobody panicked").beside = Some((status, said.clone()));
        assert_eq!(sign_in(&app, &idp, bare).await.status, expected, "{status} {said}");
        assert_eq!(role(&app).await, None);
    }
    idp.state.lock().expect("nobody panicked").beside = Some((200, ada.clone()));
    session(&sign_in(&app, &idp, bare).await);
    assert_eq!(role(&app).await, Some(Role::Admin));
    assert_eq!(idp.state.lock().expect("nobody panicked").asked_with, "Bearer 4cc3ss");
    // What is signed is not written over, and where nothing is left out nobody is asked.
    idp.state.lock().expect("nobody panicked").beside = Some((200, with("groups", json!([]))));
    session(&sign_in(&app, &idp, |_| {}).await);
    assert_eq!(role(&app).await, Some(Role::Member));
    idp.state.lock().expect("nobody panicked").beside = Some((401, json!({})));
    session(&sign_in(&app, &idp, |claims| drop(claims.remove("groups"))).await);
    assert_eq!(role(&app).await, None, "nobody says that they are in a group");
}

#[tokio::test]
async fn what_a_provider_must_not_say_lets_nobody_in() {
    let idp = Idp::start().await;
    let app = app(&idp).await;
    let lies: [(&str, Lie); 6] = [
        ("nonce", |claims| drop(claims.insert("nonce".into(), json!("another")))),
        ("audience", |claims| drop(claims.insert("aud".into(), json!("somebody")))),
        ("issuer", |claims| drop(claims.insert("iss".into(), json!("https://evil.example")))),
        ("expired", |claims| drop(claims.insert("exp".into(), json!(1_000_000_000)))),
        ("unverified", |claims| drop(claims.insert("email_verified".into(), json!(false)))),
        ("nobody", |claims| drop(claims.remove("sub"))),
    ];
    for (name, lie) in lies {
        let back = sign_in(&app, &idp, lie).await;
        assert_eq!((back.status, back.headers.get("set-cookie")), (403, None), "{name}");
        assert!(back.text.contains("/sign-in"), "{name}: {}", back.text);
    }
    // A key that was changed is read again, after a while; one that is not the provider's is nobody's.
    app.wait(61);
    idp.state.lock().expect("nobody panicked").key = new_key();
    session(&sign_in(&app, &idp, |_| {}).await);
    idp.state.lock().expect("nobody panicked").is_closed = true;
    assert_eq!(sign_in(&app, &idp, |_| {}).await.status, 403);
}

#[tokio::test]
async fn an_answer_counts_in_the_browser_that_asked_and_once_in_its_time() {
    let idp = Idp::start().await;
    let app = app(&idp).await;
    let (mine, other) = (leave(&app).await, leave(&app).await);
    idp.says(&app, &mine.said("nonce"), |_| {});
    let query = format!("code=c0de&state={}", mine.said("state"));
    for ticket in ["", "mask_oidc=rubbish", &other.ticket] {
        assert_eq!(come_back(&app, ticket, &query).await.status, 403, "{ticket}");
    }
    assert_eq!(come_back(&app, &mine.ticket, "code=c0de").await.status, 403);
    let refused = come_back(&app, &mine.ticket, "error=access_denied&error_description=%3Cscript%3E").await;
    assert!(refused.status == 403 && !refused.text.contains("script"), "{}", refused.text);
    app.wait(600);
    assert_eq!(come_back(&app, &mine.ticket, &query).await.status, 403, "it came too late");
}

#[tokio::test]
async fn who_is_kept_out_is_told_why() {
    let idp = Idp::start().await;
    let closed = App::with(&[
        ("oidc.issuer", &idp.issuer),
        ("oidc.client_id", "mask"),
        ("oidc.creates_accounts", "no"),
        ("oidc.mail_domains", "example.com"),
    ])
    .await;
    set_up(&closed).await;
    let back = sign_in(&closed, &idp, |_| {}).await;
    assert!(back.status == 403 && back.text.contains("invitation"), "{}", back.text);
    let back = sign_in(&closed, &idp, |claims| drop(claims.insert("email".into(), json!("eve@evil.example")))).await;
    assert!(back.status == 403 && back.text.contains("domain"), "{}", back.text);
    // The owner has an account, and comes in with it.
    session(&sign_in(&closed, &idp, |claims| drop(claims.insert("email".into(), json!("owner@example.com")))).await);

    let nobody = App::start().await;
    let page = Answer::of(nobody.client.get(format!("{}/sign-in", nobody.base))).await;
    assert!(!page.text.contains("/auth/oidc"), "{}", page.text);
    let none = Answer::of(nobody.client.get(format!("{}/auth/oidc/start", nobody.base))).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_provider_that_is_away_says_so_and_comes_back() {
    let idp = Idp::start().await;
    let app = app(&idp).await;
    let issuer =
        std::mem::replace(&mut idp.state.lock().expect("nobody panicked").issuer, "http://evil.example".into());
    let start = async || Answer::of(app.client.get(format!("{}/auth/oidc/start", app.base))).await.status;
    assert_eq!(start().await, 403, "it speaks for another");
    idp.state.lock().expect("nobody panicked").issuer = issuer;
    assert_eq!(start().await, 303);
}
