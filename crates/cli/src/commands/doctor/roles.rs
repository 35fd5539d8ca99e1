//! Which rights each way of transfer needs, for whom and on what.

use super::report::{Outcome, Report};
use crate::config::{Auth, LakeAuth, LakeKind, Service, Settings, TransferKind};

const AREA: &str = "rights that this configuration needs";

pub(super) fn explain(settings: &Settings, report: &mut Report) {
    let mut note = |text: String| report.add(AREA, Outcome::Note, text);
    if let LakeKind::Azure(account) = &settings.lake {
        let lake = &settings.pipeline.lake;
        let mut filesystems =
            vec![&lake.input.filesystem, &lake.processed.filesystem, &lake.error.filesystem];
        filesystems.sort_unstable();
        filesystems.dedup();
        let filesystems: Vec<_> = filesystems.iter().map(|name| format!("\"{name}\"")).collect();
        let filesystems = filesystems.join(", ");
        note(match &account.auth {
            LakeAuth::Identity(_) => format!(
                "our identity on the storage account {}: Storage Blob Data Contributor, on the account or on {filesystems}",
                account.name
            ),
            LakeAuth::AccountKey(_) => {
                "the account key allows everything; an identity (lake.auth) needs less".to_owned()
            }
            LakeAuth::Sas(_) => format!(
                "the SAS: read, add, create, write, delete, list and move (sp=racwdlm) on {filesystems}"
            ),
        });
    }
    let Service::Remote(remote) = &settings.service else { return };
    match &remote.auth {
        Auth::Key(_) => note("the service's key allows everything at the service".to_owned()),
        Auth::Identity(_) => note(
            "our identity on the Azure OpenAI resource: Cognitive Services OpenAI Contributor (files and batches); \
             Microsoft names no smaller role for batch files"
                .to_owned(),
        ),
    }
    match &settings.transfer {
        TransferKind::Upload => {
            note("transfer = \"upload\": the service needs no right on the storage account".to_owned());
        }
        TransferKind::Import { sas_env: Some(name) } => note(format!(
            "transfer = \"import\": the service reads inputs with the SAS in {name}: read (sp=r) on the input filesystem, \
             and on the processed one where parts are staged"
        )),
        TransferKind::Import { sas_env: None } => note(
            "transfer = \"import\": the system-assigned identity of the Azure OpenAI resource: Storage Blob Data Contributor \
             on the storage account; or name a read-only SAS in service.import_sas_env"
                .to_owned(),
        ),
        TransferKind::Blob => note(
            "transfer = \"blob\": the system-assigned identity of the Azure OpenAI resource (a user-assigned one is not \
             supported): Storage Blob Data Contributor on the processed filesystem, where it reads inputs and writes results; \
             the storage account's network rules must let it in"
                .to_owned(),
        ),
    }
}
