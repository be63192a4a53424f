//! Codes and their tokens. What was scanned is recorded by the token that the code's address brings along; whoever asks
//! knows codes by their ids. Between the two stands the table of codes, so of a code that is deleted nobody can tell any
//! more which scans were its own: they stay scans, of a code that is not known. That its token was one of the link's is
//! remembered for as long as the link is there, as what is printed goes on being scanned.

use std::collections::{BTreeSet, HashMap};

use mask_core::{
    id::QrId,
    question::{Answer, Condition, Count, Dimension, Group, Question, Rows},
    token::Token,
    visit::Target,
    workspace::Owner,
};

use super::tally::ranked;
use crate::{
    Error, Store,
    db::{Tx, Value, values},
    qr_codes,
};

/// Codes that are looked up by one query.
const AT_ONCE: usize = 200;

/// The tokens of the codes that a question's conditions name, by their ids as they stand there.
pub(super) async fn named(store: &Store, owner: Owner, question: &Question) -> Result<HashMap<String, Token>, Error> {
    let is_code = |condition: &&Condition| condition.dimension == Dimension::Code;
    let ids: Vec<_> = question.conditions.iter().filter(is_code).map(|condition| condition.value.clone()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let look_up = move |tx: &mut Tx<'_>| {
        let mut found = HashMap::new();
        for id in ids {
            let sql = "SELECT token FROM qr_codes WHERE owner = $1 AND id = $2";
            if let Some(row) = tx.first(sql, &values![owner, &id])? {
                found.insert(id, row.columns("qr_codes").required("token", Value::into_small).map(Token::of)?);
            }
        }
        Ok(found)
    };
    store.main.read(look_up).await
}

/// The answer with codes by their ids, where it tells of codes.
pub(super) async fn by_id(store: &Store, owner: Owner, question: &Question, answer: Answer) -> Result<Answer, Error> {
    let (Group::Values(Dimension::Code, most), Rows::Values(values)) = (&question.group, &answer.rows) else {
        return Ok(answer);
    };
    let tokens: Vec<_> = values.iter().filter_map(|(token, _)| Token::parse(token).ok()).collect();
    let ids = store.main.read(move |tx| ids(tx, owner, tokens)).await?;
    let mut counts: HashMap<String, Count> = HashMap::new();
    for (token, count) in values {
        let id = Token::parse(token).ok().and_then(|token| ids.get(&token));
        *counts.entry(id.map_or_else(|| Dimension::Code.absent().to_owned(), QrId::to_string)).or_default() += *count;
    }
    Ok(Answer { rows: Rows::Values(ranked(counts, *most, |id| id)), ..answer })
}

/// The ids of an owner's codes, by their tokens.
pub(crate) fn ids(
    tx: &mut Tx<'_>,
    owner: Owner,
    tokens: impl IntoIterator<Item = Token>,
) -> Result<HashMap<Token, QrId>, Error> {
    let tokens: Vec<Token> = tokens.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut found = HashMap::new();
    for tokens in tokens.chunks(AT_ONCE) {
        let places: Vec<_> = (2..=AT_ONCE + 1).map(|place| format!("${place}")).collect();
        let sql = format!("SELECT token, id FROM qr_codes WHERE owner = $1 AND token IN ({})", places.join(", "));
        let mut bound: Vec<Value> = vec![owner.into()];
        bound.extend(tokens.iter().map(|token| number(*token).into()));
        // One text for every number of codes, so that it is prepared once. No token has this number.
        bound.resize(AT_ONCE + 1, (-1_i64).into());
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("qr_codes");
            let token = row.required("token", Value::into_small).map(Token::of)?;
            found.insert(token, row.parsed("id", QrId::parse)?);
        }
    }
    Ok(found)
}

/// What the codes of these tokens lead to, whoever owns them, also those that were deleted.
fn leads(tx: &mut Tx<'_>, tokens: &[Token]) -> Result<HashMap<Token, Target>, Error> {
    let mut found = HashMap::new();
    let places: Vec<_> = (1..=AT_ONCE).map(|place| format!("${place}")).collect();
    let places = places.join(", ");
    let sql = format!(
        "SELECT token, link_id, page_id FROM qr_codes WHERE token IN ({places}) \
         UNION ALL SELECT token, link_id, page_id FROM deleted_qr_codes WHERE token IN ({places})"
    );
    for tokens in tokens.chunks(AT_ONCE) {
        let mut bound: Vec<Value> = tokens.iter().map(|token| number(*token).into()).collect();
        bound.resize(AT_ONCE, (-1_i64).into());
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("qr_codes");
            let token = row.required("token", Value::into_small).map(Token::of)?;
            found.insert(token, qr_codes::aim(&mut row)?.target());
        }
    }
    Ok(found)
}

/// A token as the database keeps it.
pub(crate) fn number(token: Token) -> i64 {
    i64::try_from(token.number()).unwrap_or(i64::MAX)
}

impl Store {
    /// What the codes of these tokens lead to, whoever owns them; nothing of what never was a code's.
    pub async fn what_codes_lead_to(&self, tokens: Vec<Token>) -> Result<HashMap<Token, Target>, Error> {
        self.main.read(move |tx| leads(tx, &tokens)).await
    }

    /// The ids of an owner's codes, by their tokens; nothing of what is no code's.
    pub async fn codes_by_token(&self, owner: Owner, tokens: Vec<Token>) -> Result<HashMap<Token, QrId>, Error> {
        self.main.read(move |tx| ids(tx, owner, tokens)).await
    }
}
