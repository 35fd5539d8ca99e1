//! Files for the commands that only look: of this machine, or of the configuration's lake.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use adls_io::{AzureLake, DataLake, EntryKind, ListMode, Location, ReadOptions};
use batch_orchestrator::validate::{Rules, Verdict, validate_stream};
use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use token_estimator::TokenEstimator;
use tokio::io::AsyncReadExt;

use crate::{
    app::App,
    config::{self, Settings},
    error::{CliError, CliResult},
    wiring,
};

const BLOCK: usize = 256 << 10;

/// A configuration if there is one; the offline commands do without.
pub(super) fn settings(app: &App) -> CliResult<Option<Settings>> {
    if config::is_given(&app.global) { config::load(&app.global).map(Some) } else { Ok(None) }
}

/// The rules of a configuration, or the service's own where there is none.
pub(super) fn rules(settings: Option<&Settings>) -> Rules {
    match settings {
        Some(settings) => Rules::new(&settings.pipeline.service, &settings.pipeline.limits),
        None => Rules {
            batch_endpoint: "/chat/completions".into(),
            deployment: None,
            set_model: false,
            limits: batch_orchestrator::LimitOptions::default(),
        },
    }
}

/// A file that an offline command looks at.
pub(super) enum Input {
    /// On this machine.
    Local(PathBuf),
    /// In the lake of the configuration, with the URL that people know it by.
    Lake { lake: AzureLake, at: Location, url: String },
}

impl Input {
    /// How the file is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Lake { url, .. } => url.clone(),
        }
    }
}

/// Files as they are named, directories by what is below them (`*.jsonl`), in order.
pub(super) async fn files(paths: &[String], settings: Option<&Settings>) -> CliResult<Vec<Input>> {
    let mut files = Vec::new();
    for text in paths {
        if ["abfs:", "abfss:", "http:", "https:"].iter().any(|scheme| text.starts_with(scheme)) {
            in_lake(text, settings, &mut files).await?;
            continue;
        }
        let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).unwrap_or(text);
        let path = Path::new(path);
        if path.is_dir() {
            let mut found = Vec::new();
            walk(path, &mut found)?;
            files.extend(found.into_iter().map(Input::Local));
        } else {
            files.push(Input::Local(path.to_owned()));
        }
    }
    if files.is_empty() {
        return Err(CliError::usage("there is no *.jsonl file to look at"));
    }
    Ok(files)
}

/// What a URL of the configuration's storage account names.
async fn in_lake(url: &str, settings: Option<&Settings>, files: &mut Vec<Input>) -> CliResult<()> {
    let foreign = || {
        CliError::usage(format!("{url} is not in the storage account of the configuration"))
            .hint("name the account in [lake], whose lake.auth is used, and the configuration with --config")
    };
    let settings = settings.ok_or_else(foreign)?;
    let lake = wiring::lake(settings)?.azure.ok_or_else(foreign)?;
    let at = if url.starts_with("http") {
        lake.locate(url).ok_or_else(foreign)?
    } else {
        let (host, at) = config::azure_url("the argument", url)?;
        if host != settings.pipeline.lake.account {
            return Err(foreign());
        }
        at
    };
    let failed = |error: adls_io::Error| CliError::lake(&error);
    let head = lake.head(&at).await.map_err(failed)?;
    let account = &settings.pipeline.lake.account;
    let named = |at: Location| {
        let url = format!("abfss://{}@{account}/{}", at.filesystem, at.path);
        Input::Lake { lake: lake.clone(), at, url }
    };
    if head.kind == EntryKind::File {
        files.push(named(at));
        return Ok(());
    }
    let mut entries = lake.list(&at, ListMode::Recursive);
    while let Some(entry) = entries.try_next().await.map_err(failed)? {
        if entry.kind == EntryKind::File && entry.location.path.as_str().ends_with(".jsonl") {
            files.push(named(entry.location));
        }
    }
    Ok(())
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> CliResult<()> {
    let failed = |error| unreadable(directory, &error);
    let mut entries =
        std::fs::read_dir(directory).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if kind.is_dir() {
            walk(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    Ok(())
}

/// Validates one file.
pub(super) async fn validate(
    input: &Input,
    rules: &Arc<Rules>,
    estimator: Option<Arc<dyn TokenEstimator>>,
) -> CliResult<Verdict> {
    validate_stream(read(input).await?, rules.clone(), estimator).await
}

/// The number of lines of a file, whatever is in them.
pub(super) async fn lines(input: &Input) -> CliResult<u64> {
    let mut blocks = read(input).await?;
    let (mut lines, mut last) = (0, b'\n');
    while let Some(block) = blocks.try_next().await? {
        lines += block.iter().filter(|byte| **byte == b'\n').count() as u64;
        last = block.last().copied().unwrap_or(last);
    }
    Ok(lines + u64::from(last != b'\n'))
}

/// The bytes of a file.
async fn read(input: &Input) -> CliResult<BoxStream<'static, CliResult<Bytes>>> {
    let path = match input {
        Input::Local(path) => path.clone(),
        Input::Lake { lake, at, .. } => {
            let failed = |error: adls_io::Error| CliError::lake(&error);
            let read = lake.read(at, ReadOptions::default()).await.map_err(failed)?;
            return Ok(read.body.map_err(failed).boxed());
        }
    };
    let file = tokio::fs::File::open(&path).await.map_err(|error| unreadable(&path, &error))?;
    let blocks = stream::try_unfold((file, path), |(mut file, path)| async move {
        let mut block = Vec::with_capacity(BLOCK);
        let read = (&mut file).take(BLOCK as u64).read_to_end(&mut block).await;
        read.map_err(|error| unreadable(&path, &error))?;
        Ok((!block.is_empty()).then(|| (Bytes::from(block), (file, path))))
    });
    Ok(blocks.boxed())
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::unreachable(format!("{} cannot be read", path.display())).caused_by(error)
}
