//! Refusals, with the codes and words of Azure Storage.

use axum::http::StatusCode;

/// Why a request is not let in.
///
/// The message never holds a key, a token or a signature; a string to sign holds none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthFailure {
    pub(crate) status: StatusCode,
    /// Azure's error code, also the value of `x-ms-error-code`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The value of `WWW-Authenticate`, where one belongs to the answer.
    pub(crate) challenge: Option<String>,
}

const NOT_AUTHENTICATED: &str = "Server failed to authenticate the request. Make sure the value of Authorization \
                                 header is formed correctly including the signature.";
const SEE_CHALLENGE: &str = "Server failed to authenticate the request. Please refer to the information in the \
                             www-authenticate header.";

impl AuthFailure {
    fn forbidden(code: &'static str, message: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, code, message, challenge: None }
    }

    /// The proof of identity is no good.
    pub(super) fn not_authenticated(detail: &str) -> Self {
        Self::forbidden("AuthenticationFailed", format!("{NOT_AUTHENTICATED} {detail}"))
    }

    /// The signature differs from the one that belongs to `string_to_sign`.
    pub(super) fn signature(string_to_sign: Option<&str>) -> Self {
        let detail = "The MAC signature found in the HTTP request is not the same as any computed signature.";
        match string_to_sign {
            Some(signed) => Self::not_authenticated(&format!(
                "{detail} Server used following string to sign: '{signed}'."
            )),
            None => Self::not_authenticated(detail),
        }
    }

    /// Nothing in the request says who sent it.
    pub(super) fn no_information(challenge: String) -> Self {
        Self::challenged("NoAuthenticationInformation", challenge)
    }

    /// The bearer token is unknown, expired or meant for something else.
    pub(super) fn invalid_token(challenge: String) -> Self {
        Self::challenged("InvalidAuthenticationInfo", challenge)
    }

    fn challenged(code: &'static str, challenge: String) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code,
            message: SEE_CHALLENGE.to_owned(),
            challenge: Some(challenge),
        }
    }

    /// The signature is good, but its permissions are not enough.
    pub(super) fn permission() -> Self {
        Self::not_authorized("AuthorizationPermissionMismatch", " using this permission")
    }

    pub(super) fn protocol() -> Self {
        Self::not_authorized("AuthorizationProtocolMismatch", " using this protocol")
    }

    pub(super) fn source_ip() -> Self {
        Self::not_authorized("AuthorizationSourceIPMismatch", " using this source IP")
    }

    pub(super) fn service() -> Self {
        Self::not_authorized("AuthorizationServiceMismatch", " using this service")
    }

    pub(super) fn resource_type() -> Self {
        Self::not_authorized("AuthorizationResourceTypeMismatch", " using this resource type")
    }

    /// The kind of signature can never do this, whatever its permissions.
    pub(super) fn not_delegable() -> Self {
        Self::not_authorized("AuthorizationFailure", "")
    }

    fn not_authorized(code: &'static str, by: &str) -> Self {
        Self::forbidden(code, format!("This request is not authorized to perform this operation{by}."))
    }
}
