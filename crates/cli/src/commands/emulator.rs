//! `emulator`: the service on this machine.

use aoai_emulator::{AnswerConfig, Emulator, EmulatorConfig, TlsConfig, UpstreamConfig};
use serde_json::json;

use crate::{
    app::App,
    args::EmulatorArgs,
    error::{CliError, CliResult},
    exit::{self, Exit},
    wiring::secret,
};

pub(crate) async fn run(app: &App, args: &EmulatorArgs) -> CliResult<Exit> {
    let mut config = match &args.settings {
        Some(file) => read(file)?,
        None => EmulatorConfig::default(),
    };
    config.port = args.port;
    if let Some(name) = &args.key_env {
        config.api_key = Some(secret(name, "--key-env")?.into());
    }
    if let Some(speed) = args.speed {
        config.clock.speed = speed;
    }
    if let Some(url) = &args.upstream {
        let mut upstream = UpstreamConfig { url: url.clone(), ..UpstreamConfig::default() };
        if let Some(name) = &args.upstream_key_env {
            upstream.key = Some(secret(name, "--upstream-key-env")?.into());
        }
        upstream.model.clone_from(&args.upstream_model);
        upstream.concurrency = args.upstream_concurrency.unwrap_or(upstream.concurrency);
        config.answers = AnswerConfig::Upstream(upstream);
    }
    if let Some(port) = args.tls_port {
        config.tls = Some(TlsConfig { port, ca_file: args.ca_file.clone() });
    }
    if let Some(name) = &args.token_env {
        config.entra.static_tokens.push(secret(name, "--token-env")?.into());
    }
    config.lake.create_filesystems.extend(args.filesystems.iter().cloned());
    let account = config.lake.accounts.first().map(|account| account.name.clone());
    let emulator = Emulator::start(config).await.map_err(|error| {
        CliError::usage("the emulator cannot start").caused_by(&error).hint("--port 0 takes any free port")
    })?;
    // Programs wait for this line, whether or not they asked for JSON everywhere.
    app.printer.raw(&format!("{}\n", ready(&emulator, account.as_deref())));
    app.printer.note(format!(
        "serving the Azure OpenAI Files and Batch API on {}; Ctrl+C ends it and forgets everything",
        emulator.url()
    ));
    if let Some(account) = account {
        app.printer.note(format!("serving ADLS Gen2 (DFS endpoint) on {}/{account}", emulator.url()));
    }
    // Without a handler the signal ends the process all the same.
    let _ = tokio::signal::ctrl_c().await;
    emulator.shutdown().await;
    Ok(exit::OK)
}

/// The ready line: where everything is. Nothing in it is secret.
fn ready(emulator: &Emulator, account: Option<&str>) -> serde_json::Value {
    let mut line = json!({ "ready": true, "url": emulator.url(), "port": emulator.addr().port() });
    if let Some(account) = account {
        line["storage"] = json!({ "account": account, "url": format!("{}/{account}", emulator.url()) });
        if let Some(url) = emulator.tls_url() {
            line["storage"]["tls_url"] = format!("{url}/{account}").into();
        }
    }
    if let (Some(url), Some(file)) = (emulator.tls_url(), emulator.ca_file()) {
        line["tls"] = json!({ "url": url, "ca_file": file });
    }
    line
}

fn read(file: &std::path::Path) -> CliResult<EmulatorConfig> {
    let wrong = |error: &dyn std::error::Error| {
        CliError::usage(format!("the emulator's settings {} cannot be read", file.display())).caused_by(error)
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    if file.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).map_err(|error| wrong(&error))
    } else {
        toml::from_str(&text).map_err(|error| wrong(&error))
    }
}
