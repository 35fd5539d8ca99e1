//! Finding the price of a model.

use std::collections::BTreeMap;

use super::{PriceFile, PriceRow, Prices, Tier};

/// Prices by model, those of one tier.
///
/// # Guarantees
/// A price is found by the model's own name, or by that name without the date at its end: `gpt-4o-2024-11-20` is
/// `gpt-4o`. Nothing else is taken for the same model: what is not in the table has no price.
#[derive(Debug, Clone)]
pub struct PriceTable {
    tier: Tier,
    rows: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `None`: the model is known, but not its price in this tier.
    prices: Option<Prices>,
    date: Option<String>,
    source: Option<String>,
}

/// A price, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The row that it was found in.
    pub model: &'a str,
    /// The prices.
    pub prices: Prices,
    /// When they were read.
    pub date: Option<&'a str>,
    /// Where.
    pub source: Option<&'a str>,
}

impl PriceTable {
    /// The published prices that this build knows.
    #[must_use]
    pub fn built_in(tier: Tier) -> Self {
        let mut table = Self { tier, rows: BTreeMap::new() };
        let PriceFile { date, source, models } = PriceFile::built_in();
        for (model, row) in models {
            let prices = match tier {
                Tier::Global => Some(row.prices()),
                Tier::DataZone => row.data_zone.as_ref().map(|zone| zone.prices()),
            };
            let of_row = match tier {
                Tier::Global => row.source,
                Tier::DataZone => row.data_zone.and_then(|zone| zone.source),
            };
            let source = match (of_row, &source) {
                (Some(row), Some(all)) => Some(format!("{all}: {row}")),
                (row, all) => row.or(all.clone()),
            };
            let date = row.date.or_else(|| Some(date.clone()));
            table.rows.insert(model, Entry { prices, date, source });
        }
        table
    }

    /// Takes the rows of a table of one's own: they replace those of the same name, and hold for either tier unless
    /// they say what differs in a data zone.
    pub fn take_file(&mut self, file: PriceFile) {
        for (model, mut row) in file.models {
            row.date = row.date.or_else(|| Some(file.date.clone()));
            row.source = row.source.or_else(|| file.source.clone());
            self.take_row(model, row);
        }
    }

    /// Takes one row of one's own, as [`take_file`](Self::take_file) does.
    pub fn take_row(&mut self, model: String, row: PriceRow) {
        let zone = row.data_zone.as_ref().filter(|_| self.tier == Tier::DataZone);
        let prices = Some(zone.map_or_else(|| row.prices(), |zone| zone.prices()));
        let of_zone = zone.and_then(|zone| zone.source.clone());
        self.rows.insert(model, Entry { prices, date: row.date, source: of_zone.or(row.source) });
    }

    /// The price of a model.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<Listed<'_>> {
        let named = |name| self.rows.get_key_value(name);
        let (model, entry) = named(model).or_else(|| named(undated(model)?))?;
        Some(Listed {
            model,
            prices: entry.prices?,
            date: entry.date.as_deref(),
            source: entry.source.as_deref(),
        })
    }
}

/// A name without the date at its end.
fn undated(model: &str) -> Option<&str> {
    const DATE: &str = "-0000-00-00";
    let (name, date) = model.split_at_checked(model.len().checked_sub(DATE.len())?)?;
    let fits = |(found, pattern): (u8, u8)| found == pattern || pattern == b'0' && found.is_ascii_digit();
    (!name.is_empty() && date.bytes().zip(DATE.bytes()).all(fits)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(table: &PriceTable, model: &str) -> Option<String> {
        table.find(model).map(|listed| listed.prices.input.of(1_000_000).to_decimal())
    }

    #[test]
    fn a_dated_name_has_its_own_price_or_that_of_its_model() {
        let table = PriceTable::built_in(Tier::Global);
        for (model, row, price) in [
            ("gpt-4o", "gpt-4o", "1.25"),
            ("gpt-4o-2024-11-20", "gpt-4o", "1.25"),
            ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13", "2.5"),
            ("gpt-4o-mini-2024-07-18", "gpt-4o-mini", "0.075"),
            ("gpt-4.1-nano-2025-04-14", "gpt-4.1-nano", "0.05"),
            ("gpt-5.1", "gpt-5.1", "0.625"),
            ("text-embedding-3-large", "text-embedding-3-large", "0.065"),
        ] {
            assert_eq!(table.find(model).map(|listed| listed.model), Some(row), "{model}");
            assert_eq!(input(&table, model).as_deref(), Some(price), "{model}");
        }
    }

    #[test]
    fn nothing_is_taken_for_a_model_that_only_begins_alike() {
        let table = PriceTable::built_in(Tier::Global);
        for model in [
            "gpt-4o-mini-batch",
            "gpt-4o-audio-preview",
            "gpt-4o-2024",
            "gpt-4o-2024-11-2x",
            "gpt-4o-20241120",
            "gpt-4o-2024-11-20-x",
            "gpt-4-1106-preview",
            "gpt-5.1-codex",
            "gpt",
            "gpt-6",
            "-2024-11-20",
            "2024-11-20",
            "ft:gpt-4o-mini:org::id",
            "é-024-11-20",
            "",
        ] {
            assert_eq!(table.find(model), None, "{model}");
        }
    }

    #[test]
    fn where_a_tier_has_no_price_there_is_none_rather_than_that_of_another() {
        let table = PriceTable::built_in(Tier::DataZone);
        assert_eq!(input(&table, "gpt-4o").as_deref(), Some("1.375"));
        assert_eq!(table.find("o3-pro"), None);
        assert_eq!(table.find("o3-pro-2025-06-10"), None);
    }

    #[test]
    fn ones_own_prices_win_in_either_tier() {
        let file = PriceFile::parse(
            "date = \"2026-11-01\"\nsource = \"our contract\"\n\
             [models.gpt-4o]\ninput = 1\noutput = 2\n\
             [models.own]\ninput = 3\noutput = 4\ndate = \"2026-11-02\"\n\
             data_zone = { input = 5, output = 6, source = \"EU\" }\n",
        )
        .unwrap();
        for (tier, own) in [(Tier::Global, ("3", "our contract")), (Tier::DataZone, ("5", "EU"))] {
            let mut table = PriceTable::built_in(tier);
            let before = input(&table, "gpt-4o-mini");
            table.take_file(file.clone());
            assert_eq!(input(&table, "gpt-4o").as_deref(), Some("1"));
            let listed = table.find("gpt-4o-2024-11-20").unwrap();
            assert_eq!((listed.date, listed.source), (Some("2026-11-01"), Some("our contract")));
            assert_eq!(input(&table, "own").as_deref(), Some(own.0));
            let listed = table.find("own").unwrap();
            assert_eq!((listed.date, listed.source), (Some("2026-11-02"), Some(own.1)));
            assert_eq!(input(&table, "gpt-4o-mini"), before);
            assert!(before.is_some());
        }
    }

    #[test]
    fn a_published_price_says_when_and_where() {
        let table = PriceTable::built_in(Tier::Global);
        let listed = table.find("gpt-5").unwrap();
        assert_eq!(listed.date, Some("2026-08-11"));
        let source = listed.source.unwrap();
        assert!(source.contains("https://prices.azure.com/") && source.contains("GPT 5 Batch"), "{source}");
        let halved = table.find("text-embedding-3-small").unwrap().source.unwrap();
        assert!(halved.contains("half of the standard price of text-embedding-3-small"), "{halved}");
    }
}
