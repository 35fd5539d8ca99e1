//! From what was written to what it means.

use std::{collections::BTreeMap, path::Path, time::Duration};

use aoai_batch_client::{ApiForm, BatchClientOptions};
use batch_orchestrator::{
    CostOptions, FieldError, LakeOptions, LimitOptions, MergeOptions, OutputOptions, OutputOrder,
    PipelineOptions, RequestField, RunOptions, ServiceOptions, TableWriter,
    machine::{AttemptOptions, RetryOptions, Verdict, Verdicts},
};
use token_estimator::EstimatorOptions;

use super::{
    identities, ledger,
    places::lake,
    pool::{check_prices, members, nanodollars, token_limits},
    pricing::prices,
    raw::{self, Mode, Order, Raw},
    settings::{LakeKind, Remote, Service, Settings, TransferKind},
};
use crate::error::{CliError, CliResult};

/// Resolves a configuration whose relative paths mean `base`.
pub(super) fn resolve(raw: Raw, source: &Path, base: &Path) -> CliResult<Settings> {
    let (kind, [input, processed, error], account) = lake(&raw.lake, base)?;
    let prices = prices(&raw.pricing, source, base)?;
    let mut members = members(&raw, base, &prices)?;
    let first = members.remove(0);
    let max_per_day = match raw.limits.max_cost_per_day {
        Some(dollars) => {
            check_prices(
                std::iter::once(&first).chain(&members).map(|m| &m.options),
                "limits.max_cost_per_day",
            )?;
            Some(nanodollars("limits.max_cost_per_day", dollars)?)
        }
        None => None,
    };
    let (max_part_tokens, max_line_tokens) =
        token_limits(&raw.limits, std::iter::once(&first).chain(&members))?;
    let mut warnings = Vec::new();
    if first.options.deployment.is_none() {
        warnings.push(
            "service.deployment is not set: any model will do, as long as a file names only one".into(),
        );
    }
    let pipeline = PipelineOptions {
        lake: LakeOptions {
            account,
            input,
            processed,
            error,
            include: raw.lake.include.clone(),
            recursive: raw.lake.recursive,
        },
        service: first.options,
        run: RunOptions {
            watch: raw.run.mode == Mode::Watch,
            scan_interval: raw.run.scan_interval,
            poll_interval: raw.run.poll_interval,
            settle_time: raw.run.settle_time,
            list_settle: raw.run.list_settle,
            lease: lease(raw.run.lease)?,
            max_in_flight: positive("run.max_in_flight", raw.run.max_in_flight)?,
            concurrency: positive("run.concurrency", raw.run.concurrency)?,
            spool_dir: raw.run.spool_dir.as_ref().map(|dir| base.join(dir)),
            patience: raw.run.patience,
            move_after: raw.run.move_after,
            deadline: not_zero("run.deadline", raw.run.deadline)?,
            stall_after: not_zero("run.stall_after", raw.run.stall_after)?,
            keep: keep(raw.ledger.keep)?,
            ..RunOptions::default()
        },
        limits: LimitOptions {
            max_line_bytes: raw.limits.max_line_bytes.as_u64(),
            max_file_bytes: raw.limits.max_file_bytes.as_u64(),
            max_lines: raw.limits.max_lines,
            split: raw.limits.split,
            merge: raw.limits.merge.then(|| MergeOptions {
                below: raw.limits.merge_below.as_u64(),
                wait: raw.limits.merge_wait,
            }),
            max_part_tokens,
            max_line_tokens,
        },
        output: output(&raw.output)?,
        retry: RetryOptions {
            initial: raw.retry.initial,
            max_delay: raw.retry.max_delay,
            give_up_after: raw.retry.give_up_after,
        },
        attempts: AttemptOptions {
            max: positive("retry.max_attempts", raw.retry.max_attempts)?,
            delay: raw.retry.attempt_delay,
            verdicts: verdicts(raw.retry.verdicts, raw.retry.unknown)?,
            resubmit_cancelled: raw.retry.resubmit_cancelled,
        },
        cost: CostOptions {
            max_per_day,
            assumed_output: raw.pricing.assumed_output_tokens,
            ..CostOptions::default()
        },
    };
    Ok(Settings {
        source: source.to_owned(),
        service: first.service,
        others: members,
        transfer: transfer(&raw.service, &kind)?,
        lake: kind,
        prices,
        count_tokens: raw.tokens.count,
        estimator: EstimatorOptions {
            deployments: raw.tokens.deployments,
            default_model: raw.tokens.default_model,
            ..EstimatorOptions::default()
        },
        ledger: ledger::ledger(&raw.ledger, base)?,
        pipeline,
        warnings,
    })
}

fn positive<N: Default + PartialEq>(key: &str, value: N) -> CliResult<N> {
    if value == N::default() {
        Err(CliError::usage(format!("{key} is 0, expected at least 1")))
    } else {
        Ok(value)
    }
}

fn output(raw: &raw::Output) -> CliResult<OutputOptions> {
    let order = match raw.order {
        Order::Input => OutputOrder::Input,
        Order::Service => OutputOrder::Service,
    };
    if order == OutputOrder::Service && (raw.check_schemas || !raw.request_fields.is_empty()) {
        return Err(CliError::usage(
            "output.request_fields and output.check_schemas need the results in the order of the input",
        )
        .hint("leave output.order at \"input\""));
    }
    let mut request_fields: Vec<RequestField> = Vec::new();
    for field in &raw.request_fields {
        let field = field
            .parse()
            .map_err(|error: FieldError| CliError::usage(format!("output.request_fields: {error}")))?;
        request_fields.push(field);
    }
    for (number, format) in raw.formats.iter().enumerate() {
        if raw.formats[..number].contains(format) {
            return Err(CliError::usage(format!("output.formats names \"{}\" twice", format.extension())));
        }
        // What two columns may be called is the table's to say.
        TableWriter::new(*format, request_fields.clone(), std::io::sink())
            .map_err(|error| CliError::usage(format!("output.request_fields: {error}")))?;
    }
    Ok(OutputOptions {
        order,
        formats: raw.formats.clone(),
        request_fields,
        check_schemas: raw.check_schemas,
    })
}

/// What would cancel everything at once is a mistake.
fn not_zero(key: &str, duration: Option<Duration>) -> CliResult<Option<Duration>> {
    match duration {
        Some(Duration::ZERO) => {
            Err(CliError::usage(format!("{key} is 0: everything would be cancelled at once"))
                .hint("leave it out for never"))
        }
        duration => Ok(duration),
    }
}

fn verdicts(own: BTreeMap<String, Verdict>, unknown: Verdict) -> CliResult<Verdicts> {
    if own.keys().any(|code| code.trim().is_empty()) {
        return Err(CliError::usage("retry.verdicts has an empty code")
            .hint("name an error code such as \"content_filter\", or an HTTP status such as \"409\""));
    }
    Ok(Verdicts { own, unknown })
}

/// A day's budget, and whoever looks what became of yesterday's files, need what is younger.
fn keep(keep: Option<Duration>) -> CliResult<Option<Duration>> {
    match keep {
        Some(keep) if keep < Duration::from_hours(48) => Err(CliError::usage(format!(
            "ledger.keep is {}, expected at least 2 days",
            humantime::format_duration(keep)
        ))),
        keep => Ok(keep),
    }
}

/// Shorter than this, a worker would be taken for dead between two heartbeats.
fn lease(lease: Duration) -> CliResult<Duration> {
    if lease < Duration::from_secs(1) {
        let lease = humantime::format_duration(lease);
        return Err(CliError::usage(format!("run.lease is {lease}, expected at least 1s")));
    }
    Ok(lease)
}

pub(super) fn service_options(service: &raw::Service, embedded: bool) -> CliResult<ServiceOptions> {
    if service.set_model && service.deployment.is_none() {
        return Err(CliError::usage(
            "service.set_model is true, but service.deployment does not say to what",
        ));
    }
    Ok(ServiceOptions {
        name: service.endpoint.trim_end_matches('/').to_lowercase(),
        deployment: service.deployment.clone(),
        set_model: service.set_model,
        transfer: batch_orchestrator::Transfer::Upload,
        batch_endpoint: service.batch_endpoint.clone(),
        completion_window: service.completion_window.clone(),
        file_expires_after: service.file_expires_after,
        resubmit_forgotten: embedded,
        ..ServiceOptions::default()
    })
}

/// How inputs get to the service; two ways need a lake that the service can reach.
fn transfer(service: &raw::Service, lake: &LakeKind) -> CliResult<TransferKind> {
    let transfer = match service.transfer.as_str() {
        "upload" => return Ok(TransferKind::Upload),
        "import" => TransferKind::Import { sas_env: service.import_sas_env.clone() },
        "blob" => match ApiForm::from_name(&service.api) {
            ApiForm::Dated(version) if version.as_str() < "2025-04-01" => {
                return Err(CliError::usage(format!(
                    "service.transfer = \"blob\" is not in the api version {version}"
                ))
                .hint("use service.api = \"v1\" or \"2025-04-01-preview\""));
            }
            _ => TransferKind::Blob,
        },
        other => {
            return Err(CliError::usage(format!(
                "service.transfer is \"{other}\", expected upload, import or blob"
            ))
            .hint("upload: through us; import: the service fetches by URL; blob: it works in the storage account"));
        }
    };
    match lake {
        LakeKind::Azure(_) => Ok(transfer),
        LakeKind::Local(_) => Err(CliError::usage(format!(
            "service.transfer = \"{}\" needs a lake on ADLS Gen2: the service cannot reach this machine's directories",
            service.transfer
        ))
        .hint("use transfer = \"upload\", or abfss:// places in [lake]")),
    }
}

/// How a deployment is reached.
pub(super) fn service(service: &raw::Service, raw: &Raw, base: &Path) -> CliResult<Service> {
    if service.endpoint == "emulator" {
        return Ok(Service::Emulator(Box::new(raw.emulator.clone())));
    }
    if service.endpoint.is_empty() {
        return Err(CliError::usage("service.endpoint is missing").hint(
            "name the resource, as in https://NAME.openai.azure.com, or \"emulator\" for the one that is built in",
        ));
    }
    Ok(Service::Remote(Box::new(Remote {
        endpoint: service.endpoint.clone(),
        auth: identities::service(service, base)?,
        options: BatchClientOptions {
            api: ApiForm::from_name(&service.api),
            import_api_version: service.import_api.clone(),
            retry: aoai_batch_client::RetryOptions {
                max_attempts: service.request_attempts.max(1),
                ..Default::default()
            },
            ..BatchClientOptions::default()
        },
        ca_file: service.ca_file.as_ref().map(|file| base.join(file)),
    })))
}
