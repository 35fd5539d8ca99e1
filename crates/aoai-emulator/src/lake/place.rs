//! Addresses of paths in the accounts of this emulator.

use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::{files::is_loopback, state::Shared};

/// A path in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LakePlace {
    pub(crate) account: String,
    pub(crate) filesystem: String,
    pub(crate) path: String,
}

impl LakePlace {
    /// The path that an address on this machine means; `None` where it is no account of ours.
    pub(crate) fn of_url(state: &Shared, url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(is_loopback)?;
        let decoded = percent_decode_str(url.path()).decode_utf8().ok()?.into_owned();
        let mut segments = decoded.split('/').filter(|segment| !segment.is_empty());
        let account = segments.next().filter(|name| state.is_account(name))?.to_owned();
        let filesystem = segments.next()?.to_owned();
        Some(Self { account, filesystem, path: segments.collect::<Vec<_>>().join("/") })
    }
}
