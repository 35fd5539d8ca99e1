//! The one place that prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "everything else prints through here")]

use std::sync::Mutex;

use serde::Serialize;

use crate::error::CliError;

/// Prints for people, or JSON for programs.
#[derive(Debug)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    /// Progress bars are on the screen: lines go through them.
    bars: Mutex<Option<indicatif::MultiProgress>>,
}

impl Printer {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, bars: Mutex::new(None) }
    }

    /// Whether standard output is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether there is to be as little as possible.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Lets lines pass above these bars, or no longer.
    pub(crate) fn set_bars(&self, bars: Option<indicatif::MultiProgress>) {
        *self.bars.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bars;
    }

    /// The result, for people.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            self.out(text.as_ref());
        }
    }

    /// The result, for programs: one JSON value on a line.
    pub(crate) fn value(&self, value: &impl Serialize) {
        if self.json {
            self.out(&serde_json::to_string(value).unwrap_or_default());
        }
    }

    /// Something on the side, for people: on standard error.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.err(text.as_ref());
        }
    }

    /// What ended the command.
    pub(crate) fn error(&self, error: &CliError) {
        self.value(&error.json());
        self.err(&error.to_string());
    }

    /// Raw text, such as completions.
    pub(crate) fn raw(&self, text: &str) {
        print!("{text}");
    }

    fn out(&self, text: &str) {
        self.above_bars(|| {
            use std::io::Write;
            // A reader that went away (`| head`) is no error of ours.
            let _ = writeln!(std::io::stdout(), "{text}");
        });
    }

    fn err(&self, text: &str) {
        self.above_bars(|| eprintln!("{text}"));
    }

    fn above_bars(&self, print: impl FnOnce()) {
        match &*self.bars.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}
