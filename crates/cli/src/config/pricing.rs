//! What tokens cost: the built-in table, and what the configuration puts over it.

use std::path::Path;

use batch_orchestrator::cost::{PriceFile, PriceTable};

use super::raw;
use crate::error::{CliError, CliResult};

const HINT: &str = "a row is [models.\"NAME\"] with input, output and, if you like, cached_input, date, source and \
                    data_zone; prices are USD for 1,000,000 tokens";

/// The prices that hold. `source` is the configuration, whose relative paths mean `base`.
pub(super) fn prices(pricing: &raw::Pricing, source: &Path, base: &Path) -> CliResult<PriceTable> {
    let mut table = PriceTable::built_in(pricing.tier);
    if let Some(file) = &pricing.file {
        table.take_file(read(&base.join(file))?);
    }
    for (model, row) in &pricing.models {
        row.check(model).map_err(|wrong| {
            CliError::usage(format!("the configuration {} is not right", source.display()))
                .because(format!("pricing.{wrong}"))
        })?;
        let mut row = row.clone();
        row.source.get_or_insert_with(|| format!("[pricing.models] of {}", source.display()));
        table.take_row(model.clone(), row);
    }
    Ok(table)
}

fn read(path: &Path) -> CliResult<PriceFile> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("the price table {shown} cannot be read (pricing.file)")).caused_by(&error)
    })?;
    let mut file = PriceFile::parse(&text).map_err(|wrong| {
        CliError::usage(format!("the price table {shown} is not right (pricing.file)"))
            .because(wrong)
            .hint(HINT)
    })?;
    file.source.get_or_insert_with(|| shown.to_string());
    Ok(file)
}

#[cfg(test)]
mod tests {
    use batch_orchestrator::cost::Tier;

    use super::*;

    fn pricing(text: &str) -> raw::Pricing {
        toml::from_str(text).unwrap()
    }

    fn input(table: &PriceTable, model: &str) -> String {
        table.find(model).unwrap().prices.input.of(1_000_000).to_decimal()
    }

    #[test]
    fn the_configuration_wins_over_its_file_and_the_file_over_what_is_built_in() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("prices.toml"),
            "date = \"2026-11-01\"\n[models.gpt-4o]\ninput = 7\noutput = 8\n[models.mine]\ninput = 1\noutput = 2\n",
        )
        .unwrap();
        let pricing =
            pricing("file = \"prices.toml\"\n[models]\n\"gpt-4o\" = { input = 9.5, output = 10 }\n");
        let table = prices(&pricing, Path::new("a.toml"), dir.path()).unwrap();
        assert_eq!(input(&table, "gpt-4o"), "9.5");
        assert_eq!(table.find("gpt-4o").unwrap().source, Some("[pricing.models] of a.toml"));
        assert_eq!(input(&table, "mine"), "1");
        let listed = table.find("mine").unwrap();
        assert!(listed.date == Some("2026-11-01") && listed.source.unwrap().ends_with("prices.toml"));
        assert_eq!(input(&table, "gpt-4o-mini"), "0.075");
    }

    #[test]
    fn the_tier_chooses_among_published_prices() {
        let table = prices(&pricing("tier = \"data_zone\"\n"), Path::new("a.toml"), Path::new(".")).unwrap();
        assert_eq!(input(&table, "gpt-4.1"), "1.1");
        assert_eq!(pricing("").tier, Tier::Global);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let refused =
            |text: &str| prices(&pricing(text), Path::new("a.toml"), dir.path()).unwrap_err().to_string();
        let missing = refused("file = \"none.toml\"\n");
        assert!(missing.contains("none.toml") && missing.contains("pricing.file"), "{missing}");
        std::fs::write(
            dir.path().join("bad.toml"),
            "date = \"2026-11-01\"\n[models.m]\ninput = -3\noutput = 1\n",
        )
        .unwrap();
        let bad = refused("file = \"bad.toml\"\n");
        assert!(bad.contains("bad.toml") && bad.contains("line 3") && bad.contains("negative"), "{bad}");
        let date = refused("[models]\nm = { input = 1, output = 1, date = \"today\" }\n");
        assert!(date.contains("a.toml") && date.contains("pricing.models.\"m\".date"), "{date}");
    }
}
