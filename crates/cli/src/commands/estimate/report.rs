//! What is told: a table for people, JSON for programs, and where the figures come from.

use std::collections::BTreeMap;

use batch_orchestrator::cost::{CostRange, Listed, Overflow};
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::{Value, json};
use token_estimator::Provenance;

use super::figures::Figures;

const HEADER: [&str; 11] = [
    "file",
    "model",
    "lines",
    "prompt tokens",
    "text",
    "image",
    "tools",
    "overhead",
    "quota tokens",
    "count",
    "cost",
];

/// A file that was counted.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) file: String,
    /// What its lines name.
    pub(super) deployment: String,
    /// What is behind that.
    pub(super) model: String,
    pub(super) figures: Figures,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Report {
    seed: Option<u64>,
    files: Vec<Counted>,
    models: BTreeMap<String, Figures>,
    total: Figures,
    sources: BTreeMap<String, String>,
}

impl Report {
    /// `seed`: that of the samples, where samples are counted.
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self {
            seed,
            files: Vec::new(),
            models: BTreeMap::new(),
            total: Figures::ZERO,
            sources: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, counted: Counted, listed: Option<&Listed<'_>>) -> Result<(), Overflow> {
        self.models.entry(named(&counted)).or_insert(Figures::ZERO).add(&counted.figures)?;
        self.total.add(&counted.figures)?;
        if let Some(listed) = listed {
            let date = listed.date.map_or_else(String::new, |date| format!(" of {date}"));
            let source = listed.source.map_or_else(String::new, |source| format!(": {source}"));
            self.sources.insert(listed.model.to_owned(), format!("{}: prices{date}{source}", listed.model));
        }
        self.files.push(counted);
        Ok(())
    }

    /// A file, for programs.
    pub(super) fn file_value(&self, counted: &Counted, listed: Option<&Listed<'_>>) -> Value {
        let price = listed.map(|listed| {
            json!({
                "model": listed.model, "date": listed.date, "source": listed.source,
                "input": listed.prices.input, "cached_input": listed.prices.cached_input,
                "output": listed.prices.output,
            })
        });
        let mut value = self.value(&counted.figures);
        value["file"] = json!(counted.file);
        value["model"] = json!(counted.deployment);
        value["priced_as"] = json!(counted.model);
        value["price"] = json!(price);
        value
    }

    /// The sums, for programs.
    pub(super) fn total_value(&self) -> Value {
        let models: BTreeMap<_, _> =
            self.models.iter().map(|(model, figures)| (model, self.value(figures))).collect();
        json!({ "total": self.value(&self.total), "models": models })
    }

    fn value(&self, figures: &Figures) -> Value {
        let tokens = &figures.tokens;
        let cost = (figures.unpriced < figures.files || figures.files == 0)
            .then(|| json!({ "low_usd": figures.cost.low, "high_usd": figures.cost.high }));
        let mut value = json!({
            "files": figures.files,
            "lines": figures.lines,
            "prompt_tokens": tokens.prompt(),
            "text_tokens": tokens.text,
            "image_tokens": tokens.image,
            "tool_tokens": tokens.tool,
            "overhead_tokens": tokens.overhead,
            "max_output_tokens": tokens.max_output,
            "quota_tokens": tokens.quota,
            "provenance": tokens.provenance,
            "cost": cost,
            "files_without_price": figures.unpriced,
        });
        if let Some(margin) = figures.margin {
            let (low, high) = figures.interval();
            value["sample"] = json!({
                "lines": margin.counted, "confidence": 0.95, "low": low, "high": high, "seed": self.seed,
            });
        }
        value
    }

    /// All of it, for people.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_header(HEADER);
        for column in (2..9).chain([10]) {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for counted in &self.files {
            table.add_row(cells(counted.file.clone(), named(counted), &counted.figures));
        }
        if self.models.len() > 1 {
            for (model, figures) in &self.models {
                table.add_row(cells(format!("{} files", figures.files), model.clone(), figures));
            }
        }
        table.add_row(cells("total".into(), String::new(), &self.total));
        table.to_string()
    }

    /// Where the figures come from, and what would make them better.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.sources.values().cloned().collect();
        if self.total.tokens.max_output.is_none() && self.total.unpriced < self.total.files {
            notes.push(
                "plus output: not every line says how much it may be answered with (max_completion_tokens), so the \
                 cost has no upper end"
                    .into(),
            );
        }
        let unpriced = self.files.iter().filter(|counted| counted.figures.unpriced > 0);
        let unpriced: BTreeMap<_, _> =
            unpriced.map(|counted| (&counted.deployment, &counted.model)).collect();
        for (deployment, model) in unpriced {
            let subject = if deployment == model {
                format!("{model}: no price is known for a model of this name")
            } else {
                format!("{deployment}: no price is known for its model {model}")
            };
            notes.push(format!(
                "{subject}; say which model a deployment is in [tokens.deployments], or what it costs:\n  \
                 [pricing.models]\n  \"{model}\" = {{ input = …, output = … }}    # USD for 1,000,000 tokens"
            ));
        }
        if self.total.margin.is_some() {
            let (low, high) = self.total.interval();
            notes.push(format!(
                "sample: between {low} and {high} prompt tokens in all, with 95 % confidence; without --sample all \
                 are counted"
            ));
        }
        if self.total.tokens.provenance == Some(Provenance::Estimate) {
            notes.push(
                "estimate: the model behind a deployment is not known; name it in the configuration, as in\n  \
                 [tokens.deployments]\n  my-deployment = \"gpt-4o-mini\""
                    .into(),
            );
        }
        notes
    }
}

/// The deployment, and the model where that is another name.
fn named(counted: &Counted) -> String {
    let Counted { deployment, model, .. } = counted;
    if deployment == model { model.clone() } else { format!("{deployment} ({model})") }
}

fn cells(file: String, model: String, figures: &Figures) -> [String; HEADER.len()] {
    let tokens = &figures.tokens;
    [
        file,
        model,
        figures.lines.to_string(),
        tokens.prompt().to_string(),
        tokens.text.to_string(),
        tokens.image.to_string(),
        tokens.tool.to_string(),
        tokens.overhead.to_string(),
        tokens.quota.to_string(),
        how(figures),
        cost(figures),
    ]
}

/// How a count came about, for people.
fn how(figures: &Figures) -> String {
    let way = match figures.tokens.provenance {
        Some(Provenance::Exact) => "exact",
        Some(Provenance::Rule) => "by rule",
        Some(Provenance::Estimate) => "estimate",
        None => "",
    };
    match figures.margin {
        Some(margin) => {
            let share = margin.half_width / (figures.tokens.prompt().max(1) as f64) * 100.0;
            format!("{way}, sample of {} ± {share:.1} %", margin.counted)
        }
        None => way.into(),
    }
}

/// What it costs, for people. What is not known is said, and never taken for nothing.
fn cost(figures: &Figures) -> String {
    let CostRange { low, high } = figures.cost;
    let known = match high {
        Some(high) if high == low => low.to_string(),
        Some(high) => format!("{low} .. {high}"),
        None => format!("{low} plus output"),
    };
    match figures.unpriced {
        0 => known,
        all if all == figures.files => "unknown".into(),
        some => format!("{known}, and {some} files unknown"),
    }
}
