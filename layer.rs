//! A layer of configuration that is not a TOML file: the environment, or the translated JSON trio.

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use super::{Environment, RawConfig};

/// Name of the environment's layer, by which errors recognise it.
pub(super) const ENVIRONMENT: &str = "environment";

/// Keys from anywhere, with the name that errors use for them.
pub(super) struct Layer {
    name: String,
    keys: Dict,
}

impl Layer {
    pub(super) fn new(name: String, keys: Dict) -> Self {
        Self { name, keys }
    }

    /// Every `AOAI_BATCH__SECTION__KEY`. The default of a key says what its text means: `1` is a name where a name is
    /// expected and a number where a number is.
    pub(super) fn of_environment(environment: &Environment) -> Self {
        let defaults = Value::serialize(RawConfig::default()).ok();
        let mut keys = Dict::new();
        for (path, text) in environment.keys() {
            let default = defaults.as_ref().and_then(|root| root.find_ref(&path.join(".")));
            insert(&mut keys, &path, typed(text, default));
        }
        Self::new(ENVIRONMENT.to_owned(), keys)
    }
}

fn typed(text: &str, default: Option<&Value>) -> Value {
    match default {
        Some(Value::String(..) | Value::Empty(..)) => Value::from(text),
        // Parsing an arbitrary text cannot fail: what is nothing else is a string.
        _ => text.parse().unwrap_or_else(|_| Value::from(text)),
    }
}

fn insert(keys: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            keys.insert(key.clone(), value);
        }
        [section, rest @ ..] => {
            let inner = keys.entry(section.clone()).or_insert_with(|| Value::from(Dict::new()));
            // A scalar in the way, as in A=1 and A__B=2, gives way: the section's own check reports what is wrong.
            if !matches!(inner, Value::Dict(..)) {
                *inner = Value::from(Dict::new());
            }
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.keys.clone()))
    }
}
