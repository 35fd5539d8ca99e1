//! Merging: the lines of many small files as one batch, a *bundle*, and each file's results back where they belong.
//!
//! A bundle is a job like any other, but for both of its ends: its input is put together here (`assemble`), and instead of
//! publishing anything it hands each member its share of the results (`deliver`). The member's own job validates before
//! and publishes after, as if its file had been sent alone.

mod assemble;
mod choose;
mod deliver;
mod gather;
mod ids;
mod leave;
mod lost;
mod member;
mod share;
mod table;

pub(crate) use assemble::assemble;
pub(crate) use choose::{SmallFile, bundles, is_small};
pub(crate) use deliver::deliver;
pub(crate) use gather::{Gathered, gather};
pub(crate) use leave::{leave, members_pending};
pub(crate) use lost::{Bundles, recall};
pub(crate) use member::await_share;
pub(crate) use table::members_of;
