//! What must never happen.

/// An event that makes no sense in a state: a bug, never the world's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is illegal in state {state}")]
pub struct IllegalEvent {
    /// The state's name.
    pub state: &'static str,
    /// The event.
    pub event: String,
}
