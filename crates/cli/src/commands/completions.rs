//! `completions`: a script for a shell.

use clap::CommandFactory;

use crate::{
    app::App,
    args::{Cli, CompletionsArgs},
};

pub(crate) fn run(app: &App, args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "aoai-batch", &mut script);
    app.printer.raw(&String::from_utf8_lossy(&script));
}
