//! What every backend must do, as checks that panic with a reason.
//!
//! Each check works in a directory of its own, with a unique name, so a suite can run against a lake that is in use;
//! it deletes the directory when it passes. Prove a backend with one test:
//!
//! ```no_run
//! # async fn check(lake: &dyn adls_io::DataLake) {
//! adls_io::conformance::run_all(lake, "input", "processed").await;
//! # }
//! ```

mod all;
mod conditions;
mod files;
mod listing;
mod renames;
mod support;

pub use all::run_all;
pub use conditions::{
    concurrent_if_absent_has_one_winner, delete_directory_takes_all, delete_is_idempotent_and_conditional,
    if_absent_keeps_what_is_there, if_match_needs_the_version, stale_read_is_refused,
};
pub use files::{
    dropped_writer_leaves_nothing, nothing_is_visible_before_commit, ranges_are_exact,
    written_bytes_come_back, wrong_types_are_told,
};
pub use listing::{
    lists_in_order, missing_directory_is_not_found, odd_names_round_trip, paths_cannot_escape,
    unfinished_files_are_listed_apart,
};
pub use renames::{
    lost_rename_is_recognised, missing_source_is_not_found, rename_conditions_hold, rename_keeps_the_version,
};
