//! Local files for the offline commands.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use batch_orchestrator::validate::{Rules, Verdict, validate_stream};
use bytes::Bytes;
use futures::stream;
use token_estimator::TokenEstimator;
use tokio::io::AsyncReadExt;

use crate::{
    app::App,
    config::{self, Settings},
    error::{CliError, CliResult},
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

/// Files as they are named, directories by what is below them (`*.jsonl`), in order.
pub(super) fn files(paths: &[String]) -> CliResult<Vec<PathBuf>> {
    let mut files = Vec::new();
    for text in paths {
        if ["abfs:", "abfss:", "http:", "https:"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(CliError::usage(format!(
                "{text} is not on this machine; this version reads local files only"
            )));
        }
        let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).unwrap_or(text);
        let path = Path::new(path);
        if path.is_dir() { walk(path, &mut files)? } else { files.push(path.to_owned()) }
    }
    if files.is_empty() {
        return Err(CliError::usage("there is no *.jsonl file to look at"));
    }
    Ok(files)
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
    path: &Path,
    rules: &Arc<Rules>,
    estimator: Option<Arc<dyn TokenEstimator>>,
) -> CliResult<Verdict> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let blocks = stream::try_unfold(file, |mut file| async move {
        let mut block = Vec::with_capacity(BLOCK);
        (&mut file).take(BLOCK as u64).read_to_end(&mut block).await?;
        Ok((!block.is_empty()).then(|| (Bytes::from(block), file)))
    });
    validate_stream(std::pin::pin!(blocks), rules.clone(), estimator).await.map_err(failed)
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::unreachable(format!("{} cannot be read", path.display())).caused_by(error)
}
