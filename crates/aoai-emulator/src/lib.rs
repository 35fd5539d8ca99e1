#![doc = include_str!("../README.md")]

mod answers;
mod batches;
mod books;
mod clock;
mod config;
mod control;
mod emulator;
mod entra;
mod error;
mod files;
mod lake;
mod server;
mod state;
mod storage_auth;

pub use books::{BatchBooks, Books, PaidTwice};
pub use config::{
    AnswerConfig, BatchConfig, CancelOfTerminal, ClockConfig, Deviation, EmulatorConfig, EntraConfig,
    ErrorLineShape, ExpiryConfig, FileConfig, InUseDelete, LakeAccount, LakeConfig, ListFilter, ListOrder,
    MetadataFate, Outcome, OutcomeRule, QuotaConfig, QuotaMode, RefusedLines, ResultIds, Secret, TlsConfig,
    UpstreamConfig, WireConfig,
};
pub use control::{BatchSummary, Control, FileSummary, Snapshot};
pub use emulator::Emulator;
pub use error::{EmulatorError, Result};
pub use lake::LakeEntry;
pub use server::{FaultEffect, FaultMatch, FaultRule, Operation};
