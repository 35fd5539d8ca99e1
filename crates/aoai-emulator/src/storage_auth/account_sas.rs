//! Signatures for the whole account.

use super::{
    AuthFailure, Needs,
    request::Target,
    sas::{Sas, check_permission},
};

/// From version 2020-12-06 on. There is a line feed behind the last line too.
pub(super) fn string_to_sign(sas: &Sas, account: &str) -> String {
    let mut lines = vec![account];
    lines.extend(sas.lines(&["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"]));
    lines.push("");
    lines.join("\n")
}

pub(super) fn check_scope(sas: &Sas, target: &Target, needs: Needs) -> Result<(), AuthFailure> {
    if !sas.get("ss").contains('b') {
        return Err(AuthFailure::service());
    }
    let resource_type = match (&target.file_system, &target.path) {
        (None, _) => 's',
        (Some(_), None) => 'c',
        (Some(_), Some(_)) => 'o',
    };
    if !sas.get("srt").contains(resource_type) {
        return Err(AuthFailure::resource_type());
    }
    check_permission(
        sas,
        match needs {
            Needs::Read | Needs::Properties => &['r'],
            Needs::List => &['l'],
            Needs::Create => &['c', 'w'],
            Needs::Write => &['w'],
            Needs::Append => &['a', 'w'],
            Needs::Delete => &['d'],
            // An account SAS has no permission to move, so it takes the one to delete.
            Needs::Move => &['d', 'm'],
        },
    )
}
