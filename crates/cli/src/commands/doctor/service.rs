//! Does the service know us, and has it room?

use aoai_batch_client::{BatchApi, BatchApiExt, FileQuery, PageQuery};
use batch_orchestrator::ServiceOptions;
use futures::TryStreamExt;

use super::report::{Outcome, Report};
use crate::{
    config::{Service, Settings},
    error::CliError,
    wiring,
};

const AREA: &str = "service";

/// The service's quota of files without expiry (Microsoft Learn, "Global batch limits").
const WITHOUT_EXPIRY: usize = 500;
/// The same with an expiry.
const WITH_EXPIRY: usize = 10_000;

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    member(&settings.service, &settings.pipeline.service, report).await;
    for other in &settings.others {
        member(&other.service, &other.options, report).await;
    }
}

/// One deployment; a pool has several.
async fn member(service: &Service, options: &ServiceOptions, report: &mut Report) {
    match service {
        Service::Emulator(_) => {
            return report.add(AREA, Outcome::Ok, "the built-in emulator: nothing to check, nothing to pay");
        }
        Service::Remote(remote) => {
            report.add(AREA, Outcome::Note, format!("at {}", remote.endpoint));
            let service = match wiring::remote(remote) {
                Ok(service) => service,
                Err(error) => return report.add_error(AREA, "the service cannot be used", &error),
            };
            if let Err(error) = service.list_batches(&PageQuery { limit: Some(1), after: None }).await {
                return report.add_error(AREA, "batches cannot be listed", &CliError::service(&error));
            }
            report.add(AREA, Outcome::Ok, "batches can be listed");
            files(service.as_ref(), report).await;
        }
    }
    match &options.deployment {
        Some(name) => report.add(
            AREA,
            Outcome::Note,
            format!(
                "that the deployment {name} is there and of type GlobalBatch or DataZoneBatch cannot be seen over this API: \
                 the first batch will tell"
            ),
        ),
        None => report.add(AREA, Outcome::Warning, "service.deployment is not set: any model name is let through"),
    }
    match options.enqueued_tokens {
        Some(tokens) => {
            report.add(AREA, Outcome::Note, format!("at most {tokens} tokens are enqueued there at once"))
        }
        None => report.add(
            AREA,
            Outcome::Note,
            "enqueued_tokens is not set: the quota is learned from what the service tells and refuses",
        ),
    }
}

async fn files(service: &dyn BatchApi, report: &mut Report) {
    let query = FileQuery { purpose: Some("batch".into()), ..FileQuery::default() };
    let all: Result<Vec<_>, _> = service.files(query).try_collect().await;
    let all = match all {
        Ok(all) => all,
        Err(error) => return report.add_error(AREA, "files cannot be listed", &CliError::service(&error)),
    };
    let expiring = all.iter().filter(|file| file.expires_at.is_some()).count();
    let lasting = all.len() - expiring;
    let what = format!(
        "{lasting} files without expiry (of {WITHOUT_EXPIRY}), {expiring} with one (of {WITH_EXPIRY})"
    );
    if lasting * 10 >= WITHOUT_EXPIRY * 9 || expiring * 10 >= WITH_EXPIRY * 9 {
        let fix = "delete files that nobody needs: uploads are refused when the quota is used up";
        report.add_with_fix(AREA, Outcome::Warning, what, fix);
    } else {
        report.add(AREA, Outcome::Ok, what);
    }
}
