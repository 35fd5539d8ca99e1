//! Entra identities, for the lake and for the service, over TLS.

use std::{fs, os::unix::fs::PermissionsExt};

use super::support::{CLIENT_SECRET, Lake};

/// Both sections with these keys, over TLS.
fn configure(lake: &Lake, transfer: &str, keys: &str) {
    let url = lake.tls_url();
    let keys = format!("{keys}\nca_file = \"ca.pem\"");
    lake.configure_at(
        &format!("endpoint = \"{url}\"\ntransfer = \"{transfer}\"\n{keys}"),
        &format!("endpoint = \"{url}/devstoreaccount1\"\n{keys}"),
    );
    lake.fill();
}

const APPLICATION: &str = "tenant_id = \"emulator\"\nclient_id = \"emulator\"";

#[test]
fn a_client_secret() {
    for transfer in ["upload", "import", "blob"] {
        let lake = Lake::new();
        configure(&lake, transfer, &format!("auth = \"client_secret\"\n{APPLICATION}"));
        let ran = lake.run_with(&["run", "--once"], &[("AZURE_AUTHORITY_HOST", lake.tls_url())]);
        lake.assert_complete(&ran);
    }
}

#[test]
fn a_workload_identity() {
    let lake = Lake::new();
    configure(&lake, "upload", &format!("auth = \"workload_identity\"\n{APPLICATION}"));
    // The emulator takes the secret for the federated token.
    lake.place.write("token", CLIENT_SECRET);
    let token = lake.place.path("token");
    let variables =
        [("AZURE_AUTHORITY_HOST", lake.tls_url()), ("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap())];
    let ran = lake.run_with(&["run", "--once"], &variables);
    lake.assert_complete(&ran);
}

#[test]
fn a_managed_identity_system_and_user_assigned() {
    for keys in ["auth = \"managed_identity\"", "auth = \"managed_identity\"\nclient_id = \"emulator\""] {
        let lake = Lake::new();
        configure(&lake, "import", keys);
        let endpoint = format!("{}/msi/token", lake.url());
        let variables = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", CLIENT_SECRET)];
        let ran = lake.run_with(&["run", "--once"], &variables);
        lake.assert_complete(&ran);
    }
}

#[test]
fn the_azure_cli() {
    let lake = Lake::with(|config| config.entra.static_tokens.push("s3cret-token".into()));
    configure(&lake, "upload", "auth = \"azure_cli\"");
    let az = lake.place.path("bin/az");
    fs::create_dir(lake.place.path("bin")).unwrap();
    let answer = r#"{"accessToken":"s3cret-token","expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"tokenType":"Bearer"}"#;
    fs::write(&az, format!("#!/bin/sh\ncat <<'X'\n{answer}\nX\n")).unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", az.parent().unwrap().display());
    let ran = lake.run_with(&["run", "--once"], &[("PATH", &path)]);
    lake.assert_complete(&ran);
}

#[test]
fn an_identity_over_plain_http_is_refused_before_anything_is_sent() {
    let lake = Lake::new();
    let url = lake.url();
    lake.configure_at(
        &format!("endpoint = \"{url}\"\nkey_env = \"TEST_KEY\""),
        &format!("endpoint = \"{url}/devstoreaccount1\"\nauth = \"client_secret\"\n{APPLICATION}"),
    );
    let ran = lake.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("https"), "{}", ran.err);
}

#[test]
fn a_wrong_secret_names_the_section_and_what_to_check() {
    let lake = Lake::new();
    configure(&lake, "upload", &format!("auth = \"client_secret\"\n{APPLICATION}"));
    let variables = [("AZURE_AUTHORITY_HOST", lake.tls_url()), ("AZURE_CLIENT_SECRET", "s3cret-wrong")];
    let ran = lake.run_with(&["run", "--once"], &variables);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.err.contains("the identity gives no token"), "{}", ran.err);
}
