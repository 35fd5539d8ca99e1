use std::net::IpAddr;

use crate::storage_auth::{
    Needs, Scheme,
    testing::{MINUTE, NOW, check, get, parts, signed},
};

const FILE: &str = "se=2027-01-15T08%3A30%3A00Z&sp=rwd&sv=2026-10-06&sr=b&sig=arvNQBjd54mdxFFw22KvilhKYsdY4lWUfCNiK%2BTJX7E%3D";
const FILE_PATH: &str = "/fs/a%20b/c%25d/e%2B%C3%BC%23.jsonl";
const FULL: &str = "st=2027-01-15T07%3A30%3A00Z&se=2027-01-15T08%3A30%3A00Z&sp=r&sip=127.0.0.1-127.0.0.9&spr=https&sv=2026-10-06&sr=b&rscc=no-cache%2C%20x&rscd=attachment%3B%20filename%3D%22%C3%BC%20%2B.txt%22&rsce=gzip&rscl=de&rsct=text/plain&ses=scope%201&sig=LyUV3pJwowTgMSFEQv87Mr0FijVcVRWxGwtQjwS2YNc%3D";
const FILE_SYSTEM: &str = "se=2027-01-15T08%3A30%3A00Z&sp=racwdlme&sv=2026-10-06&sr=c&sig=atIr0Fhqkntz6UeVitKLaBLbAIucfod9iKUzUM9L4CY%3D";
const DIRECTORY: &str = "se=2027-01-15T08%3A30%3A00Z&sp=rlm&sv=2026-10-06&sr=d&sdd=2&sig=0s81U9omqy8%2BttPP/VnP%2BFd3GHl%2BD5WpVwrMmMhym6I%3D";
const ROOT: &str =
    "se=2027-01-15&sp=rl&sv=2026-10-06&sr=d&sdd=0&sig=k3EOYtvZpomUNpKnqRcLR7vAKzNC7O9shBYoLcW4jI4%3D";
const ACCOUNT: &str = "st=2027-01-15T07%3A30Z&se=2027-01-15T08%3A30%3A00Z&sp=rwdlac&spr=https%2Chttp&sv=2026-10-06&ss=b&srt=co&sig=5r6q4Gcq%2BUzhCZ2JvRT7IxjihSNRRIQrc/o31w9yafs%3D";
const ACCOUNT_FROM_AFAR: &str = "se=2027-01-15T08%3A30%3A00Z&sp=rl&sip=10.0.0.1&sv=2026-10-06&ss=bfqt&srt=s&ses=s&sig=P9/pZvWrgH05nIQ09tjCSgv616r72I4vXEBEED8CEJ4%3D";
const QUEUES: &str = "se=2027-01-15T08%3A30%3A00Z&sp=rwl&sv=2026-10-06&ss=q&srt=sco&sig=VCUhQ2o3/523bt4nd2IlFXaSJRnFwJcYIni25SndXQQ%3D";

/// The scheme, or the code of the refusal.
fn with(path: &str, sas: &str, needs: Needs) -> Result<Scheme, &'static str> {
    let separator = if path.contains('?') { '&' } else { '?' };
    get(&format!("{path}{separator}{sas}"), needs)
        .map(|identity| identity.scheme)
        .map_err(|failure| failure.code)
}

/// The same at another time, from elsewhere or without TLS.
fn under(path: &str, sas: &str, now: i64, tls: bool, peer: &str) -> Result<Scheme, &'static str> {
    let parts = parts("GET", &format!("{path}?{sas}"), &[]);
    let mut request = signed(&parts, Needs::Read);
    request.tls = tls;
    request.peer = peer.parse::<IpAddr>().unwrap();
    check(&request, now).map(|identity| identity.scheme).map_err(|failure| failure.code)
}

#[test]
fn a_file_sas_is_for_its_file() {
    assert_eq!(with(FILE_PATH, FILE, Needs::Read), Ok(Scheme::ServiceSas));
    assert_eq!(
        with(FILE_PATH, &format!("action=append&{FILE}&position=0"), Needs::Append),
        Ok(Scheme::ServiceSas)
    );
    assert_eq!(with("/fs/a%20b/c%25d/e", FILE, Needs::Read), Err("AuthenticationFailed"));
    assert_eq!(with("/fs", FILE, Needs::List), Err("AuthorizationFailure"));
    assert_eq!(with("/", FILE, Needs::List), Err("AuthorizationFailure"));
}

#[test]
fn a_changed_byte_is_refused() {
    for (from, to) in
        [("rwd", "rwdl"), ("T08", "T09"), ("arv", "arw"), ("2026-10-06", "2026-10-07"), ("sr=b", "sr=c")]
    {
        let changed = FILE.replace(from, to);
        assert_ne!(changed, FILE);
        assert_eq!(with(FILE_PATH, &changed, Needs::Read), Err("AuthenticationFailed"), "{to}");
    }
}

#[test]
fn the_string_to_sign_is_shown_and_the_signature_is_not() {
    let failure = get(&format!("/fs/f?{FILE}"), Needs::Read).unwrap_err();
    assert!(failure.message.contains("'rwd\n\n2027-01-15T08:30:00Z\n/blob/devstoreaccount1/fs/f\n"));
    assert!(!failure.message.contains("arvNQBjd"));
}

#[test]
fn every_field_of_a_service_sas_is_signed() {
    assert_eq!(under("/fs/d/f", FULL, NOW, true, "127.0.0.9"), Ok(Scheme::ServiceSas));
    for (from, to) in [
        ("no-cache", "cache"),
        ("attachment", "inline"),
        ("gzip", "br"),
        ("=de", "=en"),
        ("plain", "html"),
        ("%201", "2"),
    ] {
        let changed = FULL.replace(from, to);
        assert_ne!(changed, FULL);
        assert_eq!(under("/fs/d/f", &changed, NOW, true, "127.0.0.1"), Err("AuthenticationFailed"), "{to}");
    }
}

#[test]
fn time_protocol_and_source_are_enforced() {
    let half = 30 * MINUTE;
    assert_eq!(under("/fs/d/f", FULL, NOW - half, true, "127.0.0.1"), Ok(Scheme::ServiceSas));
    assert_eq!(under("/fs/d/f", FULL, NOW - half - 1, true, "127.0.0.1"), Err("AuthenticationFailed"));
    assert_eq!(under("/fs/d/f", FULL, NOW + half - 1, true, "127.0.0.1"), Ok(Scheme::ServiceSas));
    assert_eq!(under("/fs/d/f", FULL, NOW + half, true, "127.0.0.1"), Err("AuthenticationFailed"));
    assert_eq!(under("/fs/d/f", FULL, NOW, false, "127.0.0.1"), Err("AuthorizationProtocolMismatch"));
    assert_eq!(under("/fs/d/f", FULL, NOW, true, "127.0.0.10"), Err("AuthorizationSourceIPMismatch"));
    assert_eq!(under("/fs/d/f", FULL, NOW, true, "::1"), Err("AuthorizationSourceIPMismatch"));
    assert_eq!(under("/fs/d/f", FULL, NOW, true, "::ffff:127.0.0.2"), Ok(Scheme::ServiceSas));
    assert_eq!(under(FILE_PATH, FILE, NOW, false, "::1"), Ok(Scheme::ServiceSas));
    assert_eq!(under("/fs/f", ACCOUNT, NOW, false, "::1"), Ok(Scheme::AccountSas));
    // A date alone means its midnight, which was eight hours ago.
    assert_eq!(under("/fs/f", ROOT, NOW, true, "::1"), Err("AuthenticationFailed"));
    assert_eq!(under("/fs/f", ROOT, NOW - 16 * half - 1, true, "::1"), Ok(Scheme::ServiceSas));
}

#[test]
fn permissions_are_enforced() {
    for (needs, enough) in [
        (Needs::Read, true),
        (Needs::Properties, true),
        (Needs::Write, true),
        (Needs::Create, true),
        (Needs::Append, true),
        (Needs::Delete, true),
        (Needs::List, false),
        (Needs::Move, false),
    ] {
        let expected = if enough { Ok(Scheme::ServiceSas) } else { Err("AuthorizationPermissionMismatch") };
        assert_eq!(with(FILE_PATH, FILE, needs), expected, "{needs:?}");
    }
    assert_eq!(with("/fs/a%20b/%C3%BC/x", DIRECTORY, Needs::Write), Err("AuthorizationPermissionMismatch"));
    assert_eq!(with("/fs/a%20b/%C3%BC/x", DIRECTORY, Needs::Move), Ok(Scheme::ServiceSas));
}

#[test]
fn a_file_system_sas_is_for_what_is_in_it_but_not_for_itself() {
    assert_eq!(with(FILE_PATH, FILE_SYSTEM, Needs::Delete), Ok(Scheme::ServiceSas));
    assert_eq!(with("/fs?resource=filesystem", FILE_SYSTEM, Needs::List), Ok(Scheme::ServiceSas));
    assert_eq!(with("/fs?resource=filesystem", FILE_SYSTEM, Needs::Delete), Err("AuthorizationFailure"));
    assert_eq!(with("/fs2/f", FILE_SYSTEM, Needs::Read), Err("AuthenticationFailed"));
}

#[test]
fn a_directory_sas_is_for_all_below() {
    for path in ["/fs/a%20b/%C3%BC", "/fs/a%20b/%C3%BC/", "/fs/a%20b/%C3%BC/x/y"] {
        assert_eq!(with(path, DIRECTORY, Needs::Read), Ok(Scheme::ServiceSas), "{path}");
    }
    for path in ["/fs/a%20b", "/fs/a%20b/%C3%BC2/x", "/fs/%C3%BC/a%20b", "/fs2/a%20b/%C3%BC"] {
        assert_eq!(with(path, DIRECTORY, Needs::Read), Err("AuthenticationFailed"), "{path}");
    }
    let listing = |directory: &str| format!("/fs?resource=filesystem&recursive=true{directory}");
    assert_eq!(
        with(&listing("&directory=a%20b%2F%C3%BC%2Fx"), DIRECTORY, Needs::List),
        Ok(Scheme::ServiceSas)
    );
    assert_eq!(with(&listing("&directory=a%20b"), DIRECTORY, Needs::List), Err("AuthenticationFailed"));
    assert_eq!(with(&listing(""), DIRECTORY, Needs::List), Err("AuthenticationFailed"));
    let shallow = DIRECTORY.replace("sdd=2", "sdd=1");
    assert_eq!(with("/fs/a%20b/%C3%BC", &shallow, Needs::Read), Err("AuthenticationFailed"));
}

#[test]
fn an_account_sas_is_for_its_services_and_resource_types() {
    assert_eq!(with(FILE_PATH, ACCOUNT, Needs::Delete), Ok(Scheme::AccountSas));
    assert_eq!(with("/fs", ACCOUNT, Needs::Create), Ok(Scheme::AccountSas));
    assert_eq!(with("/", ACCOUNT, Needs::List), Err("AuthorizationResourceTypeMismatch"));
    assert_eq!(with("/", QUEUES, Needs::List), Err("AuthorizationServiceMismatch"));
    assert_eq!(with("/fs", &ACCOUNT.replace("srt=co", "srt=sco"), Needs::List), Err("AuthenticationFailed"));
    assert_eq!(with("/", ACCOUNT_FROM_AFAR, Needs::List), Err("AuthorizationSourceIPMismatch"));
    assert_eq!(under("/", ACCOUNT_FROM_AFAR, NOW, false, "10.0.0.1"), Ok(Scheme::AccountSas));
}

#[test]
fn what_is_not_known_is_named() {
    for (extra, word) in [("&skoid=x", "user delegation"), ("&si=policy", "policies")] {
        let failure = get(&format!("{FILE_PATH}?{FILE}{extra}"), Needs::Read).unwrap_err();
        assert!(failure.code == "AuthenticationFailed" && failure.message.contains(word), "{failure:?}");
    }
    for version in ["2020-10-02", "", "new"] {
        let sas = FILE.replace("2026-10-06", version);
        let failure = get(&format!("{FILE_PATH}?{sas}"), Needs::Read).unwrap_err();
        assert!(failure.message.contains("version"), "{failure:?}");
    }
}
