//! Every check, one after the other.

use super::{
    conditions::{
        concurrent_if_absent_has_one_winner, delete_directory_takes_all,
        delete_is_idempotent_and_conditional, if_absent_keeps_what_is_there, if_match_needs_the_version,
        stale_read_is_refused,
    },
    files::{
        dropped_writer_leaves_nothing, nothing_is_visible_before_commit, ranges_are_exact,
        written_bytes_come_back, wrong_types_are_told,
    },
    listing::{
        lists_in_order, missing_directory_is_not_found, odd_names_round_trip, paths_cannot_escape,
        unfinished_files_are_listed_apart,
    },
    renames::{
        lost_rename_is_recognised, missing_source_is_not_found, rename_conditions_hold,
        rename_keeps_the_version,
    },
};
use crate::DataLake;

/// Runs every check in the two filesystems, which are made if they are not there.
pub async fn run_all(lake: &dyn DataLake, one: &str, other: &str) {
    for filesystem in [one, other] {
        lake.ensure_filesystem(filesystem).await.expect("a filesystem is made");
        lake.ensure_filesystem(filesystem).await.expect("a filesystem that is there is fine");
    }
    written_bytes_come_back(lake, one).await;
    ranges_are_exact(lake, one).await;
    nothing_is_visible_before_commit(lake, one).await;
    dropped_writer_leaves_nothing(lake, one).await;
    wrong_types_are_told(lake, one).await;
    if_absent_keeps_what_is_there(lake, one).await;
    if_match_needs_the_version(lake, one).await;
    concurrent_if_absent_has_one_winner(lake, one).await;
    stale_read_is_refused(lake, one).await;
    delete_is_idempotent_and_conditional(lake, one).await;
    delete_directory_takes_all(lake, one).await;
    for target in [one, other] {
        rename_keeps_the_version(lake, one, target).await;
        rename_conditions_hold(lake, one, target).await;
        missing_source_is_not_found(lake, one, target).await;
        lost_rename_is_recognised(lake, one, target).await;
    }
    lists_in_order(lake, one).await;
    unfinished_files_are_listed_apart(lake, one).await;
    missing_directory_is_not_found(lake, one).await;
    odd_names_round_trip(lake, one, other).await;
    paths_cannot_escape(lake, one).await;
}
