//! The one place that reads the environment.

/// A variable, if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the configuration is where the environment belongs")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
