//! Count the prompt tokens of a request: exactly, by rule, or as an estimate; it says which.
//!
//! Run it: `cargo run -p example-count-tokens`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{collections::BTreeMap, error::Error};

use serde_json::value::RawValue;
use token_estimator::{EstimatorOptions, Provenance, TiktokenEstimator, TokenEstimator};

fn main() -> Result<(), Box<dyn Error>> {
    // On Azure a body names the deployment: say which model is behind it.
    let deployments = BTreeMap::from([("my-batch".to_owned(), "gpt-4o-mini".to_owned())]);
    let estimator = TiktokenEstimator::new(EstimatorOptions { deployments, ..EstimatorOptions::default() });
    let body: Box<RawValue> = serde_json::from_str(
        r#"{"model":"my-batch","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why is the sky blue?"}]}"#,
    )?;
    for model in ["my-batch", "gpt-4", "somebody-elses-deployment"] {
        let count = estimator.count(model, &body);
        println!("{model}: {} tokens, {:?}", count.prompt_tokens, count.provenance);
    }
    assert_eq!(estimator.provenance("my-batch"), Provenance::Exact);
    assert_eq!(estimator.provenance("somebody-elses-deployment"), Provenance::Estimate);
    Ok(())
}
