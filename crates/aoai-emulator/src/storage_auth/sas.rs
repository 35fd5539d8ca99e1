//! What account and service SAS have in common.

use std::net::{IpAddr, Ipv4Addr};

use time::{
    Date, OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339,
    macros::format_description,
};

use super::{
    Account, AuthFailure, Scheme, SignedRequest, account_sas, query::pairs, service_sas, shared_key::millis,
    sign::is_signature_of,
};

/// The first version whose string to sign names the encryption scope.
const OLDEST: &str = "2020-12-06";

/// The parameters of a SAS, decoded.
#[derive(Debug, Clone)]
pub(super) struct Sas(Vec<(String, String)>);

impl Sas {
    /// None if the query holds no signature.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let pairs = pairs(query);
        pairs.iter().any(|(name, _)| name == "sig").then_some(Self(pairs))
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value, or nothing: absent fields are signed as empty lines.
    pub(super) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// One line for each field, ready to be joined.
    pub(super) fn lines<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        names.iter().map(|name| self.get(name))
    }
}

/// Checks a SAS from its version to its permissions.
pub(super) fn check(
    sas: &Sas,
    request: &SignedRequest<'_>,
    account: &Account,
    now_ms: i64,
) -> Result<Scheme, AuthFailure> {
    check_version(sas)?;
    if sas.find("skoid").is_some() {
        return Err(AuthFailure::not_authenticated("This emulator knows no user delegation keys."));
    }
    if sas.find("si").is_some() {
        return Err(AuthFailure::not_authenticated("This emulator knows no stored access policies (si)."));
    }
    let is_account_sas = sas.find("ss").is_some() || sas.find("srt").is_some();
    let target = request.target();
    let signed = if is_account_sas {
        account_sas::string_to_sign(sas, &account.name)
    } else {
        service_sas::string_to_sign(sas, &account.name, &target)?
    };
    if !is_signature_of(sas.get("sig"), &signed, account.key()) {
        return Err(AuthFailure::signature(Some(&signed)));
    }
    check_time(sas, now_ms)?;
    check_protocol(sas, request.tls)?;
    check_source(sas, request.peer)?;
    if is_account_sas {
        account_sas::check_scope(sas, &target, request.needs)?;
    } else {
        service_sas::check_scope(sas, &target, request.needs)?;
    }
    Ok(if is_account_sas { Scheme::AccountSas } else { Scheme::ServiceSas })
}

/// Whether the signed permissions hold one of those that would do.
pub(super) fn check_permission(sas: &Sas, any_of: &[char]) -> Result<(), AuthFailure> {
    if sas.get("sp").contains(any_of) { Ok(()) } else { Err(AuthFailure::permission()) }
}

fn check_version(sas: &Sas) -> Result<(), AuthFailure> {
    let version = sas.get("sv");
    if Date::parse(version, format_description!("[year]-[month]-[day]")).is_err() {
        return Err(AuthFailure::not_authenticated("The signed version (sv) is missing or no date."));
    }
    // Dates of this form sort as text.
    if version < OLDEST {
        let detail =
            format!("This emulator knows SAS tokens from version {OLDEST} on, and this one is older.");
        return Err(AuthFailure::not_authenticated(&detail));
    }
    Ok(())
}

fn check_time(sas: &Sas, now_ms: i64) -> Result<(), AuthFailure> {
    let expiry = moment(sas, "se")?
        .ok_or_else(|| AuthFailure::not_authenticated("The signed expiry (se) is missing."))?;
    let start = moment(sas, "st")?;
    if now_ms >= expiry || start.is_some_and(|start| now_ms < start) {
        let detail = format!(
            "Signature not valid in the specified time frame: Start [{}] - Expiry [{}].",
            sas.get("st"),
            sas.get("se"),
        );
        return Err(AuthFailure::not_authenticated(&detail));
    }
    Ok(())
}

fn moment(sas: &Sas, name: &str) -> Result<Option<i64>, AuthFailure> {
    let Some(text) = sas.find(name) else { return Ok(None) };
    let date = format_description!("[year]-[month]-[day]");
    let minutes = format_description!("[year]-[month]-[day]T[hour]:[minute]Z");
    let at = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(text, minutes).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(text, date).map(|date| date.midnight().assume_utc()));
    at.map(|at| Some(millis(at)))
        .map_err(|_| AuthFailure::not_authenticated(&format!("The time in {name} is not in ISO 8601.")))
}

fn check_protocol(sas: &Sas, tls: bool) -> Result<(), AuthFailure> {
    match sas.find("spr") {
        None | Some("https,http") => Ok(()),
        Some("https") if tls => Ok(()),
        Some("https") => Err(AuthFailure::protocol()),
        Some(_) => {
            Err(AuthFailure::not_authenticated("The signed protocol (spr) is neither https nor https,http."))
        }
    }
}

fn check_source(sas: &Sas, peer: IpAddr) -> Result<(), AuthFailure> {
    let Some(range) = sas.find("sip") else { return Ok(()) };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (Ok(first), Ok(last)) = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) else {
        return Err(AuthFailure::not_authenticated("The signed IP (sip) is no IPv4 address or range."));
    };
    match peer.to_canonical() {
        IpAddr::V4(peer) if (first..=last).contains(&peer) => Ok(()),
        _ => Err(AuthFailure::source_ip()),
    }
}

#[cfg(test)]
#[path = "sas_tests.rs"]
mod tests;
