//! Configuration: raw (what was written) and resolved (what it means).

mod environment;
mod identities;
mod ledger;
mod legacy;
mod load;
mod places;
mod pool;
mod pricing;
mod raw;
mod resolve;
mod settings;

pub(crate) use environment::variable;
pub(crate) use load::{is_given, load, load_file};
pub(crate) use places::azure_url;
pub(crate) use pool::{check_prices, nanodollars};
pub(crate) use settings::{
    Auth, Identity, IdentityKind, LakeAuth, LakeKind, LedgerAuth, LedgerKind, Remote, SecretFrom, Service,
    Settings, SharedLedger, StorageAccount, TransferKind,
};
