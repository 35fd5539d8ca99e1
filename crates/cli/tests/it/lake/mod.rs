//! ADLS Gen2: the binary against the emulator's storage half, over HTTP and TLS.

mod bad_input;
mod identities;
mod probe;
mod probe_remains;
mod support;
mod transfers;
mod trio;
