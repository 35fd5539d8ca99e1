//! The service fetches the bytes from the lake into a file of its own.

use adls_io::{ErrorKind as LakeErrorKind, Location};
use aoai_batch_client::{ErrorKind, ImportFile};

use super::{
    files::earlier_file,
    staged::{Copied, stage},
};
use crate::{
    error::{StageError, StageResult, chain},
    machine::PartEvent,
    model::{PartRecord, ServiceInput},
    options::BlobUrls,
    reconcile::Context,
};

const HINT: &str = "the service must be able to read the lake: check the SAS (expiry, read permission) and the storage \
                    account's network rules; it is tried again by itself";

/// Whether the part is the whole input byte for byte, so that the service can fetch the input itself.
pub(super) fn is_direct(context: &Context, part: &PartRecord) -> bool {
    part.plan.offset == 0 && part.plan.bytes == part.input.size && context.new_model().is_none()
}

/// Whether the input is still the version that was planned.
pub(super) async fn is_input_unchanged(context: &Context, part: &PartRecord) -> StageResult<bool> {
    match context.lake.head(&part.input.location).await {
        Ok(entry) => Ok(entry.etag == part.input.etag),
        Err(error) if error.kind == LakeErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Has the input or a copy of the part fetched, after looking whether an earlier try got through.
pub(super) async fn import(
    context: &Context,
    urls: &dyn BlobUrls,
    part: &PartRecord,
    generation: u32,
    fresh: bool,
) -> StageResult<PartEvent> {
    if !fresh && let Some(file) = earlier_file(context, part, generation).await? {
        let input = ServiceInput::File(file.id);
        return Ok(PartEvent::InputStored { input, doubtful: true, sha256: None });
    }
    let direct = is_direct(context, part);
    let (from, sha256) = if direct {
        (part.input.location.clone(), None)
    } else {
        match stage(context, part, generation).await? {
            Some(Copied { at, sha256 }) => (at, sha256),
            None => return Ok(PartEvent::InputGone),
        }
    };
    let import =
        ImportFile { filename: part.key.service_file(generation), content_url: urls.content_url(&from) };
    let error = match context.service.import_file(&import).await {
        Ok(file) => {
            let input = ServiceInput::File(file.id);
            return Ok(PartEvent::InputStored { input, doubtful: !fresh, sha256 });
        }
        Err(error) => error,
    };
    if error.kind() == ErrorKind::Rejected {
        if direct && !is_input_unchanged(context, part).await? {
            return Ok(PartEvent::InputGone);
        }
        // Not the file's fault: validation found nothing wrong with it.
        let message = without_secret(&chain(&error), urls, &from);
        let error = StageError::from(error);
        return Err(StageError { message, hint: Some(HINT), ..error });
    }
    let message = without_secret(&chain(&error), urls, &from);
    Err(StageError { message, ..error.into() })
}

/// Where the part's file is fetched from.
pub(super) fn source(context: &Context, part: &PartRecord, generation: u32) -> StageResult<Location> {
    if is_direct(context, part) {
        Ok(part.input.location.clone())
    } else {
        Ok(context.layout.staged(&part.key, generation)?)
    }
}

/// Why an import failed, for people.
pub(super) fn failure(message: String) -> StageError {
    StageError {
        kind: crate::model::ProblemKind::Service,
        message,
        hint: Some(HINT),
        lasting: false,
        wait: None,
        ledger_away: false,
    }
}

/// A text of the service, which may quote the URL that it was told to fetch.
pub(super) fn without_secret(text: &str, urls: &dyn BlobUrls, from: &Location) -> String {
    let url = urls.content_url(from);
    let public = urls.blob_url(from);
    let text = text.replace(&url, &public);
    match url.split_once('?') {
        Some((_, secret)) if !secret.is_empty() => {
            let escaped = secret.replace('&', "&amp;");
            let text = text.replace(secret, "…").replace(&escaped, "…");
            // Cut or reordered, each value is still as secret as the whole.
            let values = secret.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
            values.filter(|value| value.len() > 3).fold(text, |text, value| text.replace(value, "…"))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use adls_io::LakePath;

    use super::*;

    #[derive(Debug)]
    struct Urls;

    impl BlobUrls for Urls {
        fn content_url(&self, at: &Location) -> String {
            format!("https://a/{at}?sv=2024-11-04&sp=r&sig=s3cr3t%2B")
        }
        fn blob_url(&self, at: &Location) -> String {
            format!("https://a/{at}")
        }
        fn locate(&self, _url: &str) -> Option<Location> {
            None
        }
    }

    #[test]
    fn a_quoted_url_loses_its_secret_however_it_is_quoted() {
        let at = Location::new("in", LakePath::parse("a.jsonl").unwrap());
        for quoted in [
            "cannot read https://a/in/a.jsonl?sv=2024-11-04&sp=r&sig=s3cr3t%2B: 403",
            "cannot read https://a/in/a.jsonl?sp=r&amp;sig=s3cr3t%2B now",
            "query was sv=2024-11-04&sp=r&sig=s3cr3t%2B",
        ] {
            let shown = without_secret(quoted, &Urls, &at);
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        assert_eq!(without_secret("nothing quoted", &Urls, &at), "nothing quoted");
    }
}
