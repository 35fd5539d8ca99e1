//! Tokens in place of keys.

use aoai_emulator::{EmulatorConfig, EntraConfig, FaultEffect, FaultRule};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::support::{Service, frozen, start, value};

const OPENAI: &str = "https://cognitiveservices.azure.com/.default";

fn config() -> EmulatorConfig {
    EmulatorConfig {
        api_key: Some("key".into()),
        entra: EntraConfig {
            tenant: "tenant".to_owned(),
            client_id: "client".to_owned(),
            client_secret: Some("s3cr3t & more".into()),
            identity_header: Some("header".into()),
            static_tokens: vec!["fixed".into()],
            ..EntraConfig::default()
        },
        ..frozen()
    }
}

/// A form that is granted, but for the field that is given.
fn form<'a>(field: &'a str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "client"),
        ("client_secret", "s3cr3t & more"),
        ("scope", OPENAI),
    ];
    form.retain(|(name, _)| *name != field);
    form.push((field, text));
    form
}

fn encoded(form: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://form/").unwrap();
    url.query_pairs_mut().extend_pairs(form);
    url.query().unwrap().to_owned()
}

impl Service {
    async fn ask(&self, tenant: &str, form: &[(&str, &str)]) -> Response {
        self.http
            .post(format!("{}/{tenant}/oauth2/v2.0/token", self.emulator.url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(form))
            .send()
            .await
            .unwrap()
    }

    async fn identity(&self, query: &str, header: &str) -> Response {
        let url = format!("{}/msi/token?{query}", self.emulator.url());
        self.http.get(url).header("X-IDENTITY-HEADER", header).send().await.unwrap()
    }

    async fn list_as(&self, token: &str) -> StatusCode {
        self.http.get(self.v1("files")).bearer_auth(token).send().await.unwrap().status()
    }
}

fn token(answer: &Value) -> String {
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_secret_buys_a_token_for_an_hour() {
    let service = start(config()).await;
    let response = service.ask("tenant", &form("scope", OPENAI)).await;
    assert_eq!(response.status(), 200);
    let answer = value(response).await;
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &3600.into()));
    let token = token(&answer);
    assert_eq!(service.list_as(&token).await, 200);
    service.advance(3599);
    assert_eq!(service.list_as(&token).await, 200);
    service.advance(1);
    assert_eq!(service.list_as(&token).await, 401);
    assert_eq!(service.list_as("fixed").await, 200);
    assert_eq!(service.list_as("key").await, 200);
    assert_eq!(service.list_as("other").await, 401);
}

#[tokio::test]
async fn a_token_for_the_storage_is_not_for_batches() {
    let service = start(config()).await;
    let answer =
        value(service.ask("tenant", &form("scope", "https://storage.azure.com/.default")).await).await;
    assert_eq!(service.list_as(&token(&answer)).await, 401);
    let foundry = value(service.ask("tenant", &form("scope", "https://ai.azure.com/.default")).await).await;
    assert_eq!(service.list_as(&token(&foundry)).await, 200);
}

#[tokio::test]
async fn an_assertion_will_do_in_place_of_the_secret() {
    let service = start(config()).await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (assertion, status) in [("s3cr3t & more", 200), ("else", 401)] {
        let mut form = form("client_assertion", assertion);
        form.retain(|(name, _)| *name != "client_secret");
        form.push(("client_assertion_type", kind));
        assert_eq!(service.ask("tenant", &form).await.status(), status);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_as_entra_says_it() {
    let service = start(config()).await;
    for (tenant, form, status, error, number) in [
        ("else", form("scope", OPENAI), 400, "invalid_request", 90_002),
        ("tenant", form("client_id", "else"), 400, "unauthorized_client", 700_016),
        ("tenant", form("client_secret", "else"), 401, "invalid_client", 7_000_215),
        ("tenant", form("client_secret", ""), 400, "invalid_request", 900_144),
        ("tenant", form("grant_type", "password"), 400, "unsupported_grant_type", 70_003),
        ("tenant", form("scope", "https://storage.azure.com"), 400, "invalid_scope", 1_002_012),
    ] {
        let response = service.ask(tenant, &form).await;
        assert_eq!(response.status(), status, "{error}");
        let answer = value(response).await;
        assert_eq!((&answer["error"], &answer["error_codes"][0]), (&error.into(), &number.into()));
        assert!(!answer.to_string().contains("s3cr3t"));
    }
}

#[tokio::test]
async fn without_secrets_nothing_is_issued() {
    let service = start(EmulatorConfig {
        entra: EntraConfig {
            tenant: "tenant".to_owned(),
            client_id: "client".to_owned(),
            ..Default::default()
        },
        ..frozen()
    })
    .await;
    assert_eq!(service.ask("tenant", &form("scope", OPENAI)).await.status(), 401);
    let query = "resource=https://storage.azure.com&api-version=2019-08-01";
    assert_eq!(service.identity(query, "").await.status(), 401);
}

#[tokio::test]
async fn the_managed_identity_answers_as_on_app_service() {
    let service = start(config()).await;
    let query = "resource=https%3A%2F%2Fcognitiveservices.azure.com&api-version=2019-08-01";
    let response = service.identity(query, "header").await;
    assert_eq!(response.status(), 200);
    let answer = value(response).await;
    assert_eq!(answer["expires_on"], "1800003600");
    assert_eq!(answer["resource"], "https://cognitiveservices.azure.com");
    assert_eq!((&answer["token_type"], &answer["client_id"]), (&"Bearer".into(), &"client".into()));
    assert_eq!(service.list_as(&token(&answer)).await, 200);

    assert_eq!(service.identity(&format!("{query}&client_id=client"), "header").await.status(), 200);
    assert_eq!(service.identity(&format!("{query}&client_id=else"), "header").await.status(), 400);
    assert_eq!(service.identity(query, "else").await.status(), 401);
    assert_eq!(service.identity("resource=x", "header").await.status(), 400);
    assert_eq!(service.identity("api-version=2019-08-01", "header").await.status(), 400);
}

#[tokio::test]
async fn discovery_leads_to_the_token_endpoint() {
    let service = start(config()).await;
    let base = service.emulator.url();
    let instance = service.get(&format!("{base}/common/discovery/instance?api-version=1.1")).await;
    let document = service.get(instance["tenant_discovery_endpoint"].as_str().unwrap()).await;
    assert_eq!(document["token_endpoint"], format!("{base}/tenant/oauth2/v2.0/token"));
}

#[tokio::test]
async fn faults_reach_the_token_endpoint_too() {
    let rule: FaultRule = serde_json::from_value(serde_json::json!({
        "match": {"path_contains": "/oauth2/"}, "effect": {"status": {"code": 503}}, "times": 1,
    }))
    .unwrap();
    assert!(matches!(rule.effect, FaultEffect::Status { .. }));
    let service = start(EmulatorConfig { faults: vec![rule], ..config() }).await;
    assert_eq!(service.ask("tenant", &form("scope", OPENAI)).await.status(), 503);
    assert_eq!(service.ask("tenant", &form("scope", OPENAI)).await.status(), 200);
}
