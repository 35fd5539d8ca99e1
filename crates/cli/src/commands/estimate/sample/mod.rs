//! Counting a sample instead of everything, and what that says of everything.

mod draw;
mod extrapolate;
mod ratio;
mod share;

pub(super) use draw::{Draw, Drawn};
pub(super) use extrapolate::{Population, extrapolate};
pub(crate) use share::Share;
