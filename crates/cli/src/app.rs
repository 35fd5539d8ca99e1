//! From arguments to exit code.

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command},
    commands,
    error::CliError,
    exit::{self, Exit},
    logging,
    print::Printer,
};

/// What a command gets.
pub(crate) struct App {
    pub(crate) global: crate::args::Global,
    pub(crate) printer: std::sync::Arc<Printer>,
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.global);
    let printer = std::sync::Arc::new(Printer::new(cli.global.json, cli.global.quiet));
    let app = App { global: cli.global, printer: printer.clone() };
    match run(&app, cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            printer.error(&error);
            error.exit.into()
        }
    }
}

fn run(app: &App, command: Command) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::usage("the runtime cannot be started").caused_by(&error))?;
    let exit = runtime.block_on(async {
        match command {
            Command::Demo(args) => Box::pin(commands::demo::run(app, &args)).await,
            Command::Init(args) => commands::init::run(app, &args),
            Command::Run(args) => Box::pin(commands::run::run(app, &args)).await,
            Command::Plan(args) => Box::pin(commands::plan::run(app, &args)).await,
            Command::Validate(args) => commands::validate::run(app, &args).await,
            Command::Estimate(args) => commands::estimate::run(app, &args).await,
            Command::Status(args) => commands::status::run(app, &args).await,
            Command::Cancel(args) => Box::pin(commands::cancel::run(app, &args)).await,
            Command::Gc(args) => Box::pin(commands::gc::run(app, &args)).await,
            Command::Retry(args) => commands::retry::run(app, &args).await,
            Command::Audit(args) => commands::audit::run(app, &args).await,
            Command::Doctor(args) => Box::pin(commands::doctor::run(app, &args)).await,
            Command::Emulator(args) => commands::emulator::run(app, &args).await,
            Command::Completions(args) => {
                commands::completions::run(app, &args);
                Ok(exit::OK)
            }
        }
    });
    // A read that hangs in the kernel must not keep the process alive.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    exit
}
