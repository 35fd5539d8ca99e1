//! `doctor`: is everything there that a run needs, and what is to be done where it is not?

mod lake;
mod ledger;
mod probe;
mod report;
mod roles;
mod run;
mod service;

pub(crate) use run::run;
