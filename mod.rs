//! Configuration: files and environment in, one checked [`Settings`] out.
//!
//! ```text
//! aoai-batch.toml ─┐
//!                  ├─▶ RawConfig (texts, defaults, unknown keys refused) ─resolve─▶ Settings
//! JSON trio ───────┤
//! AOAI_BATCH__… ───┘
//! ```

mod environment;
mod figment_error;
mod human;
mod lake_url;
mod layer;
mod legacy;
mod load;
pub mod raw;
mod resolve;
mod secret;
mod settings;
mod support;
pub mod templates;

pub use environment::Environment;
pub use human::{Expiry, HumanDuration, HumanSize};
pub use lake_url::LakeUrl;
pub use load::{ConfigSource, find, load, load_if_any, load_source};
pub use raw::RawConfig;
pub use secret::NamedSecret;
pub use settings::{
    Api, Endpoint, LakeAuth, LakeSettings, LedgerUrl, LimitSettings, OutputOrder, PricingSettings,
    RetrySettings, RunMode, RunSettings, ServiceAuth, ServiceSettings, Settings, TokenSettings, Transfer,
};
pub use support::ensure_supported;
