//! What was measured, for people and for programs.

use serde_json::{Value, json};

/// One number of ours, and one to hold it against.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) unit: &'static str,
    pub(super) ours: f64,
    /// What the other number is, and the number.
    pub(super) other: Option<(&'static str, f64)>,
    pub(super) target: Option<Target>,
}

/// Of the ratio, or of our number where there is no other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    pub(super) fn ratio(&self) -> Option<f64> {
        self.other.map(|(_, other)| self.ours / other)
    }

    /// Whether it is as it should be, where that is said.
    pub(super) fn met(&self) -> Option<bool> {
        let judged = self.ratio().unwrap_or(self.ours);
        self.target.map(|target| match target {
            Target::AtLeast(least) => judged >= least,
            Target::AtMost(most) => judged <= most,
        })
    }

    fn cells(&self) -> [String; 5] {
        let number = |value: f64| format!("{value:.*} {}", if value < 100.0 { 2 } else { 0 }, self.unit);
        let target = self.target.map_or_else(String::new, |target| match target {
            Target::AtLeast(least) => format!("at least {least}"),
            Target::AtMost(most) => format!("at most {most}"),
        });
        let verdict = match self.met() {
            Some(false) => format!("{target} (missed)"),
            _ => target,
        };
        [
            self.what.clone(),
            number(self.ours).trim_end().to_owned(),
            self.other.map_or_else(String::new, |(name, value)| format!("{} ({name})", number(value))),
            self.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            verdict,
        ]
    }
}

/// A table in columns.
pub(super) fn text(rows: &[Row]) -> String {
    let heading = ["what", "ours", "other", "ratio", "target"].map(str::to_owned);
    let cells: Vec<[String; 5]> = std::iter::once(heading).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let lines = cells.iter().map(|row| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// All of it as one value.
pub(super) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "what": row.what,
            "unit": row.unit,
            "ours": row.ours,
            "other": row.other.map(|(name, value)| json!({ "is": name, "value": value })),
            "ratio": row.ratio(),
            "met": row.met(),
        })
    };
    json!({ "rows": rows.iter().map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, other: Option<f64>, target: Option<Target>) -> Row {
        Row { what: "reading".into(), unit: "MiB/s", ours, other: other.map(|value| ("curl", value)), target }
    }

    #[test]
    fn the_ratio_is_judged_where_there_is_one() {
        assert_eq!(row(8.0, Some(10.0), Some(Target::AtLeast(0.8))).met(), Some(true));
        assert_eq!(row(7.0, Some(10.0), Some(Target::AtLeast(0.8))).met(), Some(false));
        assert_eq!(row(21.0, None, Some(Target::AtMost(21.0))).met(), Some(true));
        assert_eq!(row(1.0, None, None).met(), None);
    }

    #[test]
    fn both_forms_have_everything() {
        let rows = [row(700.0, Some(1000.0), Some(Target::AtLeast(0.8))), row(1.5, None, None)];
        let text = text(&rows);
        assert_eq!(text.lines().count(), 3, "{text}");
        for part in ["700 MiB/s", "1000 MiB/s (curl)", "0.70", "at least 0.8 (missed)", "1.50 MiB/s"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let value = json(&rows);
        assert_eq!(value["rows"][0]["met"], false);
        assert!(value["rows"][1]["other"].is_null() && value["rows"][1]["met"].is_null());
    }
}
