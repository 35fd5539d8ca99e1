//! Each way of transfer, with a key and with a SAS.

use super::support::{Lake, sas};

const FOREVER: &str = "2099-01-01T00:00:00Z";

fn with_key(transfer: &str) {
    let lake = Lake::new();
    lake.configure(&format!("transfer = \"{transfer}\""), "");
    lake.fill();
    let ran = lake.run(&["run", "--once"]);
    lake.assert_complete(&ran);
}

#[test]
fn upload_with_a_key() {
    with_key("upload");
}

#[test]
fn import_with_a_key() {
    with_key("import");
}

#[test]
fn blob_with_a_key() {
    with_key("blob");
}

#[test]
fn all_three_with_a_sas() {
    for transfer in ["upload", "import", "blob"] {
        let lake = Lake::new();
        let import = if transfer == "import" { "import_sas_env = \"IMPORT_SAS\"" } else { "" };
        lake.configure_at(
            &format!(
                "endpoint = \"{}\"\nkey_env = \"TEST_KEY\"\ntransfer = \"{transfer}\"\n{import}",
                lake.url()
            ),
            &format!(
                "endpoint = \"{}/devstoreaccount1\"\nauth = \"sas\"\nsas_env = \"LAKE_SAS\"",
                lake.url()
            ),
        );
        lake.fill();
        let (wide, narrow) = (sas("racwdlm", FOREVER), sas("r", FOREVER));
        let ran = lake.run_with(&["run", "--once", "-vv"], &[("LAKE_SAS", &wide), ("IMPORT_SAS", &narrow)]);
        lake.assert_complete(&ran);
        for secret in [&wide, &narrow] {
            let signature = secret.rsplit_once("sig=").unwrap().1;
            assert!(!ran.err.contains(signature), "a signature was logged: {}", ran.err);
        }
    }
}

#[test]
fn set_model_and_split_in_every_way() {
    for transfer in ["upload", "import", "blob"] {
        let lake = Lake::new();
        lake.configure(&format!("set_model = true\ntransfer = \"{transfer}\""), "");
        lake.place.append("aoai-batch.toml", "[limits]\nsplit = true\nmax_lines = 3\n");
        lake.fill();
        let ran = lake.run(&["run", "--once"]);
        lake.assert_complete(&ran);
    }
}

#[test]
fn validate_and_estimate_read_the_lake() {
    let lake = Lake::new();
    lake.configure("", "");
    lake.fill();
    lake.put("input", "inbox/bad.jsonl", "{}\n");
    let directory = "abfss://input@devstoreaccount1.dfs.core.windows.net/inbox";
    let ran = lake.run(&["validate", directory]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains(&format!("{directory}/plain.jsonl: ok, 5 lines")), "{}", ran.out);
    assert!(ran.out.contains("bad.jsonl:1: "), "{}", ran.out);
    let ran = lake.run(&["estimate", "--json", &format!("{directory}/plain.jsonl")]);
    assert_eq!((ran.code, &ran.json()[0]["lines"]), (Some(0), &5.into()), "{ran:?}");
    let other = lake.run(&["validate", "abfss://input@other.dfs.core.windows.net/x"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.err.contains("not in the storage account"), "{}", other.err);
}
