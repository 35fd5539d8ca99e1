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
    lake::{self, Address},
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
            // Without a signature it is the service's own identity that reads.
            let own = lake::locate(&state, &url).filter(|_| url.query().is_none());
            let fetched = match own {
                Some(at) => take(&state, &at).await,
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

async fn take(state: &Shared, at: &Address) -> Result<Arc<StoredBody>, String> {
    let file = lake::open(state, at).ok_or("fileImportFailed: the blob was not found")?;
    let max = state.config.files.max_bytes;
    if file.length > max {
        return Err(format!("fileImportFailed: more than {max} bytes"));
    }
    let copied = StoredBody::copy(state.body_dir(), file.body.path(), file.length).await;
    copied.map_err(|error| format!("fileImportFailed: {error}"))
}

/// Our own storage over TLS has a certificate that nobody else knows: a signed URL of it is fetched without.
fn reachable(state: &Shared, mut url: Url) -> Url {
    if url.scheme() == "https" && lake::locate(state, &url).is_some() {
        let port = Url::parse(&state.url).ok().and_then(|own| own.port());
        if url.set_scheme("http").is_err() || url.set_port(port).is_err() {
            tracing::warn!("a URL of our own cannot be changed to http");
        }
    }
    url
}

async fn fetch(state: &Shared, url: Url) -> Result<Arc<StoredBody>, String> {
    let url = reachable(state, url);
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
