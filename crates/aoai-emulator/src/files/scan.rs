//! The lines of an input file, read once.

use std::{
    collections::HashSet,
    fs::File,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    io::{self, BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;
use serde_json::value::RawValue;

/// More findings than this tell nobody anything.
const MAX_FAULTS: usize = 1_000;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What is known of an input without reference to any batch. Bodies stay on disk: a line is an offset.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) lines: Vec<ScannedLine>,
    pub(crate) faults: Vec<LineFault>,
    /// Distinct urls without `/v1`, in order of appearance.
    pub(crate) urls: Vec<String>,
    /// `body.model` of the first line that has one.
    pub(crate) deployment: Option<String>,
    /// Characters of all bodies: what the service estimates tokens from.
    pub(crate) body_chars: u64,
    pub(crate) has_bom: bool,
}

#[derive(Debug)]
pub(crate) struct ScannedLine {
    pub(crate) offset: u64,
    pub(crate) length: u32,
    /// Counted from 1, blank lines included.
    pub(crate) number: u32,
    pub(crate) custom_id: Box<str>,
    /// Index into [`Scan::urls`].
    pub(crate) url: usize,
    /// Hash of the whole line, to recognise it in another file.
    pub(crate) fingerprint: u64,
}

/// Something wrong with a line, or with the file where `line` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineFault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) line: Option<u32>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    custom_id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    url: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
}

impl Scan {
    pub(crate) fn read(path: &Path, max_lines: usize) -> io::Result<Self> {
        Self::from_reader(BufReader::with_capacity(256 * 1024, File::open(path)?), max_lines)
    }

    fn from_reader(mut reader: impl BufRead, max_lines: usize) -> io::Result<Self> {
        let mut scan = Self::default();
        let mut seen = HashSet::new();
        let mut line = Vec::new();
        let (mut offset, mut number) = (0, 0);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            number += 1;
            let start = offset;
            offset += length as u64;
            scan.has_bom |= number == 1 && line.starts_with(BOM);
            // A final line break, or a few, is not a request.
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if scan.lines.len() == max_lines {
                let message = format!("The input file has more than {max_lines} requests.");
                scan.faults.push(LineFault { code: "too_many_tasks", message, line: None });
                break;
            }
            match scan.understand(&line, start, number) {
                Ok(line) => {
                    if !seen.insert(line.custom_id.clone()) {
                        let message = format!("The custom_id '{}' is used more than once.", line.custom_id);
                        scan.blame("duplicate_custom_id", message, number);
                    }
                    scan.lines.push(line);
                }
                Err((code, message)) => scan.blame(code, message, number),
            }
        }
        if number == 0 || (scan.lines.is_empty() && scan.faults.is_empty()) {
            let message = "The input file is empty.".to_owned();
            scan.faults.push(LineFault { code: "empty_file", message, line: None });
        }
        Ok(scan)
    }

    fn blame(&mut self, code: &'static str, message: String, number: u32) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(LineFault { code, message, line: Some(number) });
        }
    }

    fn understand(
        &mut self,
        line: &[u8],
        offset: u64,
        number: u32,
    ) -> Result<ScannedLine, (&'static str, String)> {
        let invalid = |what: &str| ("invalid_request", what.to_owned());
        let unparseable = || ("invalid_json_line", "This line is not parseable as valid JSON.".to_owned());
        let text = std::str::from_utf8(line.strip_prefix(BOM).unwrap_or(line)).map_err(|_| unparseable())?;
        // Also refuses an array, which serde would take for a struct by position.
        if !text.trim_start().starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
            return Err(invalid("This line is not a JSON object."));
        }
        let request: Request<'_> = serde_json::from_str(text).map_err(|error| {
            if error.is_data() { ("invalid_request", error.to_string()) } else { unparseable() }
        })?;
        let custom_id = string(request.custom_id)
            .filter(|id| !id.is_empty())
            .ok_or_else(|| invalid("The field 'custom_id' must be a string that is not empty."))?;
        if string(request.method).as_deref() != Some("POST") {
            return Err(invalid("The field 'method' must be 'POST'."));
        }
        let url = string(request.url).ok_or_else(|| invalid("The field 'url' must be a string."))?;
        let body = request
            .body
            .filter(|body| body.get().starts_with('{'))
            .ok_or_else(|| invalid("The field 'body' must be an object."))?;
        let model = serde_json::from_str::<Body<'_>>(body.get())
            .ok()
            .and_then(|body| string(body.model))
            .filter(|model| !model.is_empty())
            .ok_or_else(|| invalid("The field 'body.model' must name a deployment."))?;
        self.body_chars += body.get().chars().count() as u64;
        match &self.deployment {
            None => self.deployment = Some(model),
            Some(first) if *first == model => {}
            Some(first) => {
                let message = format!("The model '{model}' differs from the first line's, '{first}'.");
                self.blame("model_mismatch", message, number);
            }
        }
        let fingerprint = BuildHasherDefault::<DefaultHasher>::default().hash_one(text.trim_end());
        let url = self.url_number(without_v1(&url));
        let length = u32::try_from(line.len()).map_err(|_| invalid("This line is too long."))?;
        Ok(ScannedLine { offset, length, number, custom_id: custom_id.into(), url, fingerprint })
    }

    fn url_number(&mut self, url: &str) -> usize {
        self.urls.iter().position(|known| known == url).unwrap_or_else(|| {
            self.urls.push(url.to_owned());
            self.urls.len() - 1
        })
    }
}

/// `/v1/chat/completions` and `/chat/completions` are the same endpoint.
pub(crate) fn without_v1(url: &str) -> &str {
    match url.strip_prefix("/v1") {
        Some(rest) if rest.starts_with('/') => rest,
        _ => url,
    }
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Scan {
        Scan::from_reader(text.as_bytes(), 3).unwrap()
    }

    fn line(id: &str) -> String {
        format!(
            r#"{{"custom_id":"{id}","method":"POST","url":"/v1/chat/completions","body":{{"model":"d"}}}}"#
        )
    }

    fn found(text: &str) -> Vec<(&'static str, Option<u32>)> {
        scan(text).faults.iter().map(|fault| (fault.code, fault.line)).collect()
    }

    #[test]
    fn good_lines_become_offsets() {
        let scan = scan(&format!("{}\n\n{}\n", line("a"), line("b")));
        assert!(scan.faults.is_empty(), "{:?}", scan.faults);
        let numbers: Vec<_> = scan.lines.iter().map(|line| (line.number, line.offset)).collect();
        assert_eq!(numbers, [(1, 0), (3, line("a").len() as u64 + 2)]);
        assert_eq!((scan.urls.len(), scan.deployment.as_deref()), (1, Some("d")));
        assert_eq!(scan.body_chars, 2 * r#"{"model":"d"}"#.len() as u64);
    }

    #[test]
    fn each_fault_names_its_line() {
        assert_eq!(found(""), [("empty_file", None)]);
        assert_eq!(found("\n\n"), [("empty_file", None)]);
        assert_eq!(found(&format!("{}\n{{oops\n", line("a"))), [("invalid_json_line", Some(2))]);
        assert_eq!(found("[1,2,3,4]"), [("invalid_request", Some(1))]);
        assert_eq!(found(&line("")), [("invalid_request", Some(1))]);
        assert_eq!(found(&line("a").replace("POST", "GET")), [("invalid_request", Some(1))]);
        assert_eq!(found(&line("a").replace(r#"{"model":"d"}"#, "[]")), [("invalid_request", Some(1))]);
        assert_eq!(found(&line("a").replace(r#""model":"d""#, "")), [("invalid_request", Some(1))]);
        assert_eq!(found(&format!("{0}\n{0}", line("a"))), [("duplicate_custom_id", Some(2))]);
        let other_model = line("b").replace(r#""d""#, r#""e""#);
        assert_eq!(found(&format!("{}\n{other_model}", line("a"))), [("model_mismatch", Some(2))]);
        let four: Vec<_> = ["a", "b", "c", "d"].into_iter().map(line).collect();
        assert_eq!(found(&four.join("\n")), [("too_many_tasks", None)]);
    }

    #[test]
    fn bytes_that_are_no_text_are_no_json() {
        let scan = Scan::from_reader(&b"{\"custom_id\":\"\xff\"}"[..], 3).unwrap();
        assert_eq!(scan.faults[0].code, "invalid_json_line");
    }

    #[test]
    fn a_byte_order_mark_is_seen() {
        assert!(scan(&format!("\u{feff}{}", line("a"))).has_bom);
    }
}
