//! Finding and reading the configuration.

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};

use super::{environment::variable, legacy, raw::Raw, resolve::resolve, settings::Settings};
use crate::{
    args::Global,
    error::{CliError, CliResult},
};

/// The file that is read where none is named.
const DEFAULT_FILE: &str = "aoai-batch.toml";

/// Loads what the arguments name: `--config`, else `--app-config` or `APP_CONFIG`, else `./aoai-batch.toml`.
pub(crate) fn load(global: &Global) -> CliResult<Settings> {
    if let Some(file) = &global.config {
        return load_file(file);
    }
    if let Some(file) = global.app_config.clone().or_else(|| variable("APP_CONFIG").map(PathBuf::from)) {
        return legacy::load(&file);
    }
    let file = Path::new(DEFAULT_FILE);
    if file.exists() {
        return load_file(file);
    }
    Err(CliError::usage(format!(
        "there is no configuration: no --config, no --app-config, no ./{DEFAULT_FILE}"
    ))
    .hint("`aoai-batch init` writes one; `aoai-batch demo` needs none"))
}

/// Whether there is a configuration at all.
pub(crate) fn is_given(global: &Global) -> bool {
    let named = global.config.is_some() || global.app_config.is_some();
    named || variable("APP_CONFIG").is_some() || Path::new(DEFAULT_FILE).exists()
}

/// Loads a TOML file; environment variables win over it.
pub(crate) fn load_file(file: &Path) -> CliResult<Settings> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        CliError::usage(format!("the configuration {} cannot be read", file.display())).caused_by(&error)
    })?;
    let raw = parse(file, &text, Env::prefixed("AOAI_BATCH__").split("__"))?;
    resolve(raw, file, &directory_of(file))
}

fn parse(file: &Path, text: &str, environment: Env) -> CliResult<Raw> {
    // Read once by itself for messages with line and column; figment only knows keys.
    toml::from_str::<toml::Table>(text).map_err(|error| {
        CliError::usage(format!("the configuration {} is not valid TOML", file.display())).caused_by(&error)
    })?;
    Figment::new().merge(Toml::string(text)).merge(environment).extract().map_err(|error| {
        let mut text = CliError::usage(format!("the configuration {} is not right", file.display()));
        for error in error {
            let key = error.path.join(".");
            let from_variable = error.metadata.as_ref().is_some_and(|m| m.name.contains("environment"));
            let place = if from_variable { " (an environment variable AOAI_BATCH__…)" } else { "" };
            let key = if key.is_empty() { String::new() } else { format!("{key}{place}: ") };
            text.causes.push(format!("{key}{}", error.kind));
        }
        text.hint("every key with its meaning: `aoai-batch init DIR` writes a commented file")
    })
}

/// Relative paths mean the directory of the file that names them.
pub(super) fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../../templates/aoai-batch.toml");

    fn raw(text: &str) -> CliResult<Raw> {
        parse(Path::new("x.toml"), text, Env::prefixed("NO_SUCH_PREFIX__").split("__"))
    }

    #[test]
    fn the_template_says_the_defaults_and_every_key() {
        let with_options = uncommented(TEMPLATE);
        raw(&with_options).unwrap();
        let written: toml::Table = toml::from_str(&with_options).unwrap();
        let template: Raw = raw(TEMPLATE).unwrap();
        let defaults = serde_json::to_value(Raw::default()).unwrap();
        let said = serde_json::to_value(&template).unwrap();
        for (section, keys) in defaults.as_object().unwrap().iter().filter(|(name, _)| *name != "emulator") {
            for (key, value) in keys.as_object().unwrap() {
                assert!(
                    written[section].get(key).is_some(),
                    "templates/aoai-batch.toml does not have {section}.{key}"
                );
                let example =
                    ["endpoint", "deployment", "input", "processed", "error"].contains(&key.as_str());
                assert!(
                    example || said[section][key] == *value,
                    "{section}.{key} is not the default in the template"
                );
            }
        }
    }

    /// The template with its optional keys (`# key = value`) switched on.
    fn uncommented(text: &str) -> String {
        let is_key = |line: &str| {
            line.strip_prefix("# ").is_some_and(|rest| {
                rest.split_once(" = ")
                    .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            })
        };
        text.lines()
            .map(|line| if is_key(line) { line.trim_start_matches("# ") } else { line })
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn an_unknown_key_is_named_with_its_path() {
        let error = raw("[run]\nmax_inflight = 3\n").unwrap_err().to_string();
        assert!(
            error.contains("run") && error.contains("max_inflight") && error.contains("max_in_flight"),
            "{error}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_path() {
        for (text, part) in [
            ("[run]\npoll_interval = \"soon\"\n", "run.poll_interval"),
            ("[limits]\nmax_line_bytes = \"big\"\n", "limits.max_line_bytes"),
            ("[run]\nmode = \"twice\"\n", "run.mode"),
            ("[service]\nset_model = \"false\"\n", "service.set_model"),
            (
                "[pricing.models.\"gpt-4.1\"]\ninput = -1\noutput = 1\n",
                "pricing.models.gpt-4.1.input: -1 is negative",
            ),
            (
                "[pricing.models.\"gpt-4.1\"]\ninput = nan\noutput = 1\n",
                "pricing.models.gpt-4.1.input: NaN is not",
            ),
            ("[pricing.models.\"gpt-4.1\"]\ninput = 1e99\noutput = 1\n", "pricing.models.gpt-4.1.input"),
            ("[pricing.models.m]\ninput = 1\n", "pricing.models.m: missing field `output`"),
            ("[pricing.models.m]\ninput = 1\noutput = 1\nprice = 1\n", "pricing.models.m"),
            ("[pricing]\ntier = \"regional\"\n", "pricing.tier"),
        ] {
            let error = raw(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error = raw("[run\n").unwrap_err().to_string();
        assert!(error.contains("not valid TOML") && error.contains("line 1"), "{error}");
    }
}
