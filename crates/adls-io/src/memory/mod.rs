//! A lake in memory.

mod lake;
mod state;

pub use lake::MemoryLake;
