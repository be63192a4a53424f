//! The OpenAPI document, as the tests read it. Every answer that any test gets is held to it: [`check`].

use std::sync::LazyLock;

use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The document.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&mask::api::document()).expect("the document is JSON"));

/// What the document says of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    /// Below the API's root, with its parameters in braces.
    pub(crate) path: String,
    /// As it stands in the document.
    pub(crate) described: Value,
}

impl Operation {
    /// The scope that a caller needs.
    pub(crate) fn scope(&self) -> &str {
        self.described["security"][0]["key"][0].as_str().expect("an operation of keys needs one scope")
    }

    /// All scopes of which one will do.
    pub(crate) fn scopes(&self) -> Vec<&str> {
        let ways = self.described["security"].as_array().into_iter().flatten();
        ways.filter_map(|way| way.get("key")?[0].as_str()).collect()
    }

    /// Whether a key can ask for it; otherwise people do, who are signed in or come in.
    pub(crate) fn takes_keys(&self) -> bool {
        self.described["security"][0].get("key").is_some()
    }

    /// Whether it takes somebody who is signed in.
    pub(crate) fn takes_people(&self) -> bool {
        self.described["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way.get("session").is_some()))
    }

    /// Whether its body is a picture.
    pub(crate) fn takes_pictures(&self) -> bool {
        self.described.pointer("/requestBody/content/multipart~1form-data").is_some()
    }

    /// The example of its body, if it has one.
    pub(crate) fn example(&self) -> Option<Value> {
        self.described.pointer("/requestBody/content/application~1json/example").cloned()
    }

    /// The parameter of this name, if it takes one.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Value> {
        let parameters = self.described["parameters"].as_array()?;
        parameters.iter().find(|parameter| parameter["name"] == name)
    }

    /// Whether it may be answered so.
    pub(crate) fn documents(&self, status: u16) -> bool {
        self.described["responses"].get(status.to_string()).is_some()
    }
}

/// All operations.
pub(crate) static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, operations)| {
        operations.as_object().expect("operations").iter().map(move |(method, described)| Operation {
            id: described["operationId"].as_str().expect("an operationId").to_owned(),
            method: method.to_uppercase().parse().expect("a method"),
            path: path.strip_prefix(mask::api::ROOT).expect("a path of the API").to_owned(),
            described: described.clone(),
        })
    });
    all.collect()
});

/// The operations that a key can ask for.
pub(crate) static OF_KEYS: LazyLock<Vec<Operation>> =
    LazyLock::new(|| OPERATIONS.iter().filter(|operation| operation.takes_keys()).cloned().collect());

/// A schema by its name.
pub(crate) fn schema(name: &str) -> &'static Value {
    DOCUMENT["components"]["schemas"].get(name).unwrap_or_else(|| panic!("there is no schema {name}"))
}

/// Fails when an operation was answered with a status that its description does not have.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, status: StatusCode) {
    let Some(path) = path.strip_prefix(mask::api::ROOT) else { return };
    let Some(operation) = find(method, path) else { return };
    assert!(operation.documents(status.as_u16()), "{} may answer {status}, says no document", operation.id);
}

/// The operation that answers a path: what is written out in the document comes before a parameter.
fn find(method: &Method, path: &str) -> Option<&'static Operation> {
    let meets = |operation: &&Operation| {
        let (wanted, given) = (operation.path.split('/'), path.split('/'));
        operation.path.split('/').count() == path.split('/').count()
            && wanted.zip(given).all(|(wanted, given)| wanted == given || wanted.starts_with('{'))
    };
    let path = &OPERATIONS.iter().filter(meets).min_by_key(|operation| operation.path.matches('{').count())?.path;
    OPERATIONS.iter().find(|operation| operation.path == *path && operation.method == *method)
}
