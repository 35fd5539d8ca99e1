//! `emulator`: the service on this machine.

use aoai_emulator::{AnswerConfig, Emulator, EmulatorConfig, UpstreamConfig};
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
    let emulator = Emulator::start(config).await.map_err(|error| {
        CliError::usage("the emulator cannot start").caused_by(&error).hint("--port 0 takes any free port")
    })?;
    // Programs wait for this line, whether or not they asked for JSON everywhere.
    app.printer.raw(&format!(
        "{}\n",
        json!({ "ready": true, "url": emulator.url(), "port": emulator.addr().port() })
    ));
    app.printer.note(format!(
        "serving the Azure OpenAI Files and Batch API on {}; Ctrl+C ends it and forgets everything",
        emulator.url()
    ));
    // Without a handler the signal ends the process all the same.
    let _ = tokio::signal::ctrl_c().await;
    emulator.shutdown().await;
    Ok(exit::OK)
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
