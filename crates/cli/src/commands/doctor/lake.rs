//! Can the lake be read and written, as a run does it?

use adls_io::{Condition, DataLake, DataLakeExt, ListMode, Location, RenameOptions};
use bytes::Bytes;
use futures::StreamExt;

use super::report::{Outcome, Report};
use crate::{
    config::{LakeKind, Settings},
    error::CliError,
    wiring::{self, WiredLake},
};

const AREA: &str = "lake";

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    let wired = match wiring::lake(settings) {
        Ok(wired) => wired,
        Err(error) => return report.add_error(AREA, "the lake cannot be used", &error),
    };
    match &settings.lake {
        LakeKind::Local(_) => report.add(AREA, Outcome::Ok, "directories of this machine"),
        LakeKind::Azure(account) => {
            report.add(AREA, Outcome::Note, format!("account {} at {}", account.name, account.endpoint));
            if !namespace(settings, &wired, report).await {
                return;
            }
        }
    }
    let lake = &settings.pipeline.lake;
    let listed = input(wired.lake.as_ref(), &lake.input, report).await;
    for (name, place) in [("lake.processed", &lake.processed), ("lake.error", &lake.error)] {
        let source = if listed { &lake.input } else { place };
        match probe(wired.lake.as_ref(), source, place).await {
            Ok(()) => {
                let moved = if listed { ", and files of lake.input can be moved there" } else { "" };
                report.add(
                    AREA,
                    Outcome::Ok,
                    format!("{name} ({place}) can be written, read and deleted{moved}"),
                );
            }
            Err(error) => {
                report.add_error(AREA, &format!("{name} ({place}) cannot be used"), &CliError::lake(&error));
            }
        }
    }
}

/// Whether the account is one that a run can use.
async fn namespace(settings: &Settings, wired: &WiredLake, report: &mut Report) -> bool {
    let Some(azure) = &wired.azure else { return true };
    match azure.check(&settings.pipeline.lake.input.filesystem).await {
        Ok(()) => {
            report.add(AREA, Outcome::Ok, "the account answers and has a hierarchical namespace");
            true
        }
        Err(error) => {
            report.add_error(AREA, "the account cannot be used", &CliError::lake(&error));
            false
        }
    }
}

async fn input(lake: &dyn DataLake, input: &Location, report: &mut Report) -> bool {
    match lake.list(input, ListMode::Shallow).next().await {
        Some(Err(error)) => {
            report.add_error(
                AREA,
                &format!("lake.input ({input}) cannot be listed"),
                &CliError::lake(&error),
            );
            false
        }
        Some(Ok(_)) => {
            report.add(AREA, Outcome::Ok, format!("lake.input ({input}) can be listed"));
            true
        }
        None => {
            report.add(AREA, Outcome::Ok, format!("lake.input ({input}) can be listed; it is empty"));
            true
        }
    }
}

/// Writes a small file that is no input, reads it, moves it and deletes it.
async fn probe(lake: &dyn DataLake, from: &Location, to: &Location) -> adls_io::Result<()> {
    lake.ensure_filesystem(&to.filesystem).await?;
    let name = format!(".aoai-doctor-{}", std::process::id());
    let invalid = |error: adls_io::PathError| {
        adls_io::Error::new(adls_io::ErrorKind::Invalid, "write", to, error.to_string())
    };
    let source = from.join(&name).map_err(invalid)?;
    let target = to.join(&format!("{name}-moved")).map_err(invalid)?;
    let written = lake.write_all(&source, Bytes::from_static(b"doctor\n"), Condition::Always).await?;
    let read = lake.read_all(&source, 1024).await?;
    if read != b"doctor\n"[..] {
        let message = "what was written does not come back";
        return Err(adls_io::Error::new(adls_io::ErrorKind::Io, "read", &source, message));
    }
    let options = RenameOptions { source_if_match: Some(written.etag), destination: Condition::Always };
    lake.rename(&source, &target, options).await?;
    lake.delete(&target, None).await?;
    Ok(())
}
