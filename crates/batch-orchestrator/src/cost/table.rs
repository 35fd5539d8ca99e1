//! A table of prices, as it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Price, Prices};

/// Which of the service's batch deployments prices are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Global batch.
    #[default]
    Global,
    /// Data zone batch.
    DataZone,
}

/// A table: TOML with a date and rows by model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceFile {
    /// When the prices were read, `YYYY-MM-DD`; a row may have a date of its own.
    pub date: String,
    /// Where, unless a row says otherwise.
    #[serde(default)]
    pub source: Option<String>,
    /// By model.
    pub models: BTreeMap<String, PriceRow>,
}

/// What a model costs: USD for 1,000,000 tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// Of the prompt.
    pub input: Price,
    /// Of what was cached; where it is missing, as `input`.
    #[serde(default)]
    pub cached_input: Option<Price>,
    /// Of the answer; 0 for a model that makes none.
    pub output: Price,
    /// When the price was read, `YYYY-MM-DD`.
    #[serde(default)]
    pub date: Option<String>,
    /// Where.
    #[serde(default)]
    pub source: Option<String>,
    /// What differs in a data zone.
    #[serde(default)]
    pub data_zone: Option<ZoneRow>,
}

/// What a model costs in a data zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneRow {
    /// Of the prompt.
    pub input: Price,
    /// Of what was cached; where it is missing, as `input`.
    #[serde(default)]
    pub cached_input: Option<Price>,
    /// Of the answer.
    pub output: Price,
    /// Where the price was read.
    #[serde(default)]
    pub source: Option<String>,
}

impl PriceFile {
    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong, with line and key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        check_date("date", &file.date)?;
        for (model, row) in &file.models {
            row.check(model)?;
        }
        Ok(file)
    }

    /// The table of this build.
    pub(super) fn built_in() -> Self {
        Self::parse(include_str!("prices.toml")).expect("a test reads the table that is built in")
    }
}

impl PriceRow {
    /// Whether the row makes sense beyond its numbers.
    ///
    /// # Errors
    /// What is wrong, with the key below `models`.
    pub fn check(&self, model: &str) -> Result<(), String> {
        match &self.date {
            Some(date) => check_date(&format!("models.{model:?}.date"), date),
            None => Ok(()),
        }
    }

    pub(super) fn prices(&self) -> Prices {
        Prices { input: self.input, cached_input: self.cached_input, output: self.output }
    }
}

impl ZoneRow {
    pub(super) fn prices(&self) -> Prices {
        Prices { input: self.input, cached_input: self.cached_input, output: self.output }
    }
}

fn check_date(key: &str, date: &str) -> Result<(), String> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    match time::Date::parse(date, format) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{key} is \"{date}\", expected a date such as 2026-08-11")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        PriceFile::parse(text).unwrap_err()
    }

    #[test]
    fn every_built_in_row_says_where_it_comes_from() {
        let table = PriceFile::built_in();
        assert!(table.models.len() > 20);
        assert!(table.source.as_deref().is_some_and(|source| source.contains("https://prices.azure.com/")));
        for (model, row) in table.models {
            assert!(row.source.is_some_and(|source| source.contains("meter")), "{model}");
            // A price that was slipped by a factor would show here.
            assert!(row.output.is_zero() || row.output > row.input, "{model}");
            if let Some(zone) = row.data_zone {
                assert!(zone.source.is_some_and(|source| source.contains("meter")), "{model}");
                assert!(zone.input > row.input && zone.output > row.output, "{model}");
                assert!(zone.input.of(100) <= row.input.of(112), "{model}");
            }
            if let Some(cached) = row.cached_input {
                assert_eq!(cached.of(10), row.input.of(1), "{model}");
            }
        }
    }

    #[test]
    fn errors_name_the_key_and_what_is_wrong_with_it() {
        for (text, parts) in [
            ("[models]\n", vec!["missing field `date`"]),
            ("date = \"soon\"\n[models]\n", vec!["date is \"soon\""]),
            ("date = \"2026-13-01\"\n[models]\n", vec!["2026-13-01"]),
            ("date = \"2026-08-11\"\n[models.m]\ninput = 1\n", vec!["line 2", "missing field `output`"]),
            (
                "date = \"2026-08-11\"\n[models.m]\ninput = -1\noutput = 1\n",
                vec!["line 3", "input", "-1 is negative"],
            ),
            (
                "date = \"2026-08-11\"\n[models.m]\ninput = nan\noutput = 1\n",
                vec!["line 3", "not a finite number"],
            ),
            (
                "date = \"2026-08-11\"\n[models.m]\ninput = inf\noutput = 1\n",
                vec!["line 3", "not a finite number"],
            ),
            ("date = \"2026-08-11\"\n[models.m]\ninput = 1e300\noutput = 1\n", vec!["line 3", "too large"]),
            (
                "date = \"2026-08-11\"\n[models.m]\ninput = \"1\"\noutput = 1\n",
                vec!["line 3", "a price in USD"],
            ),
            (
                "date = \"2026-08-11\"\n[models.m]\ninput = 1\noutput = 1\nprice = 2\n",
                vec!["line 5", "price"],
            ),
            (
                "date = \"2026-08-11\"\n[models.m]\ninput = 1\noutput = 1\ndate = \"x\"\n",
                vec!["models.\"m\".date"],
            ),
            ("date = \"2026-08-11\"\n[models.m]\ninput = 1\noutput = 99999999999999999999\n", vec!["line 4"]),
        ] {
            let error = wrong(text);
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
    }
}
