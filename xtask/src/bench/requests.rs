//! Files of request lines, for the bench `memory`.

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// Every line has this length, its end included. The service takes 100,000 lines and 200 MiB, so that lines of a full
/// file have at least 2,098 bytes.
const LINE_BYTES: usize = 2_100;
pub(super) const DEPLOYMENT: &str = "bench-batch";
/// What the lines say, over and over.
const WORDS: &str = "Summarise what the customer wrote, name the product and say in one word how satisfied they are. \
    The parcel came on Tuesday, two days late; the box was dented, but the kettle works and boils within 90 seconds. ";

/// How large the files of one size are, and how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) files: usize,
    pub(super) lines: usize,
}

impl Size {
    /// Ten files of what the service takes at the most.
    pub(super) const FULL: Self = Self { files: 10, lines: (200 << 20) / LINE_BYTES };
    pub(super) const SMALL: Self = Self { files: 3, lines: 20_000_000 / LINE_BYTES };

    pub(super) fn bytes_of_a_file(self) -> usize {
        self.lines * LINE_BYTES
    }

    /// `10 × 210 MB`.
    pub(super) fn shown(self) -> String {
        format!("{} × {:.0} MB", self.files, self.bytes_of_a_file() as f64 / 1e6)
    }
}

/// Writes the files; where they are.
pub(super) fn write(directory: &Path, size: Size) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    for file in 0..size.files {
        let path = directory.join(format!("part-{file:02}.jsonl"));
        let written = File::create(&path).map(BufWriter::new).and_then(|mut out| {
            let mut text = String::new();
            for number in 0..size.lines {
                text.clear();
                line(&mut text, file, number);
                out.write_all(text.as_bytes())?;
            }
            out.flush()
        });
        written.map_err(|e| format!("{}: {e}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

/// A request, whose id no other line has.
fn line(text: &mut String, file: usize, number: usize) {
    const END: &str = "\"}]}}\n";
    // Writing into a string does not fail.
    let _ = write!(
        text,
        "{{\"custom_id\":\"f{file:02}-{number:06}\",\"method\":\"POST\",\"url\":\"/chat/completions\",\"body\":\
         {{\"model\":\"{DEPLOYMENT}\",\"max_tokens\":200,\"messages\":[{{\"role\":\"user\",\"content\":\"Case {number}. "
    );
    // No two lines begin at the same word.
    let mut rest = &WORDS[number % 90..];
    loop {
        let room = LINE_BYTES - END.len() - text.len();
        let part = rest.len().min(room);
        text.push_str(&rest[..part]);
        if part == room {
            break;
        }
        rest = WORDS;
    }
    text.push_str(END);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn lines_are_requests_of_one_length() {
        for number in [0, 1, 89, 90, 99_999] {
            let mut text = String::new();
            line(&mut text, 3, number);
            assert_eq!((text.len(), text.lines().count()), (LINE_BYTES, 1));
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["custom_id"], format!("f03-{number:06}"));
            assert_eq!(value["body"]["model"], DEPLOYMENT);
        }
    }

    #[test]
    fn a_full_file_is_what_the_service_just_takes() {
        assert!(Size::FULL.lines < 100_000 && Size::FULL.bytes_of_a_file() <= 200 << 20);
        assert!(Size::FULL.bytes_of_a_file() > 199 << 20);
        assert!(WORDS.is_ascii() && WORDS.len() > 90);
    }
}
