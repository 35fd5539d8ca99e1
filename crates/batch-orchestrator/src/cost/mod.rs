//! What tokens cost: prices by model, and amounts that are exact.
//!
//! Nothing here knows where tokens come from or where a table was read.

mod expected;
mod lookup;
mod price;
mod prices;
mod table;
mod usd;

pub use expected::{Expected, expected};
pub use lookup::{Listed, PriceTable};
pub use price::Price;
pub use prices::{Cost, CostRange, Prices};
pub use table::{PriceFile, PriceRow, Tier, ZoneRow};
pub use usd::{Overflow, Usd};
