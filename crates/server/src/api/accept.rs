//! What kind of answer a client would rather have (RFC 9110 §12.5.1).

use hyper::{HeaderMap, header};

const PROBLEM: [&str; 1] = ["application/problem+json"];
/// What takes our own kind, from the most to the least particular.
const JSON: [&str; 3] = ["application/json", "application/*", "*/*"];

/// Whether an error is to be told as a problem (RFC 9457): whoever names that kind wants it at least as much as ours.
pub(super) fn prefers_problem(headers: &HeaderMap) -> bool {
    let problem = wanted(headers, &PROBLEM).unwrap_or(0.0);
    problem > 0.0 && problem >= wanted(headers, &JSON).unwrap_or(0.0)
}

/// How much one of these kinds is wanted, by the first of them that is named.
fn wanted(headers: &HeaderMap, kinds: &[&str]) -> Option<f32> {
    kinds.iter().find_map(|kind| {
        let named = accepted(headers).filter(|(name, _)| name.eq_ignore_ascii_case(kind));
        named.map(|(_, quality)| quality).reduce(f32::max)
    })
}

/// The kinds that are named, and how much each is wanted.
fn accepted(headers: &HeaderMap) -> impl Iterator<Item = (&str, f32)> {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|kind| {
        let (name, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        (name.trim(), quality(parameters))
    })
}

/// The weight among the parameters of a kind. One that makes no sense says nothing.
fn quality(parameters: &str) -> f32 {
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("q") { value.trim().parse().ok() } else { None }
    });
    weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_that_is_wanted_more_is_chosen() {
        for (accept, is_problem) in [
            (vec!["application/problem+json"], true),
            (vec!["application/json, application/problem+json"], true),
            (vec!["application/problem+json, application/json"], true),
            (vec!["application/json, application/problem+json;q=0.1"], false),
            (vec!["application/json;q=0.1, Application/Problem+JSON;q=0.2"], true),
            (vec!["application/json;q=0.2", "application/problem+json; Q = 0.1"], false),
            (vec!["application/json;q=0", "application/problem+json;q=0.001"], true),
            (vec!["application/problem+json;q=0.5"], true),
            (vec!["application/problem+json;q=0.5, */*;q=0.4"], true),
            (vec!["application/problem+json;q=0.5, */*"], false),
            (vec!["application/problem+json;q=0.5, application/*;q=0.6, */*;q=0.1"], false),
            (vec!["application/problem+json;q=0.5, application/json;q=0.4, */*"], true),
            (vec!["application/problem+json;profile=x;q=0.5, application/json;charset=utf-8;q=0.6"], false),
            (vec!["application/problem+json;q=0"], false),
            (vec!["application/problem+json;q=0.000"], false),
            (vec!["application/problem+json;q=nonsense"], true),
            (vec!["application/problem+json;q=7"], true),
            (vec!["application/problem+json;q=NaN"], true),
            (vec!["application/json"], false),
            (vec!["*/*"], false),
            (vec!["application/*"], false),
            (vec!["text/html"], false),
            (vec!["", ",;,"], false),
            (vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in &accept {
                headers.append(header::ACCEPT, line.parse().expect("a header"));
            }
            assert_eq!(prefers_problem(&headers), is_problem, "{accept:?}");
        }
    }
}
