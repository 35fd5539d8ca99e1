//! Can the ledger be opened?

use super::report::{Outcome, Report};
use crate::{config::Settings, wiring};

const AREA: &str = "ledger";

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    let path = &settings.ledger;
    if path.is_absent() {
        report.add(AREA, Outcome::Ok, format!("{path} is not there yet: the first run makes it"));
        return;
    }
    match wiring::ledger(path, wiring::Access::Look).await {
        Ok(_) => report.add(AREA, Outcome::Ok, format!("{path} can be read")),
        Err(error) => report.add_error(AREA, &format!("{path} cannot be read"), &error),
    }
}
