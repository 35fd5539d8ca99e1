//! Secrets, which are named in files and held by the environment.

use secrecy::SecretString;

use super::Environment;
use crate::error::CliError;

/// A secret, or the name of the variable that should have held it.
///
/// It is looked up when the configuration is read and asked for when it is needed: `status` works without a key.
#[derive(Debug, Clone)]
pub struct NamedSecret {
    setting: &'static str,
    variable: String,
    value: Option<SecretString>,
}

impl NamedSecret {
    /// The secret in the variable that `setting` names.
    #[must_use]
    pub fn from_environment(setting: &'static str, variable: &str, environment: &Environment) -> Self {
        let value = environment.get(variable).map(SecretString::from);
        Self { setting, variable: variable.to_owned(), value }
    }

    /// A secret that is there.
    #[must_use]
    pub fn known(setting: &'static str, value: SecretString) -> Self {
        Self { setting, variable: String::new(), value: Some(value) }
    }

    /// The secret.
    ///
    /// # Errors
    /// If its variable is not set: the error names it.
    pub fn get(&self) -> Result<&SecretString, CliError> {
        let Self { setting, variable, value } = self;
        value.as_ref().ok_or_else(|| {
            CliError::usage(format!("the environment variable {variable} is not set ({setting} names it)"))
                .hint(format!("set it for this shell: export {variable}=…"))
                .hint("a secret is never written in the configuration file, only the name of its variable")
        })
    }
}
