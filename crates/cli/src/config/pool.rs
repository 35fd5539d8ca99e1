//! The deployments that share the work: `[service]` alone, or each `[pool.NAME]`, which has of `[service]` what it does not
//! say itself.

use std::{collections::BTreeMap, path::Path};

use batch_orchestrator::{ServiceOptions, cost::PriceTable};

use super::{
    raw::{self, Raw},
    resolve::{service, service_options},
    settings::Member,
};
use crate::error::{CliError, CliResult};

/// All deployments, the first one first; a pool is in the order of its names.
pub(super) fn members(raw: &Raw, base: &Path, prices: &PriceTable) -> CliResult<Vec<Member>> {
    if raw.pool.is_empty() {
        let options = options(&raw.service, raw, None, prices)?;
        return Ok(vec![Member { name: None, service: service(&raw.service, raw, base)?, options }]);
    }
    let mut members = Vec::new();
    let mut taken: BTreeMap<_, &str> = BTreeMap::new();
    for (name, own) in &raw.pool {
        let merged = merged(&raw.service, own);
        if merged.deployment.is_none() {
            return Err(CliError::usage(format!("pool.{name}.deployment is missing"))
                .hint("each member of a pool names its deployment"));
        }
        if !(own.weight.is_finite() && own.weight > 0.0) {
            return Err(CliError::usage(format!(
                "pool.{name}.weight is {}, expected a number above 0",
                own.weight
            )));
        }
        let mut options = options(&merged, raw, own.model.as_deref(), prices)?;
        options.weight = own.weight;
        if let Some(other) = taken.insert(options.id(), name) {
            return Err(CliError::usage(format!(
                "pool.{other} and pool.{name} are the same deployment, {} at {}",
                options.deployment.as_deref().unwrap_or_default(),
                merged.endpoint
            ))
            .hint("a quota belongs to one member: remove the other, and add up their weights"));
        }
        members.push(Member { name: Some(name.clone()), service: service(&merged, raw, base)?, options });
    }
    let rewritten = members.iter().all(|member| member.options.set_model);
    let first = &members[0].options.deployment;
    if !rewritten && members.iter().any(|member| member.options.deployment != *first) {
        return Err(CliError::usage(
            "the deployments of the pool have different names, and set_model is false",
        )
        .hint("set service.set_model = true: each line's model is then rewritten to wherever it is sent"));
    }
    Ok(members)
}

fn merged(service: &raw::Service, own: &raw::PoolMember) -> raw::Service {
    let mut merged = service.clone();
    let take = |to: &mut String, from: &Option<String>| {
        if let Some(value) = from {
            to.clone_from(value);
        }
    };
    take(&mut merged.endpoint, &own.endpoint);
    take(&mut merged.api, &own.api);
    take(&mut merged.auth, &own.auth);
    take(&mut merged.key_env, &own.key_env);
    for (to, from) in [
        (&mut merged.deployment, &own.deployment),
        (&mut merged.client_id, &own.client_id),
        (&mut merged.tenant_id, &own.tenant_id),
    ] {
        if from.is_some() {
            to.clone_from(from);
        }
    }
    merged.enqueued_tokens = own.enqueued_tokens.or(merged.enqueued_tokens);
    merged
}

fn options(
    service: &raw::Service,
    raw: &Raw,
    model: Option<&str>,
    prices: &PriceTable,
) -> CliResult<ServiceOptions> {
    if service.enqueued_tokens == Some(0) {
        return Err(CliError::usage("enqueued_tokens is 0, expected at least 1")
            .hint("leave it out where the limit is not known: it is learned from what the service refuses"));
    }
    let model = model.or_else(|| {
        let deployment = service.deployment.as_deref()?;
        Some(raw.tokens.deployments.get(deployment).map_or(deployment, String::as_str))
    });
    let mut options = service_options(service, service.endpoint == "emulator")?;
    options.enqueued_tokens = service.enqueued_tokens;
    options.prices = model.and_then(|model| prices.find(model)).map(|listed| listed.prices);
    Ok(options)
}

/// A limit on money counts nothing of what has no price.
pub(crate) fn check_prices<'o>(
    deployments: impl IntoIterator<Item = &'o ServiceOptions>,
    what: &str,
) -> CliResult<()> {
    let unpriced = deployments.into_iter().find(|options| options.prices.is_none());
    let Some(options) = unpriced else { return Ok(()) };
    Err(CliError::usage(match &options.deployment {
        Some(deployment) => {
            format!("{what} is set, but the price of the deployment {deployment} is not known")
        }
        None => format!("{what} is set, but no deployment is, so that prices cannot be known"),
    })
    .hint("say which model it is in [tokens.deployments], or what it costs in [pricing.models]"))
}

/// What a part and a line may take: a share of the smallest quota, and all of the largest. Where a quota is not known, there is
/// no telling.
pub(super) fn token_limits<'m>(
    limits: &raw::Limits,
    members: impl Iterator<Item = &'m Member>,
) -> CliResult<(Option<u64>, Option<u64>)> {
    let share = limits.part_share;
    if !(share > 0.0 && share <= 1.0) {
        return Err(CliError::usage(format!(
            "limits.part_share is {share}, expected a number above 0, up to 1"
        )));
    }
    let known: Option<Vec<u64>> = members.map(|member| member.options.enqueued_tokens).collect();
    let Some(known) = known else { return Ok((None, None)) };
    let part = known.iter().min().map(|least| ((*least as f64 * share) as u64).max(1));
    Ok((part, known.into_iter().max()))
}

/// An amount of the configuration, in billionths of a dollar.
pub(crate) fn nanodollars(what: &str, dollars: f64) -> CliResult<u64> {
    if dollars.is_finite() && dollars > 0.0 && dollars < 1e9 {
        return Ok((dollars * 1e9).round() as u64);
    }
    Err(CliError::usage(format!("{what} is {dollars}, expected dollars above 0 and below a billion")))
}
