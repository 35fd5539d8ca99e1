//! What went wrong, in words that help.

use azure_core::{
    http::headers::{HeaderName, Headers},
    time::{OffsetDateTime, parse_rfc3339, parse_rfc7231},
};
use bytes::Bytes;

use super::credential::CredentialKind;
use crate::{Error, ErrorKind, Location};

/// How far clocks may be apart before we speak of it; the service allows 15 minutes.
const SKEW_SECONDS: i64 = 300;

/// An answer that is no success.
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a Headers,
    pub(crate) body: &'a Bytes,
}

impl Refusal<'_> {
    /// The service's code: a header, which an answer to `HEAD` has too, or in the body.
    fn code(&self) -> Option<String> {
        let header = self.headers.get_optional_string(&HeaderName::from_static("x-ms-error-code"));
        header.or_else(|| self.field("code", "Code")).filter(|code| !code.is_empty())
    }

    /// A field of the body: JSON from the DFS endpoint, XML from the blob endpoint.
    fn field(&self, json: &str, xml: &str) -> Option<String> {
        let text = std::str::from_utf8(self.body).ok()?.trim_start_matches('\u{feff}');
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
            return value["error"][json].as_str().map(str::to_owned);
        }
        let (_, rest) = text.split_once(&format!("<{xml}>"))?;
        Some(rest.split_once(&format!("</{xml}>"))?.0.to_owned())
    }

    /// The service's words without its trailer of request id and time, which have places of their own.
    fn words(&self) -> Option<String> {
        let message = self.field("message", "Message")?;
        let detail = self.field("AuthenticationErrorDetail", "AuthenticationErrorDetail");
        let mut words = message.split("\nRequestId:").next().unwrap_or_default().trim().replace('\n', " ");
        if let Some(detail) = detail.filter(|detail| !words.contains(detail.as_str())) {
            words = format!("{words} {}", detail.replace('\n', " "));
        }
        (!words.is_empty()).then_some(words)
    }

    /// The error that this answer means.
    pub(crate) fn error(&self, operation: &'static str, at: &Location, credential: &CredentialKind) -> Error {
        let code = self.code();
        let kind = kind(self.status, code.as_deref().unwrap_or_default());
        let mut message = self.words().unwrap_or_else(|| default_words(kind, self.status).to_owned());
        if let Some(code) = &code
            && !message.contains(code.as_str())
        {
            message = format!("{message} ({code})");
        }
        if let Some(advice) = self.advice(kind, code.as_deref().unwrap_or_default(), at, credential) {
            message = format!("{message} {advice}");
        }
        message = credential.redact(message);
        Error {
            code,
            request_id: self.headers.get_optional_string(&HeaderName::from_static("x-ms-request-id")),
            ..Error::new(kind, operation, at, message)
        }
    }

    /// What to do about it.
    fn advice(
        &self,
        kind: ErrorKind,
        code: &str,
        at: &Location,
        credential: &CredentialKind,
    ) -> Option<String> {
        let filesystem = &at.filesystem;
        match (kind, code) {
            (ErrorKind::NoFilesystem, _) => Some(format!(
                "– the filesystem (container) \"{filesystem}\" does not exist in this account: create it, or correct its name"
            )),
            (ErrorKind::Invalid, code)
                if code.contains("HierarchicalNamespace") || code == "EndpointUnsupportedAccountFeatures" =>
            {
                Some(format!("– {NO_HNS}"))
            }
            (ErrorKind::PermissionDenied, _) => Some(self.permission_advice(code, filesystem, credential)),
            _ => None,
        }
    }

    fn permission_advice(&self, code: &str, filesystem: &str, credential: &CredentialKind) -> String {
        if let Some(minutes) = self.clock_skew() {
            return format!(
                "– this machine's clock is {minutes} minutes off the service's: set it (NTP), then try again"
            );
        }
        match credential {
            CredentialKind::Sas { expiry: Some(expiry), .. } if self.is_past(expiry) => {
                format!("– the SAS has ended at {expiry}: give a new one")
            }
            CredentialKind::Sas { .. } => format!(
                "– the SAS does not allow this: it needs read, write, delete, list, create, add and move (sp=racwdlm) on \"{filesystem}\""
            ),
            CredentialKind::AccountKey if code == "KeyBasedAuthenticationNotPermitted" => {
                "– this account allows no keys: use an identity (lake.auth)".to_owned()
            }
            CredentialKind::AccountKey => {
                "– the account key is not this account's (any more), or a network rule refuses this machine"
                    .to_owned()
            }
            CredentialKind::Token => format!(
                "– give this identity the role Storage Blob Data Contributor on the account or on its container \"{filesystem}\" \
                 (a new role takes some minutes to count), or check the account's network rules"
            ),
        }
    }

    fn service_time(&self) -> Option<OffsetDateTime> {
        parse_rfc7231(self.headers.get_optional_str(&HeaderName::from_static("date"))?).ok()
    }

    fn clock_skew(&self) -> Option<i64> {
        let apart = (OffsetDateTime::now_utc() - self.service_time()?).whole_seconds().abs();
        (apart > SKEW_SECONDS).then_some(apart / 60)
    }

    fn is_past(&self, expiry: &str) -> bool {
        let now = self.service_time().unwrap_or_else(OffsetDateTime::now_utc);
        parse_rfc3339(expiry).is_ok_and(|expiry| expiry < now)
    }
}

/// Why an account without hierarchical namespace is refused.
pub(crate) const NO_HNS: &str = "this storage account has no hierarchical namespace, without which a rename is neither atomic nor a directory \
    real: use an ADLS Gen2 account (\"Enable hierarchical namespace\"), or upgrade this one";

/// What the caller can do, by the service's code first.
///
/// Source: <https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2-error-codes>.
fn kind(status: u16, code: &str) -> ErrorKind {
    match code {
        "FilesystemNotFound" | "ContainerNotFound" => return ErrorKind::NoFilesystem,
        "FilesystemBeingDeleted" | "ContainerBeingDeleted" => return ErrorKind::Unavailable,
        "PathAlreadyExists"
        | "ResourceAlreadyExists"
        | "BlobAlreadyExists"
        | "FilesystemAlreadyExists"
        | "ContainerAlreadyExists" => return ErrorKind::AlreadyExists,
        "PathConflict" | "DirectoryNotEmpty" | "ResourceTypeMismatch" => return ErrorKind::WrongType,
        "ConditionNotMet" | "SourceConditionNotMet" => return ErrorKind::Precondition,
        // Somebody holds the file; that passes.
        _ if code.starts_with("Lease") => return ErrorKind::Unavailable,
        _ => {}
    }
    match status {
        401 | 403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::WrongType,
        412 => ErrorKind::Precondition,
        507 => ErrorKind::StorageFull,
        408 | 429 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

fn default_words(kind: ErrorKind, status: u16) -> &'static str {
    match kind {
        ErrorKind::NotFound => "there is no such path",
        ErrorKind::NoFilesystem => "there is no such filesystem",
        ErrorKind::AlreadyExists => "the path already exists",
        ErrorKind::Precondition => "the file is another version",
        ErrorKind::WrongType => "a directory stands where a file is meant, or the reverse",
        ErrorKind::PermissionDenied => "the service refuses this",
        ErrorKind::Unavailable if status == 429 || status == 503 => "the service is busy",
        ErrorKind::Unavailable => "the service failed",
        _ if (300..400).contains(&status) => "a redirect, which would take the key elsewhere",
        _ => "the service did not accept the request",
    }
}

/// A failure to reach the service, without the addresses that the HTTP client's messages hold: they may bear a SAS.
pub(crate) fn unreachable_words(error: &(dyn std::error::Error + 'static), host: &str) -> String {
    let mut words = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(http) = error.downcast_ref::<reqwest::Error>() {
            if http.is_timeout() {
                words.push("it took too long".to_owned());
            }
        } else if !error.is::<azure_core::Error>() {
            words.push(error.to_string());
        }
        next = error.source();
    }
    words.dedup();
    let why = if words.is_empty() { "the connection failed".to_owned() } else { words.join(": ") };
    format!("{host} cannot be reached: {why}")
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::Secret;

    use super::*;
    use crate::LakePath;

    fn at() -> Location {
        Location::new("input", LakePath::parse("a").unwrap())
    }

    fn error(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &str,
        by: &CredentialKind,
    ) -> Error {
        let mut all = Headers::new();
        headers.iter().for_each(|(name, value)| all.insert(*name, *value));
        Refusal { status, headers: &all, body: &Bytes::copy_from_slice(body.as_bytes()) }.error(
            "read",
            &at(),
            by,
        )
    }

    #[test]
    fn json_xml_and_bare_headers_are_understood() {
        let json = r#"{"error":{"code":"PathNotFound","message":"The specified path does not exist.\nRequestId:x\nTime:y"}}"#;
        let found = error(404, &[("x-ms-request-id", "r1")], json, &CredentialKind::AccountKey);
        assert_eq!(found.kind, ErrorKind::NotFound);
        assert_eq!(found.message, "The specified path does not exist. (PathNotFound)");
        assert_eq!((found.code.as_deref(), found.request_id.as_deref()), (Some("PathNotFound"), Some("r1")));
        let xml = "\u{feff}<?xml version=\"1.0\"?><Error><Code>ContainerNotFound</Code><Message>No.</Message></Error>";
        assert_eq!(error(404, &[], xml, &CredentialKind::AccountKey).kind, ErrorKind::NoFilesystem);
        let head = error(404, &[("x-ms-error-code", "FilesystemNotFound")], "", &CredentialKind::Token);
        assert_eq!(head.kind, ErrorKind::NoFilesystem);
        assert!(head.message.contains("\"input\" does not exist"), "{}", head.message);
        assert_eq!(error(502, &[], "<html>", &CredentialKind::Token).kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let now = azure_core::time::to_rfc7231(&OffsetDateTime::now_utc());
        let date: &'static str = Box::leak(now.into_boxed_str());
        let found = error(
            403,
            &[("date", date), ("x-ms-error-code", "AuthorizationPermissionMismatch")],
            "",
            &CredentialKind::Token,
        );
        assert!(found.message.contains("Storage Blob Data Contributor"), "{}", found.message);
        assert!(found.message.contains("\"input\""), "{}", found.message);
        let sas = |expiry: &str| CredentialKind::Sas {
            query: Secret::new("sv=1&sig=geheim".to_owned()),
            expiry: Some(expiry.to_owned()),
        };
        let body = r#"{"error":{"code":"AuthenticationFailed","message":"bad sv=1&sig=geheim"}}"#;
        let found = error(403, &[("date", date)], body, &sas("2020-01-01T00:00:00Z"));
        assert!(found.message.contains("has ended at 2020-01-01"), "{}", found.message);
        assert!(!found.message.contains("geheim"), "{}", found.message);
        assert!(
            error(403, &[("date", date)], body, &sas("2999-01-01T00:00:00Z")).message.contains("racwdlm")
        );
        let long_ago = [("date", "Mon, 01 Jan 2024 00:00:00 GMT")];
        let found = error(403, &long_ago, "", &CredentialKind::AccountKey);
        assert!(found.message.contains("clock"), "{}", found.message);
    }
}
