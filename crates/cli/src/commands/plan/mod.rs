//! `plan`: what a run would do, and why.

mod run;
mod table;

pub(crate) use run::run;
