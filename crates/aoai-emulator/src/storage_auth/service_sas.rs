//! Signatures for one file system, directory or file.

use super::{
    AuthFailure, Needs,
    request::Target,
    sas::{Sas, check_permission},
};

/// From version 2020-12-06 on, signed with the account key.
pub(super) fn string_to_sign(sas: &Sas, account: &str, target: &Target) -> Result<String, AuthFailure> {
    let resource = resource(sas, account, target)?;
    let mut lines: Vec<&str> = sas.lines(&["sp", "st", "se"]).collect();
    lines.push(&resource);
    // Behind sr comes the snapshot's time, which no kind of resource here has.
    lines.extend(sas.lines(&["si", "sip", "spr", "sv", "sr"]));
    lines.push("");
    lines.extend(sas.lines(&["ses", "rscc", "rscd", "rsce", "rscl", "rsct"]));
    Ok(lines.join("\n"))
}

/// The scope is part of what is signed: a target outside of it makes another string.
fn resource(sas: &Sas, account: &str, target: &Target) -> Result<String, AuthFailure> {
    let file_system = target.file_system.as_deref().ok_or_else(AuthFailure::not_delegable)?;
    let container = format!("/blob/{account}/{file_system}");
    let path = target.path.as_deref();
    match sas.get("sr") {
        "c" => Ok(container),
        "b" => path.map(|path| format!("{container}/{path}")).ok_or_else(AuthFailure::not_delegable),
        "d" => {
            let depth: usize = sas.get("sdd").parse().map_err(|_| {
                AuthFailure::not_authenticated("The directory depth (sdd) is missing or no number.")
            })?;
            let path = path.or(target.listed.as_deref()).unwrap_or_default();
            let above: Vec<&str> = path.trim_matches('/').split('/').take(depth).collect();
            Ok(format!("{container}/{}", above.join("/")))
        }
        _ => {
            Err(AuthFailure::not_authenticated("The signed resource (sr) is missing or none of b, c and d."))
        }
    }
}

pub(super) fn check_scope(sas: &Sas, target: &Target, needs: Needs) -> Result<(), AuthFailure> {
    // Only the names in a file system can be delegated, not the file system itself.
    if target.path.is_none() && needs != Needs::List {
        return Err(AuthFailure::not_delegable());
    }
    check_permission(
        sas,
        match needs {
            Needs::Read => &['r'],
            Needs::Properties => &['r', 'e'],
            Needs::List => &['l'],
            Needs::Create => &['c', 'w'],
            Needs::Write => &['w'],
            Needs::Append => &['a', 'w'],
            Needs::Delete => &['d'],
            Needs::Move => &['m'],
        },
    )
}
