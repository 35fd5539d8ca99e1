//! `POST /files/import`: the service fetches the content itself.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRequest, Json, Request},
    response::Response,
};
use reqwest::Url;
use serde::Deserialize;

use super::{
    BodyWriter, FileState, StoredBody,
    upload::{admit, check_purpose, new_file, stored},
};
use crate::{
    lake::LakePlace,
    server::{ApiError, Call},
    state::Shared,
};

#[derive(Deserialize)]
struct Import {
    purpose: String,
    filename: String,
    content_url: String,
}

pub(crate) async fn import(state: &Shared, call: &Call, request: Request) -> Result<Response, ApiError> {
    let Json(import): Json<Import> =
        Json::from_request(request, &()).await.map_err(|error| ApiError::invalid(error.body_text()))?;
    let purpose = check_purpose(Some(&import.purpose), &call.form)?;
    let url = Url::parse(&import.content_url)
        .map_err(|error| ApiError::invalid(format!("content_url cannot be read: {error}")))?;
    if !is_loopback(&url) {
        return Err(ApiError::invalid("This emulator fetches content_url from loopback addresses only."));
    }
    let file = new_file(state, import.filename, purpose, None, |_| FileState::Importing);
    let (id, filename) = (file.id.clone(), file.filename.clone());
    let response = admit(state, call, file)?;
    state.spawn({
        let state = state.clone();
        async move {
            let fetched = match own_blob(&state, &url) {
                Some(place) => read_own(&state, &place).await,
                None => fetch(&state, url).await,
            };
            let now = state.clock.now();
            let imported = match fetched {
                Ok(body) => stored(&state, body, now)(&filename),
                Err(why) => {
                    FileState::Failed { body: None, why, at: now.plus(state.config.files.processing) }
                }
            };
            state.files().set_state(&id, imported);
        }
    });
    Ok(response)
}

/// A blob of this emulator's own account, without a signature: the service reads it with its managed identity.
fn own_blob(state: &Shared, url: &Url) -> Option<LakePlace> {
    let is_signed = url.query_pairs().any(|(name, _)| name == "sig");
    LakePlace::of_url(state, url.as_str()).filter(|_| !is_signed)
}

async fn read_own(state: &Shared, place: &LakePlace) -> Result<Arc<StoredBody>, String> {
    let disk = |error: std::io::Error| format!("fileImportFailed: {error}");
    let found = state.lake().open(&place.account, &place.filesystem, &place.path);
    let (content, length, _) = found.ok_or("fileImportFailed: the blob was not found")?;
    let max = state.config.files.max_bytes;
    if length > max {
        return Err(format!("fileImportFailed: more than {max} bytes"));
    }
    let source = content.read(0, length).await.map_err(disk)?;
    BodyWriter::copied(state.body_dir(), source).await.map_err(disk)
}

async fn fetch(state: &Shared, url: Url) -> Result<Arc<StoredBody>, String> {
    // The query holds a signature, so errors go without the URL.
    let failed = |error: reqwest::Error| format!("fileImportFailed: {}", error.without_url());
    let mut response =
        state.loopback.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let disk = |error: std::io::Error| format!("fileImportFailed: {error}");
    let mut writer = BodyWriter::create(state.body_dir()).await.map_err(disk)?;
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if writer.bytes() + chunk.len() as u64 > state.config.files.max_bytes {
            return Err(format!("fileImportFailed: more than {} bytes", state.config.files.max_bytes));
        }
        writer.write(&chunk).await.map_err(disk)?;
    }
    writer.finish().await.map_err(disk)
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_fetched() {
        for good in ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:8080/x", "http://127.9.9.9/"]
        {
            assert!(is_loopback(&Url::parse(good).unwrap()), "{good}");
        }
        for bad in [
            "http://10.0.0.1/",
            "http://127.0.0.1.example.com/",
            "https://localhost.example.com/",
            "file:///x",
        ] {
            assert!(!is_loopback(&Url::parse(bad).unwrap()), "{bad}");
        }
    }
}
