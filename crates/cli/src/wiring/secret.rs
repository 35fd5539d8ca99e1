//! Secrets come from where the configuration says they are, when they are needed.

use crate::{
    config::{SecretFrom, variable},
    error::{CliError, CliResult},
};

/// A secret from the variable that a key of the configuration names.
pub(crate) fn secret(name: &str, key: &str) -> CliResult<String> {
    variable(name).ok_or_else(|| {
        CliError::usage(format!("the environment variable {name}, which {key} names, is not set"))
            .hint(format!("export {name}=… before the run; secrets are never written into the configuration"))
    })
}

/// A secret from wherever it is.
pub(super) fn secret_from(from: &SecretFrom) -> CliResult<String> {
    match from {
        SecretFrom::Variable { name, key } => secret(name, key),
        SecretFrom::Text(text) => Ok(text.0.clone()),
    }
}
