//! Who may pass.

use axum::http::{HeaderMap, StatusCode, request::Parts};

use super::{Address, LakeCall, LakeError};
use crate::{
    clock::wall_now,
    server::{Operation, Peer, Query},
    state::Shared,
    storage_auth::{Account, Audience, AuthFailure, Needs, SignedRequest, TokenCheck, verify, verify_source},
};

/// Checks the signature, the SAS or the token of a request.
pub(super) fn admit(
    state: &Shared,
    call: &LakeCall,
    at: &Address,
    peer: &Peer,
    parts: &Parts,
) -> Result<(), LakeError> {
    if !state.config.lake.require_auth {
        return Ok(());
    }
    let accounts: Vec<Account> = state
        .config
        .lake
        .accounts
        .iter()
        .filter_map(|account| Account::new(&account.name, account.key.expose()))
        .collect();
    // Clients sign with their own clocks, whatever the virtual one says.
    let now = wall_now().unix_millis();
    let request =
        SignedRequest::new(parts, peer.tls, peer.addr.ip(), needs(call, &call.query, &parts.headers));
    let identity = verify(&request, &accounts, &VirtualTokens(state), now).map_err(refused)?;
    if call.operation == Operation::LakeRename {
        let raw = parts.headers.get("x-ms-rename-source").and_then(|value| value.to_str().ok());
        let raw = raw.unwrap_or_default().trim();
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        // Encoded as a whole, its slashes are encoded as well.
        let path = path.replace("%2F", "/").replace("%2f", "/");
        let path = format!("/{}/{}", at.account, path.trim_start_matches('/'));
        let source = SignedRequest { path: &path, query, ..request };
        verify_source(&identity, &source, request.query, &accounts, now).map_err(refused)?;
    }
    Ok(())
}

/// Tokens live in virtual time, as they are issued in it; signatures in real time.
struct VirtualTokens<'a>(&'a Shared);

impl TokenCheck for VirtualTokens<'_> {
    fn accepts(&self, token: &str, audience: Audience, _now_ms: i64) -> bool {
        self.0.tokens.accepts(token, audience, self.0.clock.now().unix_millis())
    }

    fn authorization_uri(&self) -> String {
        self.0.tokens.authorization_uri()
    }
}

/// What a SAS must allow for an operation.
fn needs(call: &LakeCall, query: &Query, headers: &HeaderMap) -> Needs {
    match call.operation {
        Operation::LakeList => Needs::List,
        Operation::LakeRead => Needs::Read,
        Operation::LakeAppend => Needs::Append,
        Operation::LakeDelete | Operation::LakeDeleteFilesystem => Needs::Delete,
        Operation::LakeRename => Needs::Move,
        Operation::LakeHead | Operation::LakeFilesystemProperties | Operation::LakeOther => Needs::Properties,
        Operation::LakeCreateFilesystem => Needs::Create,
        // Without the condition it may overwrite.
        Operation::LakeCreatePath
            if query.get("resource") == Some("directory")
                || headers.get("if-none-match").is_some_and(|value| value == "*") =>
        {
            Needs::Create
        }
        _ => Needs::Write,
    }
}

fn refused(failure: AuthFailure) -> LakeError {
    let status = StatusCode::from_u16(failure.status.as_u16()).unwrap_or(StatusCode::FORBIDDEN);
    LakeError { status, code: failure.code, message: failure.message.into(), challenge: failure.challenge }
}
