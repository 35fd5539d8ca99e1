//! A lake of local directories.

mod errors;
mod lake;
mod read;
mod rename;
mod spot;
mod stamp;
mod walk;
mod write;

pub use lake::LocalLake;
