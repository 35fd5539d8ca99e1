#![doc = include_str!("../README.md")]

pub mod audit;
mod cleanup;
mod collect;
pub mod cost;
pub mod dry_run;
mod error;
pub mod ledger;
pub mod machine;
pub mod manage;
mod merge;
pub mod model;
mod options;
mod poll;
pub mod quota;
mod reconcile;
mod recover;
mod snapshot;
mod submit;
mod upload;
pub mod validate;

pub use collect::{MANIFEST_FORMAT, MANIFEST_NAME};
pub use error::PipelineError;
pub use options::{
    BlobUrls, CostOptions, LakeOptions, LimitOptions, MergeOptions, OutputOptions, OutputOrder,
    PipelineOptions, RunOptions, ServiceOptions, Transfer,
};
pub use reconcile::{Backends, Event, Observer, Pipeline, ResolveError, RunReport, Stop, resolve};
pub use result_tables::{FieldError, RequestField, TableFormat, TableWriter};
pub use snapshot::{Skipped, SkippedReason, Watcher};
