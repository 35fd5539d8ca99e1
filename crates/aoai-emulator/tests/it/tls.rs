//! The encrypted way in.

use std::time::Duration;

use aoai_emulator::{Emulator, EmulatorConfig, EmulatorError, FaultEffect, FaultMatch, FaultRule, TlsConfig};
use reqwest::{Certificate, Client};
use tokio::net::TcpStream;

use crate::support::frozen;

fn config() -> EmulatorConfig {
    EmulatorConfig { tls: Some(TlsConfig::default()), ..frozen() }
}

fn once(effect: FaultEffect) -> FaultRule {
    FaultRule { matching: FaultMatch::default(), effect, times: Some(1), skip: 0 }
}

fn trusting(emulator: &Emulator) -> Client {
    let ca = std::fs::read(emulator.ca_file().unwrap()).unwrap();
    Client::builder().no_proxy().tls_certs_only([Certificate::from_pem(&ca).unwrap()]).build().unwrap()
}

fn files(emulator: &Emulator) -> String {
    format!("{}/openai/v1/files", emulator.tls_url().unwrap())
}

#[tokio::test]
async fn the_same_service_is_behind_both_ways_in() {
    let emulator = Emulator::start(config()).await.unwrap();
    let client = trusting(&emulator);
    let by_address = client.get(files(&emulator)).send().await.unwrap();
    assert_eq!(by_address.status(), 200);
    let by_name = client.get(files(&emulator).replace("127.0.0.1", "localhost")).send().await.unwrap();
    assert_eq!(by_name.status(), 200);
    let plain = client.get(format!("{}/openai/v1/files", emulator.url())).send().await.unwrap();
    assert_eq!(plain.status(), 200);
}

#[tokio::test]
async fn a_client_that_does_not_know_the_authority_refuses() {
    let emulator = Emulator::start(config()).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    assert!(client.get(files(&emulator)).send().await.unwrap_err().is_connect());
    // Nor does one emulator's authority vouch for another.
    let other = Emulator::start(config()).await.unwrap();
    assert!(trusting(&other).get(files(&emulator)).send().await.unwrap_err().is_connect());
    assert_eq!(trusting(&emulator).get(files(&emulator)).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stalled_handshake_holds_up_nobody() {
    let emulator = Emulator::start(config()).await.unwrap();
    let port = emulator.tls_url().unwrap().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let _stalled = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let answer = trusting(&emulator).get(files(&emulator)).timeout(Duration::from_secs(5)).send().await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn connections_are_cut_under_tls_too() {
    let emulator = Emulator::start(config()).await.unwrap();
    let client = trusting(&emulator);
    for effect in [FaultEffect::ResetBefore, FaultEffect::ResetAfter] {
        emulator.control().add_fault(once(effect));
        client.get(files(&emulator)).send().await.unwrap_err();
        assert_eq!(client.get(files(&emulator)).send().await.unwrap().status(), 200);
    }
    emulator.control().add_fault(once(FaultEffect::TruncateBody { bytes: 5 }));
    let mut response = client.get(files(&emulator)).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 5);
    response.chunk().await.unwrap_err();
}

#[tokio::test]
async fn a_shutdown_cuts_what_is_open_and_frees_the_port() {
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("ca.pem");
    let tls = TlsConfig { port: 0, ca_file: Some(ca_file.clone()) };
    let emulator = Emulator::start(EmulatorConfig { tls: Some(tls), ..frozen() }).await.unwrap();
    assert_eq!(emulator.ca_file(), Some(ca_file.as_path()));
    let client = trusting(&emulator);
    let url = files(&emulator);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    emulator.shutdown().await;
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let tls = TlsConfig { port: 0, ca_file: Some(dir.path().join("missing/ca.pem")) };
    let error = Emulator::start(EmulatorConfig { tls: Some(tls), ..frozen() }).await.unwrap_err();
    assert!(matches!(error, EmulatorError::CaFile { .. }), "{error}");
}

#[tokio::test]
async fn without_tls_there_is_neither_address_nor_certificate() {
    let emulator = Emulator::start(frozen()).await.unwrap();
    assert_eq!((emulator.tls_url(), emulator.ca_file()), (None, None));
}
