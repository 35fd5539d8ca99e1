//! The Python accelerator's three JSON files, read unchanged, with a few optional keys of our own.
//!
//! They become the same raw configuration as a TOML file, so that both mean the same.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{
    load::directory_of,
    raw::{Mode, Raw},
    resolve::resolve,
    settings::{Auth, LakeAuth, LakeKind, Secret, SecretFrom, Service, Settings},
};
use crate::error::{CliError, CliResult};

/// One of the three files.
struct File {
    path: PathBuf,
    keys: Map<String, Value>,
    used: Vec<&'static str>,
}

/// Loads `app_config.json` and the two files that it names.
pub(super) fn load(path: &Path) -> CliResult<Settings> {
    let base = directory_of(path);
    let mut app = File::read(path)?;
    let mut aoai = File::read(&app.other("AOAI_config", &base)?)?;
    let mut storage = File::read(&app.other("storage_config", &base)?)?;

    let mut raw = Raw::default();
    // As the accelerator does it: the service fetches the input itself.
    raw.service.transfer = aoai.text("transfer")?.unwrap_or_else(|| "import".into());
    raw.run.mode = if app.boolean("continuous_mode")?.unwrap_or(false) { Mode::Watch } else { Mode::Once };
    raw.tokens.count = app.boolean("count_tokens")?.unwrap_or(true);
    if let Some(batch_size) = app.number("batch_size")? {
        raw.run.max_in_flight = usize::try_from(batch_size).unwrap_or(usize::MAX);
    }
    raw.lake.recursive = app.boolean("recursive")?.unwrap_or(true);
    // The accelerator takes every file of the directory, whatever its name.
    raw.lake.include = vec!["**/*".into()];
    for (key, target) in [
        ("poll_interval", &mut raw.run.poll_interval),
        ("scan_interval", &mut raw.run.scan_interval),
        ("settle_time", &mut raw.run.settle_time),
        ("list_settle", &mut raw.run.list_settle),
    ] {
        if let Some(text) = app.text(key)? {
            *target = humantime::parse_duration(&text).map_err(|error| {
                app.wrong(key, &format!("\"{text}\" ({error}), expected a duration such as \"60s\""))
            })?;
        }
    }
    if let Some(url) = app.text("ledger")? {
        raw.ledger.url = url;
    }

    raw.service.endpoint = aoai.required("aoai_endpoint")?;
    raw.service.api = aoai.text("aoai_api_version")?.unwrap_or_else(|| "2024-10-21".into());
    raw.service.deployment = aoai.text("aoai_deployment_name")?;
    raw.service.batch_endpoint = aoai.text("batch_job_endpoint")?.unwrap_or(raw.service.batch_endpoint);
    raw.service.completion_window = aoai.text("completion_window")?.unwrap_or(raw.service.completion_window);
    let key = aoai.text("aoai_key")?;
    raw.service.auth = match aoai.text("aoai_auth")? {
        Some(auth) => auth,
        None if key.is_some() => "key".into(),
        None => "azure_cli".into(),
    };

    let account = storage.required("storage_account_name")?;
    let mut place = |filesystem: &'static str, directory: &'static str| -> CliResult<String> {
        let name = storage.required(filesystem)?;
        let directory = storage.text(directory)?.unwrap_or_default();
        Ok(format!("abfss://{name}@{account}.dfs.core.windows.net/{}", directory.trim_matches('/')))
    };
    raw.lake.input = place("input_filesystem_system_name", "input_directory")?;
    raw.lake.processed = place("processed_filesystem_system_name", "output_directory")?;
    raw.lake.error = place("error_filesystem_system_name", "error_directory")?;
    raw.lake.endpoint = storage.text("storage_endpoint")?.unwrap_or_default();
    let account_key = storage.text("storage_account_key")?;
    raw.lake.auth = match storage.text("storage_auth")? {
        Some(auth) => auth,
        None if account_key.is_some() => "account_key".into(),
        None => "azure_cli".into(),
    };

    let mut warnings = Vec::new();
    if app.boolean("download_to_local")?.is_some() | app.text("local_download_path")?.is_some() {
        warnings.push(
            "download_to_local and local_download_path mean nothing here: files are streamed".to_owned(),
        );
    }
    if let Some(attempts) = app.number("max_attempts")? {
        raw.retry.max_attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    }
    for file in [&app, &aoai, &storage] {
        warnings.extend(file.unknown());
    }

    let mut settings = resolve(raw, path, &base)?;
    if let (Service::Remote(remote), Some(key)) = (&mut settings.service, key)
        && matches!(remote.auth, Auth::Key(_))
    {
        remote.auth = Auth::Key(SecretFrom::Text(Secret(key)));
    }
    if let (LakeKind::Azure(account), Some(key)) = (&mut settings.lake, account_key)
        && matches!(account.auth, LakeAuth::AccountKey(_))
    {
        account.auth = LakeAuth::AccountKey(SecretFrom::Text(Secret(key)));
    }
    settings.warnings = warnings;
    Ok(settings)
}

impl File {
    fn read(path: &Path) -> CliResult<Self> {
        let wrong = |error: &dyn std::error::Error| {
            CliError::usage(format!("{} cannot be read", path.display())).caused_by(error).hint(
                "it must be one of the accelerator's JSON files; `aoai-batch init --legacy` writes all three",
            )
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let keys = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        Ok(Self { path: path.to_owned(), keys, used: Vec::new() })
    }

    /// The path of another file: relative to this one's directory, or, as the accelerator has it, to ours.
    fn other(&mut self, key: &'static str, base: &Path) -> CliResult<PathBuf> {
        let text = self.required(key)?;
        let beside = base.join(&text);
        Ok(if beside.exists() { beside } else { PathBuf::from(text) })
    }

    fn take(&mut self, key: &'static str) -> Option<&Value> {
        self.used.push(key);
        self.keys.get(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &'static str) -> CliResult<Option<String>> {
        match self.take(key).cloned() {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(other) => Err(self.wrong(key, &format!("{}, expected a string", kind(&other)))),
        }
    }

    fn required(&mut self, key: &'static str) -> CliResult<String> {
        self.text(key)?.ok_or_else(|| CliError::usage(format!("{}: {key} is missing", self.path.display())))
    }

    /// `true` and `false`, also as strings: never by truthiness, for which `"false"` is true.
    fn boolean(&mut self, key: &'static str) -> CliResult<Option<bool>> {
        match self.take(key).cloned() {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(self.wrong(key, &format!("{other}, expected true or false"))),
        }
    }

    fn number(&mut self, key: &'static str) -> CliResult<Option<u64>> {
        let number = match self.take(key).cloned() {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| self.wrong(key, "not a whole number"))
    }

    fn wrong(&self, key: &str, what: &str) -> CliError {
        CliError::usage(format!("{}: {key} is {what}", self.path.display()))
    }

    fn unknown(&self) -> Vec<String> {
        let unknown = self.keys.keys().filter(|key| !self.used.contains(&key.as_str()));
        unknown.map(|key| format!("{}: {key} is not a key that we know", self.path.display())).collect()
    }
}

/// What a value is, without showing it: it may be a key.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The templates, with changes, in a directory of their own.
    fn trio(changes: &[(&str, &str, Value)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("app_config.json", include_str!("../../../../templates/legacy/app_config.json")),
            ("AOAI_config.json", include_str!("../../../../templates/legacy/AOAI_config.json")),
            ("storage_config.json", include_str!("../../../../templates/legacy/storage_config.json")),
        ] {
            let mut json: Value = serde_json::from_str(text).unwrap();
            for (_, key, value) in changes.iter().filter(|(file, ..)| *file == name) {
                json[*key] = value.clone();
            }
            std::fs::write(dir.path().join(name), json.to_string()).unwrap();
        }
        let app = dir.path().join("app_config.json");
        (dir, app)
    }

    #[test]
    fn the_three_files_mean_what_they_meant() {
        let (_dir, app) = trio(&[
            ("app_config.json", "batch_size", "25".into()),
            ("app_config.json", "continuous_mode", "false".into()),
            ("storage_config.json", "output_directory", "/results/".into()),
        ]);
        let settings = load(&app).unwrap();
        let pipeline = &settings.pipeline;
        assert_eq!((pipeline.run.max_in_flight, pipeline.run.watch), (25, false), "\"false\" is false");
        assert_eq!(pipeline.lake.processed.path.as_str(), "results");
        assert!(pipeline.lake.input.path.is_root(), "\"/\" is the root");
        let Service::Remote(remote) = &settings.service else { panic!("{:?}", settings.service) };
        assert!(matches!(remote.auth, Auth::Key(_)));
        assert!(remote.endpoint.starts_with("https://"));
        assert!(!format!("{settings:?}").contains("your-key"), "no key in debug output");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_file_and_key() {
        let (_dir, app) = trio(&[("app_config.json", "continuous_mode", "maybe".into())]);
        let error = load(&app).unwrap_err().to_string();
        assert!(error.contains("app_config.json") && error.contains("continuous_mode"), "{error}");
        let (_dir, app) = trio(&[("AOAI_config.json", "aoai_key", 5.into())]);
        let error = load(&app).unwrap_err().to_string();
        assert!(error.contains("aoai_key is a number"), "{error}");
        let (_dir, app) = trio(&[("storage_config.json", "storage_account_name", Value::Null)]);
        assert!(load(&app).unwrap_err().to_string().contains("storage_account_name is missing"));
    }

    #[test]
    fn keys_that_we_do_not_know_are_told() {
        let (_dir, app) = trio(&[("app_config.json", "comment", "mine".into())]);
        let warnings = load(&app).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains("comment")), "{warnings:?}");
    }
}
