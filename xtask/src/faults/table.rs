//! The table, for people and for documents.

use super::{Row, count::Cost};

/// What the table does not say by itself.
const NOTE: &str = "Three files of four lines each, and each fault once unless it says otherwise; a client that failed \
    or was killed is run again. In the row \"no answer in time\" the script has a time-out of 3 s; all else is the \
    client's default.";

/// The last column is ours.
fn heading(version: &str) -> Vec<String> {
    ["fault", version, &format!("{version}, ids noted"), "aoai-batch"].map(str::to_owned).to_vec()
}

/// In columns; `version` is that of the official client.
pub(super) fn text(version: &str, rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = std::iter::once(heading(version)).chain(rows.iter().map(cells)).collect();
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines = cells.iter().map(|row| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// In Markdown.
pub(super) fn markdown(version: &str, rows: &[Row]) -> String {
    let heading = heading(version);
    let mut text = format!("| {} |\n|{}\n", heading.join(" | "), "---|".repeat(heading.len()));
    for row in rows {
        text += &format!("| {} |\n", cells(row).join(" | "));
    }
    text + "\n" + NOTE + "\n"
}

fn cells(row: &Row) -> Vec<String> {
    std::iter::once(row.name.to_owned()).chain(row.costs.iter().map(cell)).collect()
}

fn cell(cost: &Cost) -> String {
    let mut said = Vec::new();
    if cost.extra > 0 || cost.twice > 0 {
        let batches = if cost.extra == 1 { "batch" } else { "batches" };
        said.push(format!("{} {batches} too many, {} lines paid twice", cost.extra, cost.twice));
    }
    if cost.lost > 0 {
        said.push(format!("{} lines lost", cost.lost));
    }
    if !cost.done {
        said.push(format!("not done after {} runs", cost.runs));
    }
    if said.is_empty() { "0".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_everything() {
        let cost = |twice, lost, done| Cost { extra: (twice > 0).into(), twice, lost, done, runs: 5 };
        let rows =
            [Row { name: "reset", costs: vec![cost(4, 0, true), cost(0, 2, false), cost(0, 0, true)] }];
        for text in [text("openai 1", &rows), markdown("openai 1", &rows)] {
            for part in [
                "reset",
                "1 batch too many, 4 lines paid twice",
                "2 lines lost, not done after 5 runs",
                "aoai-batch",
            ] {
                assert!(text.contains(part), "{part} is not in\n{text}");
            }
        }
        assert!(markdown("openai 1", &rows).contains("| 0 |\n"));
    }
}
