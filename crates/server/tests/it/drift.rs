//! What comes in is read by hand, and described by hand beside it. This walks through the description and holds the
//! reader to it: a wrong type, too much of anything, an unknown member, a null where none is allowed: each is refused
//! under its own path; and a null where one is allowed is taken.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    document::schema,
    harness::{Answer, App},
};

/// The smallest value that each schema takes, beside those for which `{}` will do.
fn smallest(name: &str) -> Value {
    match name {
        "NewLink" => json!({"url": "https://example.com"}),
        "Rule" => json!({"when": {"device": ["tv"]}, "url": "https://example.com"}),
        // A condition has to name something.
        "Condition" => json!({"device": ["tv"]}),
        "Variant" => json!({"url": "https://example.com", "weight": 1}),
        "NewWebhook" => json!({"url": "https://example.com/hook", "events": ["link.created"]}),
        _ => json!({}),
    }
}

/// A value that is to be refused, or taken, at a path.
#[derive(Debug)]
struct Probe {
    body: Value,
    path: String,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Refused,
    Missing,
    Taken,
}

/// Puts a value where it belongs in a whole body.
type Wrap<'a> = &'a dyn Fn(Value) -> Value;

#[derive(Default)]
struct Walk {
    probes: Vec<Probe>,
}

impl Walk {
    fn add(&mut self, wrap: Wrap<'_>, value: Value, path: &str, expected: Expected) {
        self.probes.push(Probe { body: wrap(value), path: path.to_owned(), expected });
    }

    fn object(&mut self, name: &str, path: &str, wrap: Wrap<'_>) {
        let schema = schema(name);
        let within = |member: &str| if path.is_empty() { member.to_owned() } else { format!("{path}.{member}") };
        let with = |member: &str, value: Value| {
            let mut whole = smallest(name);
            whole[member] = value;
            wrap(whole)
        };
        self.probes.push(Probe {
            body: with("nonsense", json!(1)),
            path: within("nonsense"),
            expected: Expected::Refused,
        });
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut whole = smallest(name);
            whole.as_object_mut().expect("an object").shift_remove(required);
            self.add(wrap, whole, &within(required), Expected::Missing);
        }
        for (member, described) in schema["properties"].as_object().expect("properties") {
            let is_required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(member)));
            self.value(described, &within(member), is_required, &|value| with(member, value));
        }
    }

    fn value(&mut self, described: &Value, path: &str, is_required: bool, wrap: Wrap<'_>) {
        let described = words(described).unwrap_or(described);
        let choices = described["oneOf"].as_array().cloned().unwrap_or_else(|| vec![described.clone()]);
        let types: Vec<String> = choices.iter().flat_map(types).collect();
        let null = if types.iter().any(|kind| kind == "null") {
            Expected::Taken
        } else if is_required {
            Expected::Missing
        } else {
            Expected::Refused
        };
        self.add(wrap, Value::Null, path, null);
        let samples = [
            ("string", json!("x")),
            ("integer", json!(1)),
            ("number", json!(1.5)),
            ("boolean", json!(true)),
            ("array", json!([])),
            ("object", json!({})),
        ];
        for (kind, sample) in samples {
            if !types.iter().any(|known| known == kind) {
                self.add(wrap, sample, path, Expected::Refused);
            }
        }
        for choice in &choices {
            self.bounds(choice, path, wrap);
            if let Some(name) = choice["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
                self.object(name, path, wrap);
            }
        }
    }

    fn bounds(&mut self, described: &Value, path: &str, wrap: Wrap<'_>) {
        let bound = |name: &str| described[name].as_u64().and_then(|bound| usize::try_from(bound).ok());
        if described.get("enum").is_some() {
            self.add(wrap, json!("no such word"), path, Expected::Refused);
        }
        if let Some(most) = bound("maxLength") {
            self.add(wrap, json!(format!("https://{}", "x".repeat(most))), path, Expected::Refused);
        }
        if let Some(fewest) = bound("minLength") {
            self.add(wrap, json!("x".repeat(fewest - 1)), path, Expected::Refused);
        }
        if let Some(most) = bound("maxItems") {
            self.add(wrap, json!(vec![Value::Null; most + 1]), path, Expected::Refused);
        }
        for (name, step) in [("minimum", -1), ("maximum", 1)] {
            if let Some(bound) = described[name].as_i64() {
                self.add(wrap, json!(bound + step), path, Expected::Refused);
            }
        }
        if let Some(items) = described.get("items") {
            self.value(items, &format!("{path}[0]"), false, &|value| wrap(json!([value])));
        }
    }
}

/// The schema that stands behind a reference, if it is a list of words.
fn words(described: &Value) -> Option<&'static Value> {
    let name = described["$ref"].as_str()?.rsplit('/').next()?;
    Some(schema(name)).filter(|schema| schema.get("enum").is_some())
}

fn types(described: &Value) -> Vec<String> {
    match &described["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec!["object".to_owned()],
    }
}

/// Sends every probe: to the list that makes such things, or to a thing that was made.
async fn probe(name: &str, list: &str, smallest: Option<Value>) {
    let app = App::with(&[("limits.requests_per_minute", "0")]).await;
    let mut walk = Walk::default();
    walk.object(name, "", &|value| value);
    assert!(walk.probes.len() > 80, "{}", walk.probes.len());
    let (method, path) = match smallest {
        None => (Method::POST, list.to_owned()),
        Some(body) => {
            let made = app.post(list, body).await.is(201);
            (Method::PATCH, format!("{list}/{}", made["id"].as_str().expect("an id")))
        }
    };
    let mut faults = Vec::new();
    for probe in walk.probes {
        let answer = Answer::of(app.api(method.clone(), &path).json(&probe.body)).await;
        let is_right = match probe.expected {
            Expected::Taken => answer.status < 300,
            Expected::Refused => answer.status == 422 && answer.fields() == [probe.path.as_str()],
            Expected::Missing => answer.status == 400 && answer.fields() == [probe.path.as_str()],
        };
        if !is_right {
            let body = probe.body.to_string().chars().take(200).collect::<String>();
            faults.push(format!(
                "{} must be {:?}: {body} → {} {}",
                probe.path, probe.expected, answer.status, answer.text
            ));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn a_new_link_is_read_as_it_is_described() {
    probe("NewLink", "/links", None).await;
}

#[tokio::test]
async fn a_change_is_read_as_it_is_described() {
    probe("LinkChange", "/links", Some(smallest("NewLink"))).await;
}

#[tokio::test]
async fn a_new_webhook_is_read_as_it_is_described() {
    probe("NewWebhook", "/webhooks", None).await;
}

#[tokio::test]
async fn a_change_of_a_webhook_is_read_as_it_is_described() {
    probe("WebhookChange", "/webhooks", Some(smallest("NewWebhook"))).await;
}
