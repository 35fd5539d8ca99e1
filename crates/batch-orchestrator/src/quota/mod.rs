//! The enqueued-token quota of a deployment: what is known of it, and whether one more batch fits.
//!
//! Pure: the ledgers call it within their transactions, so that two workers never take the last tokens both.

mod admit;
mod change;
mod place;
mod record;

pub use admit::{Budget, Intent, Load, NoRoom};
pub use change::{Account, QuotaChange, Used, limit_in};
pub use place::{Candidate, Demand, has_room, place};
pub use record::{Lowered, QuotaRecord, QuotaView};
