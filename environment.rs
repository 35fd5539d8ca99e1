//! The one place that reads the environment.

use std::{collections::BTreeMap, fmt};

/// The variables of the process, as they were when it started.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// What sets configuration keys: `AOAI_BATCH__SECTION__KEY`.
    pub const PREFIX: &'static str = "AOAI_BATCH__";

    /// Reads it. A variable that is not Unicode is none of ours.
    #[must_use]
    pub fn of_the_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable that is set and not blank, without the space around it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The configuration keys that are set: their lower-case segments, and the value.
    pub fn keys(&self) -> impl Iterator<Item = (Vec<String>, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let path = name.strip_prefix(Self::PREFIX)?;
            Some((path.split("__").map(str::to_ascii_lowercase).collect(), value.as_str()))
        })
    }

    /// The variable that sets a key.
    #[must_use]
    pub fn variable_of<S: AsRef<str>>(path: &[S]) -> String {
        let segments: Vec<String> = path.iter().map(|part| part.as_ref().to_ascii_uppercase()).collect();
        format!("{}{}", Self::PREFIX, segments.join("__"))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    // It holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_and_lowered() {
        let environment: Environment =
            [("AOAI_BATCH__RUN__POLL_INTERVAL", "5s"), ("PATH", "/bin"), ("AOAI_BATCH", "no")]
                .into_iter()
                .collect();
        let keys: Vec<_> = environment.keys().collect();
        assert_eq!(keys, [(vec!["run".to_owned(), "poll_interval".to_owned()], "5s")]);
        assert_eq!(Environment::variable_of(&["run", "poll_interval"]), "AOAI_BATCH__RUN__POLL_INTERVAL");
    }

    #[test]
    fn a_blank_variable_is_not_set() {
        let environment: Environment = [("A", " "), ("B", "x\n")].into_iter().collect();
        assert_eq!((environment.get("A"), environment.get("B")), (None, Some("x")));
    }
}
