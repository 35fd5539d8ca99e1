//! The check.

use serde_json::Value;

use super::{
    answer::{Said, said},
    request::{Wanted, wanted},
    schema::Schemas,
};

/// A report holds no more than this.
const MOST_VIOLATIONS: usize = 10;
const MOST_CHARACTERS: usize = 500;

/// Checks answers; keeps the schemas that it has compiled.
#[derive(Debug, Default)]
pub struct Checker {
    schemas: Schemas,
}

/// What the check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The request asks for no structure, or there is no answer.
    NotAsked,
    /// Every choice conforms.
    Conforms,
    /// The model refused; no choice that did not refuse violates anything.
    Refused,
    /// Some choice does not conform.
    Nonconforming(Vec<Violation>),
    /// The request's schema cannot be used, and why.
    SchemaUnusable(String),
}

/// In what way an answer does not conform.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Where: the choice, and a JSON pointer into its content.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// A line that is none.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The request.
    #[error("not a request line: {0}")]
    Request(#[source] serde_json::Error),
    /// The answer.
    #[error("not a result line: {0}")]
    Answer(#[source] serde_json::Error),
}

impl Checker {
    /// Checks a result line against what its request line asks for.
    ///
    /// # Errors
    /// If one of them is not what it should be.
    pub fn check(&mut self, request: &[u8], answer: &[u8]) -> Result<Outcome, CheckError> {
        let wanted = wanted(request).map_err(CheckError::Request)?;
        let validator = match wanted {
            Wanted::Anything => return Ok(Outcome::NotAsked),
            Wanted::Object => None,
            Wanted::Schema(schema) => match self.schemas.get(schema.get()) {
                Ok(validator) => Some(validator),
                Err(reason) => return Ok(Outcome::SchemaUnusable(cut(&reason))),
            },
        };
        let answers = said(answer).map_err(CheckError::Answer)?;
        if answers.is_empty() {
            return Ok(Outcome::NotAsked);
        }
        let (mut violations, mut refused) = (Vec::new(), false);
        for said in answers {
            refused |= said.is_refusal;
            if !said.is_refusal {
                look(&said, validator.as_deref(), &mut violations);
            }
        }
        Ok(match (violations.is_empty(), refused) {
            (false, _) => Outcome::Nonconforming(violations),
            (true, true) => Outcome::Refused,
            (true, false) => Outcome::Conforms,
        })
    }
}

fn look(said: &Said<'_>, validator: Option<&jsonschema::Validator>, violations: &mut Vec<Violation>) {
    let mut add = |path: String, message: &str| {
        if violations.len() < MOST_VIOLATIONS {
            violations.push(Violation { path: cut(&path), message: cut(message) });
        }
    };
    let place = || said.place.clone();
    let cut_off = if said.is_cut { " (it was cut off: raise the limit of tokens)" } else { "" };
    let Some(text) = &said.text else { return add(place(), &format!("there is no content{cut_off}")) };
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return add(place(), &format!("not JSON: {error}{cut_off}")),
    };
    match validator {
        None if !value.is_object() => add(place(), "not a JSON object"),
        None => {}
        Some(validator) => {
            for error in validator.iter_errors(&value).take(MOST_VIOLATIONS) {
                add(format!("{}{}", said.place, error.instance_path()), &error.to_string());
            }
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
