//! `init`: a commented configuration.

use std::path::Path;

use crate::{
    app::App,
    args::InitArgs,
    error::{CliError, CliResult},
    exit::{self, Exit},
};

const TOML: &[(&str, &str)] = &[("aoai-batch.toml", include_str!("../../../../templates/aoai-batch.toml"))];
const TRIO: &[(&str, &str)] = &[
    ("app_config.json", include_str!("../../../../templates/legacy/app_config.json")),
    ("AOAI_config.json", include_str!("../../../../templates/legacy/AOAI_config.json")),
    ("storage_config.json", include_str!("../../../../templates/legacy/storage_config.json")),
];

pub(crate) fn run(app: &App, args: &InitArgs) -> CliResult<Exit> {
    let files = if args.legacy { TRIO } else { TOML };
    // All or nothing: look before the first one is written.
    if !args.force
        && let Some((name, _)) = files.iter().find(|(name, _)| args.dir.join(name).exists())
    {
        let message = format!("{} is there already", args.dir.join(name).display());
        return Err(CliError::usage(message).hint("--force replaces it"));
    }
    write(&args.dir, files)?;
    let paths: Vec<_> = files.iter().map(|(name, _)| args.dir.join(name)).collect();
    app.printer.value(&serde_json::json!({ "written": paths }));
    for path in &paths {
        app.printer.line(format!("wrote {}", path.display()));
    }
    let first = paths[0].display();
    app.printer.note(if args.legacy {
        format!("next: fill in the accounts, then `aoai-batch --app-config {first} run --once`")
    } else {
        format!("next: set service.endpoint and the three lake directories, export AOAI_KEY, then\n  aoai-batch --config {first} run --once")
    });
    Ok(exit::OK)
}

/// Writes files into a directory, which is created.
pub(super) fn write(dir: &Path, files: &[(&str, &str)]) -> CliResult<()> {
    for (name, text) in files {
        let path = dir.join(name);
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text)).map_err(|error| {
            CliError::usage(format!("{} cannot be written", path.display())).caused_by(&error)
        })?;
    }
    Ok(())
}
