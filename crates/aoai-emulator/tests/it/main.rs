//! The emulator over real sockets.

mod happy_path;
mod support;
