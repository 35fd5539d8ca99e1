//! The estimator on the tables of tiktoken.

use serde_json::value::RawValue;

use crate::bpe;
use crate::encoding::{Encoding, encoding_for, is_reasoning};
use crate::shapes;
use crate::text::Counter;
use crate::{EstimatorOptions, Provenance, TokenCount, TokenEstimator};

/// Counts with the vocabularies of the models.
///
/// A model is looked up in this order: the deployments of the options, exact names, prefixes of names, the default
/// model of the options. Where all fail, bytes are counted.
#[derive(Debug, Clone, Default)]
pub struct TiktokenEstimator {
    pub(crate) options: EstimatorOptions,
}

pub(crate) struct Resolved<'a> {
    pub(crate) model: &'a str,
    encoding: Option<Encoding>,
    best: Provenance,
}

impl TiktokenEstimator {
    /// An estimator. Vocabularies are loaded when they are first needed.
    #[must_use]
    pub fn new(options: EstimatorOptions) -> Self {
        Self { options }
    }

    /// Loads the vocabulary of a model (or deployment), if it has one and it is not loaded yet: so that a first count does not
    /// wait for it, or on a thread of its own, beside other work.
    pub fn warm_up(&self, model: &str) {
        if let Some(encoding) = self.resolve(model).encoding {
            bpe::load(encoding);
        }
    }

    pub(crate) fn resolve<'a>(&'a self, model: &'a str) -> Resolved<'a> {
        let named = self.options.deployments.get(model).map_or(model, String::as_str);
        if let Some(encoding) = encoding_for(named) {
            // The framing of reasoning models is inferred, not documented.
            let best = if is_reasoning(named) { Provenance::Rule } else { Provenance::Exact };
            return Resolved { model: named, encoding: Some(encoding), best };
        }
        let default = self.options.default_model.as_deref();
        match default.and_then(|default| Some((default, encoding_for(default)?))) {
            Some((model, encoding)) => Resolved { model, encoding: Some(encoding), best: Provenance::Rule },
            None => Resolved { model: named, encoding: None, best: Provenance::Estimate },
        }
    }
}

impl TokenEstimator for TiktokenEstimator {
    fn count(&self, model: &str, body: &RawValue) -> TokenCount {
        let resolved = self.resolve(model);
        let counter = Counter {
            model: resolved.model,
            encoding: resolved.encoding,
            bytes_per_token: self.options.bytes_per_token,
            unknown_image: self.options.unknown_image,
        };
        let (tally, max_output_tokens) = shapes::count(&counter, body);
        let characters = body.get().chars().count() as u64;
        tally.at_best(resolved.best).into_count(characters.div_ceil(4), max_output_tokens)
    }

    fn provenance(&self, model: &str) -> Provenance {
        self.resolve(model).best
    }
}
