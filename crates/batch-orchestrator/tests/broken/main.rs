//! Files that are broken, each in one way, and what validation says of them.

mod case;
mod chat;
mod encoding;
mod envelope;
mod files;
mod fine;
mod json;
mod other_bodies;
mod random;
mod snapshot;
mod threads;
