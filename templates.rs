//! The files that `init` and `demo` write, as they lie in the workspace's `templates/`.

/// Name and text of a file.
pub type Template = (&'static str, &'static str);

/// The configuration in TOML: the reference of every key.
pub const TOML: &[Template] =
    &[("aoai-batch.toml", include_str!("../../../../templates/aoai-batch.toml"))];

/// The Python accelerator's three files; the first names the others.
pub const LEGACY: &[Template] = &[
    ("app_config.json", include_str!("../../../../templates/legacy/app_config.json")),
    ("AOAI_config.json", include_str!("../../../../templates/legacy/AOAI_config.json")),
    ("storage_config.json", include_str!("../../../../templates/legacy/storage_config.json")),
];

/// The demo's configuration.
pub const DEMO: Template = ("aoai-batch.toml", include_str!("../../../../templates/demo.toml"));
