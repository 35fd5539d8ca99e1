//! Where input, results and errors are.

use std::path::{Path, PathBuf};

use adls_io::{LakePath, Location};
use url::Url;

use super::{
    identities, raw,
    settings::{LakeKind, StorageAccount},
};
use crate::error::{CliError, CliResult};

pub(super) type Places = (LakeKind, [Location; 3], String);

/// Where input, results and errors are: all local, or all in one account.
pub(super) fn lake(lake: &raw::Lake, base: &Path) -> CliResult<Places> {
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
    let places = [input.1, processed.1, error.1];
    // A result that lies where inputs are looked for would be taken for an input.
    for (key, place) in [("lake.processed", &places[1]), ("lake.error", &places[2])] {
        let inside =
            place.filesystem == places[0].filesystem && place.path.relative_to(&places[0].path).is_some();
        if inside {
            return Err(CliError::usage(format!("{key} is inside lake.input"))
                .hint("use another filesystem, or directories side by side"));
        }
    }
    Ok((LakeKind::Azure(Box::new(account(lake, &host, base)?)), places, host))
}

fn account(lake: &raw::Lake, host: &str, base: &Path) -> CliResult<StorageAccount> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(StorageAccount {
        name: host.split('.').next().unwrap_or_default().to_owned(),
        endpoint: some(&lake.endpoint).unwrap_or_else(|| format!("https://{host}")),
        blob_endpoint: some(&lake.blob_endpoint),
        auth: identities::lake(lake, base)?,
        attempts: lake.request_attempts.max(1),
        ca_file: lake.ca_file.as_ref().map(|file| base.join(file)),
    })
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
pub(crate) fn azure_url(key: &str, text: &str) -> CliResult<(String, Location)> {
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
