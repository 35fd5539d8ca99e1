//! What a run would do: the same listing, the same validation, the same rules of admission, and nothing is written or sent.

mod forecast;
mod merged;
mod survey;

pub use forecast::{Lane, PartForecast, Wish, forecast};
pub(crate) use survey::dry_run;
pub use survey::{DryRun, FileForecast, FileVerdict};
