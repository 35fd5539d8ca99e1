//! Azure's own library gets its tokens here.

use std::sync::Arc;

use aoai_emulator::{Emulator, EmulatorConfig, EntraConfig, TlsConfig};
use azure_core::{
    cloud::CustomConfiguration,
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Transport},
};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use reqwest::{Certificate, Client, StatusCode};

const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

async fn start() -> (Emulator, Client) {
    let config = EmulatorConfig {
        api_key: Some("key".into()),
        tls: Some(TlsConfig::default()),
        entra: EntraConfig {
            tenant: "tenant".to_owned(),
            client_id: "client".to_owned(),
            client_secret: Some("secret".into()),
            ..EntraConfig::default()
        },
        ..EmulatorConfig::default()
    };
    let emulator = Emulator::start(config).await.unwrap();
    let ca = Certificate::from_pem(&std::fs::read(emulator.ca_file().unwrap()).unwrap()).unwrap();
    (emulator, Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap())
}

fn options(emulator: &Emulator, client: &Client) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = emulator.tls_url().unwrap().to_owned();
    ClientOptions {
        cloud: Some(Arc::new(cloud.into())),
        transport: Some(Transport::new(Arc::new(client.clone()))),
        ..ClientOptions::default()
    }
}

fn by_secret(emulator: &Emulator, client: &Client, secret: &str) -> Arc<ClientSecretCredential> {
    let options = ClientSecretCredentialOptions { client_options: options(emulator, client) };
    let secret = Secret::new(secret.to_owned());
    ClientSecretCredential::new("tenant", "client".to_owned(), secret, Some(options)).unwrap()
}

async fn list_with(
    credential: Arc<dyn TokenCredential>,
    emulator: &Emulator,
    client: &Client,
    scope: &str,
) -> StatusCode {
    let token = credential.get_token(&[scope], None).await.unwrap();
    let url = format!("{}/openai/v1/files", emulator.tls_url().unwrap());
    client.get(url).bearer_auth(token.token.secret()).send().await.unwrap().status()
}

#[tokio::test]
async fn a_client_secret_credential_gets_in() {
    let (emulator, client) = start().await;
    let credential = by_secret(&emulator, &client, "secret");
    assert_eq!(list_with(credential.clone(), &emulator, &client, SCOPE).await, 200);
    let storage = "https://storage.azure.com/.default";
    assert_eq!(list_with(credential, &emulator, &client, storage).await, 401);
    let error = by_secret(&emulator, &client, "wrong").get_token(&[SCOPE], None).await.unwrap_err();
    assert!(error.to_string().contains("AADSTS7000215"), "{error}");
}

#[tokio::test]
async fn a_workload_identity_credential_gets_in() {
    let (emulator, client) = start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "secret").unwrap();
    let credential = WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions { client_options: options(&emulator, &client) },
        client_id: Some("client".to_owned()),
        tenant_id: Some("tenant".to_owned()),
        token_file_path: Some(file),
    }))
    .unwrap();
    assert_eq!(list_with(credential, &emulator, &client, SCOPE).await, 200);
}
