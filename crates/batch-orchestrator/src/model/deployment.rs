//! Where a part is sent.

use std::fmt;

/// One deployment at one endpoint: what has a quota of its own. `<endpoint>#<deployment>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(pub String);

impl DeploymentId {
    /// The id of a deployment; without a name it stands for whatever the lines say.
    #[must_use]
    pub fn new(endpoint: &str, deployment: Option<&str>) -> Self {
        Self(format!("{endpoint}#{}", deployment.unwrap_or("*")))
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.0.rsplit_once('#').map_or(&self.0, |(endpoint, _)| endpoint)
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
