//! From what was written to what it means.

use std::path::{Path, PathBuf};

use adls_io::{LakePath, Location};
use aoai_batch_client::{ApiForm, BatchClientOptions};
use batch_orchestrator::{
    LakeOptions, LimitOptions, OutputOptions, OutputOrder, PipelineOptions, RunOptions, ServiceOptions,
    machine::RetryOptions,
};
use token_estimator::EstimatorOptions;
use url::Url;

use super::{
    raw::{self, Mode, Order, Raw},
    settings::{Auth, LakeKind, Remote, Service, Settings},
};
use crate::error::{CliError, CliResult};

/// Resolves a configuration whose relative paths mean `base`.
pub(super) fn resolve(raw: Raw, source: &Path, base: &Path) -> CliResult<Settings> {
    let (kind, [input, processed, error], account) = lake(&raw.lake, base)?;
    let embedded = raw.service.endpoint == "emulator";
    let mut warnings = Vec::new();
    if raw.service.deployment.is_none() {
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
        service: service_options(&raw.service, embedded)?,
        run: RunOptions {
            watch: raw.run.mode == Mode::Watch,
            scan_interval: raw.run.scan_interval,
            poll_interval: raw.run.poll_interval,
            settle_time: raw.run.settle_time,
            list_settle: raw.run.list_settle,
            max_in_flight: positive("run.max_in_flight", raw.run.max_in_flight)?,
            concurrency: positive("run.concurrency", raw.run.concurrency)?,
            spool_dir: raw.run.spool_dir.as_ref().map(|dir| base.join(dir)),
            ..RunOptions::default()
        },
        limits: LimitOptions {
            max_line_bytes: raw.limits.max_line_bytes.as_u64(),
            max_file_bytes: raw.limits.max_file_bytes.as_u64(),
            max_lines: raw.limits.max_lines,
            split: raw.limits.split,
        },
        output: OutputOptions {
            order: match raw.output.order {
                Order::Input => OutputOrder::Input,
                Order::Service => OutputOrder::Service,
            },
        },
        retry: RetryOptions {
            initial: raw.retry.initial,
            max_delay: raw.retry.max_delay,
            give_up_after: raw.retry.give_up_after,
        },
    };
    Ok(Settings {
        source: source.to_owned(),
        service: service(&raw, base, embedded)?,
        lake: kind,
        count_tokens: raw.tokens.count,
        estimator: EstimatorOptions {
            deployments: raw.tokens.deployments,
            default_model: raw.tokens.default_model,
            ..EstimatorOptions::default()
        },
        ledger: ledger(&raw.ledger.url, base)?,
        pipeline,
        warnings,
    })
}

fn positive(key: &str, value: usize) -> CliResult<usize> {
    if value == 0 { Err(CliError::usage(format!("{key} is 0, expected at least 1"))) } else { Ok(value) }
}

fn service_options(service: &raw::Service, embedded: bool) -> CliResult<ServiceOptions> {
    if service.set_model && service.deployment.is_none() {
        return Err(CliError::usage(
            "service.set_model is true, but service.deployment does not say to what",
        ));
    }
    match service.transfer.as_str() {
        "upload" => {}
        "import" | "blob" => {
            return Err(CliError::usage(format!(
                "service.transfer = \"{}\" is not in this version: it comes with the ADLS Gen2 lake",
                service.transfer
            ))
            .hint("use transfer = \"upload\""));
        }
        other => {
            return Err(CliError::usage(format!(
                "service.transfer is \"{other}\", expected upload, import or blob"
            )));
        }
    }
    Ok(ServiceOptions {
        deployment: service.deployment.clone(),
        set_model: service.set_model,
        transfer: batch_orchestrator::Transfer::Upload,
        batch_endpoint: service.batch_endpoint.clone(),
        completion_window: service.completion_window.clone(),
        file_expires_after: service.file_expires_after,
        resubmit_forgotten: embedded,
    })
}

fn service(raw: &Raw, base: &Path, embedded: bool) -> CliResult<Service> {
    if embedded {
        return Ok(Service::Emulator(Box::new(raw.emulator.clone())));
    }
    let service = &raw.service;
    if service.endpoint.is_empty() {
        return Err(CliError::usage("service.endpoint is missing").hint(
            "name the resource, as in https://NAME.openai.azure.com, or \"emulator\" for the one that is built in",
        ));
    }
    Ok(Service::Remote(Box::new(Remote {
        endpoint: service.endpoint.clone(),
        auth: auth(service)?,
        options: BatchClientOptions {
            api: ApiForm::from_name(&service.api),
            retry: aoai_batch_client::RetryOptions {
                max_attempts: service.request_attempts.max(1),
                ..Default::default()
            },
            ..BatchClientOptions::default()
        },
        ca_file: service.ca_file.as_ref().map(|file| base.join(file)),
    })))
}

fn auth(service: &raw::Service) -> CliResult<Auth> {
    let scope = service.scope.clone();
    let required = |name: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| {
            CliError::usage(format!("service.auth = \"{}\" needs service.{name}", service.auth))
        })
    };
    Ok(match service.auth.as_str() {
        "key" => Auth::KeyVariable(service.key_env.clone()),
        "managed_identity" => Auth::ManagedIdentity { client_id: service.client_id.clone(), scope },
        "workload_identity" => Auth::WorkloadIdentity {
            client_id: service.client_id.clone(),
            tenant_id: service.tenant_id.clone(),
            scope,
        },
        "client_secret" => Auth::ClientSecret {
            tenant_id: required("tenant_id", &service.tenant_id)?,
            client_id: required("client_id", &service.client_id)?,
            secret_env: service.client_secret_env.clone(),
            scope,
        },
        "azure_cli" => Auth::AzureCli { scope },
        other => {
            return Err(CliError::usage(format!(
                "service.auth is \"{other}\", expected key, managed_identity, workload_identity, client_secret or azure_cli"
            )));
        }
    })
}

type Places = (LakeKind, [Location; 3], String);

/// Where input, results and errors are: all local, or all in one account.
fn lake(lake: &raw::Lake, base: &Path) -> CliResult<Places> {
    let keys =
        [("lake.input", &lake.input), ("lake.processed", &lake.processed), ("lake.error", &lake.error)];
    if let Some((key, _)) = keys.iter().find(|(_, text)| text.is_empty()) {
        return Err(CliError::usage(format!("{key} is missing"))
            .hint("name a directory, as in \"file:./data/inbox\" or \"abfss://FS@ACCOUNT.dfs.core.windows.net/dir\""));
    }
    if keys.iter().all(|(_, text)| text.starts_with("file:")) {
        let names = ["input", "processed", "error"];
        let paths = keys.map(|(_, text)| local_path(text, base));
        let filesystems: Vec<_> =
            names.iter().zip(&paths).map(|(name, path)| ((*name).to_owned(), path.clone())).collect();
        // Results below the input directory would be taken for inputs.
        for (key, path) in [("lake.processed", &paths[1]), ("lake.error", &paths[2])] {
            if absolute(path).starts_with(absolute(&paths[0])) {
                return Err(CliError::usage(format!("{key} is inside lake.input"))
                    .hint("put the three directories side by side, as in file:./inbox, file:./processed, file:./error"));
            }
        }
        // What names a local lake must not depend on where the process was started.
        let account = absolute(&paths[0]);
        let locations = names.map(|name| Location::new(name, LakePath::root()));
        return Ok((LakeKind::Local(filesystems), locations, format!("file:{}", account.display())));
    }
    let [input, processed, error] = keys.map(|(key, text)| azure_url(key, text));
    let (input, processed, error) = (input?, processed?, error?);
    if input.0 != processed.0 || input.0 != error.0 {
        return Err(CliError::usage("lake.input, lake.processed and lake.error are in different accounts")
            .hint("use filesystems of one account: a result is moved beside its input in one atomic step"));
    }
    let host = input.0.clone();
    Ok((LakeKind::Azure { host: host.clone() }, [input.1, processed.1, error.1], host))
}

/// The whole path, without looking at the disk.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn local_path(text: &str, base: &Path) -> PathBuf {
    let path = text.trim_start_matches("file:");
    base.join(path.strip_prefix("//").unwrap_or(path))
}

/// `abfss://FILESYSTEM@HOST/DIRECTORY`.
fn azure_url(key: &str, text: &str) -> CliResult<(String, Location)> {
    let wrong = |why: &str| {
        CliError::usage(format!("{key} is \"{text}\": {why}"))
            .hint("expected \"abfss://FILESYSTEM@ACCOUNT.dfs.core.windows.net/dir\" or, for all three, \"file:./dir\"")
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "abfss" | "abfs") || url.username().is_empty() {
        return Err(wrong("it is no abfss URL with a filesystem"));
    }
    let host = url.host_str().ok_or_else(|| wrong("it names no account"))?;
    let path = LakePath::parse(url.path()).map_err(|error| wrong(&error.to_string()))?;
    Ok((host.to_owned(), Location::new(url.username(), path)))
}

fn ledger(url: &str, base: &Path) -> CliResult<PathBuf> {
    match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
        Some(path) if !path.is_empty() => Ok(base.join(path)),
        _ => Err(CliError::usage("ledger.url must be sqlite://PATH in this version")
            .hint("the shared ledger on PostgreSQL is not in this version")),
    }
}
