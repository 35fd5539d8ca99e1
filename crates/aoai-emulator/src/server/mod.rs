//! The HTTP side: connections, routes, authentication, faults.

mod auth;
mod certificates;
mod faults;
mod listener;
mod manage;
mod paging;
mod reply;
mod route;
mod service;
mod tls;

pub(crate) use certificates::Certificates;
pub(crate) use faults::FaultBook;
pub use faults::{FaultEffect, FaultMatch, FaultRule};
pub(crate) use listener::{Connections, KillableListener, Peer};
pub(crate) use paging::{Page, Query};
pub(crate) use reply::{ApiError, Created, json};
pub use route::Operation;
pub(crate) use route::{ApiForm, Call};
pub(crate) use service::serve;
pub(crate) use tls::TlsListener;
