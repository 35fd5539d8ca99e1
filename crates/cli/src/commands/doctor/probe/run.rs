//! All probes in their order, and the end of all that they made.

use std::time::Duration;

use adls_io::{DataLake, Location};
use aoai_batch_client::FileId;
use futures::join;
use tokio::time::sleep_until;

use super::{
    batch, cleanup, fence, files, in_use, lake, listing,
    report::{Probe, ProbeReport},
    site::{Site, new_name},
};
use crate::{
    app::App,
    args::DoctorArgs,
    commands::doctor::report::Outcome,
    config::{Service, Settings},
    error::{CliError, CliResult},
    wiring,
};

/// The probes end by themselves when the time is up; a request that hangs does not.
const OVERTIME: Duration = Duration::from_secs(30);

pub(in super::super) async fn run(
    app: &App,
    settings: &Settings,
    args: &DoctorArgs,
) -> CliResult<ProbeReport> {
    let model = settings.pipeline.service.deployment.clone().ok_or_else(|| {
        CliError::usage("service.deployment is not set, and the probes need a model to ask")
            .hint("name the batch deployment in service.deployment")
    })?;
    let name = new_name();
    let processed = &settings.pipeline.lake.processed;
    let directory = lake::directory(processed, &name)
        .map_err(|error| CliError::usage("lake.processed cannot be used").caused_by(&error))?;
    app.printer.note(announcement(settings, &name, &directory, args));

    let wired = wiring::lake(settings)?;
    let service = wiring::service(settings).await?;
    let site = Site::new(settings, service.client, name.clone(), model, args);
    let mut report = ProbeReport::new(name);
    tokio::select! {
        () = Box::pin(all(&site, wired.lake.as_ref(), &directory)) => {}
        () = sleep_until(site.deadline + OVERTIME) => {
            let what = "the service or the lake did not answer in time: the other probes were left out";
            site.found(Probe::new("time limit", Outcome::Failed, what));
        }
        // Without a handler the signal ends the process all the same.
        Ok(()) = tokio::signal::ctrl_c() => {
            app.printer.note("interrupted: removing what was made");
            report.interrupted = true;
        }
    }
    report.left = Box::pin(cleanup::clean(&site, wired.lake.as_ref(), &directory)).await;
    report.probes = std::mem::take(&mut *site.findings());
    if let Some(emulator) = service.emulator {
        emulator.shutdown().await;
    }
    Ok(report)
}

fn announcement(settings: &Settings, name: &str, directory: &Location, args: &DoctorArgs) -> String {
    let limit = humantime::format_duration(args.probe_timeout);
    let cost = match settings.service {
        Service::Emulator(_) => "nothing is paid",
        Service::Remote(_) => "a fraction of a cent",
    };
    format!(
        "probing the service with two files of one line and a batch on each, and the lake below {directory}; everything is \
         named {name} and removed afterwards. The first batch may run its line, the second must not run: {cost}. It takes \
         up to {limit}; what still runs then is cancelled"
    )
}

async fn all(site: &Site<'_>, lake: &dyn DataLake, directory: &Location) {
    lake::probe(site, lake, directory).await;
    let Some(input) = files::probe(site).await else { return };
    batches(site, &input).await;
}

async fn batches(site: &Site<'_>, input: &FileId) {
    let Some((id, since)) = batch::create(site, input).await else { return };
    // Side by side: the first batch may be over soon.
    join!(
        Box::pin(batch::lag(site, &id, since)),
        Box::pin(in_use::probe(site, &id, input)),
        Box::pin(fence::probe(site))
    );
    listing::probe(site).await;
}
