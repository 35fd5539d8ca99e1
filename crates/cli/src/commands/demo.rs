//! `demo`: the whole pipeline on a small input, without any account.

use super::{init::write, run};
use crate::{
    app::App,
    args::DemoArgs,
    config,
    error::{CliError, CliResult},
    exit::Exit,
};

const FILES: &[(&str, &str)] = &[
    ("aoai-batch.toml", include_str!("../../../../templates/demo/aoai-batch.toml")),
    ("inbox/capitals.jsonl", include_str!("../../../../templates/demo/capitals.jsonl")),
    ("inbox/reviews/week 47.jsonl", include_str!("../../../../templates/demo/reviews.jsonl")),
];

pub(crate) async fn run(app: &App, args: &DemoArgs) -> CliResult<Exit> {
    let config = args.dir.join(FILES[0].0);
    if args.dir.exists()
        && !config.exists()
        && args.dir.read_dir().is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(CliError::usage(format!(
            "{} is not empty, and not of an earlier demo",
            args.dir.display()
        ))
        .hint("name another directory: `aoai-batch demo DIR`"));
    }
    write(&args.dir, FILES)?;
    app.printer.line(format!("wrote a configuration and two batch files to {}", args.dir.display()));
    app.printer.line(
        "running them through the built-in emulator (its answers are echoes; nothing is sent anywhere) …",
    );
    let report = run::pipeline(app, config::load_file(&config)?).await?;
    app.printer.value(&report);
    app.printer.line(run::summary(&report));
    let dir = args.dir.display();
    app.printer.line(format!("\nresults, metadata and the raw files:  {dir}/processed"));
    app.printer.line(format!(
        "what the ledger knows:                aoai-batch --config {dir}/aoai-batch.toml status"
    ));
    app.printer.line(format!("try your own: put *.jsonl files into {dir}/inbox, then"));
    app.printer.line(format!(
        "                                      aoai-batch --config {dir}/aoai-batch.toml run --once"
    ));
    Ok(run::exit_of(&report))
}
