//! `estimate`: tokens and their cost, by file and by model.

mod figures;
mod meter;
mod report;
mod run;
mod sample;

pub(crate) use run::run;
pub(crate) use sample::Share;
