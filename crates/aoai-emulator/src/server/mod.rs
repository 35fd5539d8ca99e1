//! The HTTP side: connections, routes, authentication, faults.

mod auth;
mod faults;
mod listener;
mod manage;
mod paging;
mod range;
mod reply;
mod route;
mod service;

pub(crate) use faults::FaultBook;
pub use faults::{FaultEffect, FaultMatch, FaultRule};
pub(crate) use listener::{Connections, KillableListener};
pub(crate) use paging::{Page, Query};
pub(crate) use range::Wanted;
pub(crate) use reply::{ApiError, Created, json};
pub use route::Operation;
pub(crate) use route::{ApiForm, Call};
pub(crate) use service::serve;
