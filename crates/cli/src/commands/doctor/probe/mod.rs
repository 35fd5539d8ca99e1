//! `doctor --probe`: what the service and the lake really do where nobody promises it.

mod batch;
mod cleanup;
mod fence;
mod files;
mod in_use;
mod lake;
mod listing;
mod remains;
mod report;
mod run;
mod site;

pub(super) use report::ProbeReport;
pub(super) use run::run;
