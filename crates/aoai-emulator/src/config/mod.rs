//! What can be configured: plain data, loaded from JSON or TOML by whoever starts the emulator.

mod answers;
mod batches;
mod emulator;
mod entra;
mod files;
mod lake;
mod tls;
mod wire;

pub use answers::{AnswerConfig, Outcome, OutcomeRule, UpstreamConfig};
pub use batches::{
    BatchConfig, CancelOfTerminal, Deviation, ExpiryConfig, ListFilter, ListOrder, MetadataFate, QuotaConfig,
    QuotaMode, RefusedLines,
};
pub use emulator::{ClockConfig, EmulatorConfig, Secret};
pub use entra::EntraConfig;
pub use files::{FileConfig, InUseDelete};
pub use lake::{LakeAccount, LakeConfig};
pub use tls::TlsConfig;
pub use wire::{ErrorLineShape, ResultIds, WireConfig};
