//! The first bytes of a file tell whether it is UTF-8 at all.

use super::report::{Finding, FindingCode};

/// What the first bytes say.
pub(super) struct Sniffed {
    /// What is wrong with them.
    pub(super) finding: Finding,
    /// Whether the rest can still be read as UTF-8.
    pub(super) readable: bool,
    /// Bytes to leave out.
    pub(super) skip: usize,
}

/// Looks at the first bytes of a file. The service takes UTF-8 without BOM only.
pub(super) fn sniff(head: &[u8]) -> Option<Sniffed> {
    let finding = |message: &str, hint| Finding {
        line: Some(1),
        offset: 0,
        code: FindingCode::InvalidEncoding,
        message: message.to_owned(),
        hint,
    };
    let unreadable = |name: &str, bits: u8| Sniffed {
        finding: finding(
            &format!("the file is {name}, expected UTF-8"),
            if bits == 16 {
                "convert it, for example with `iconv -f UTF-16 -t UTF-8`"
            } else {
                "convert it, for example with `iconv -f UTF-32 -t UTF-8`"
            },
        ),
        readable: false,
        skip: 0,
    };
    match head {
        [0xEF, 0xBB, 0xBF, ..] => Some(Sniffed {
            finding: finding(
                "the file starts with a UTF-8 byte order mark (EF BB BF), expected UTF-8 without BOM",
                "save it without BOM, for example with `sed -i '1s/^\\xEF\\xBB\\xBF//' FILE`",
            ),
            readable: true,
            skip: 3,
        }),
        [0xFF, 0xFE, 0, 0, ..] => Some(unreadable("UTF-32 (little endian)", 32)),
        [0, 0, 0xFE, 0xFF, ..] => Some(unreadable("UTF-32 (big endian)", 32)),
        [b'{', 0, 0, 0, ..] => Some(unreadable("UTF-32 (little endian, without byte order mark)", 32)),
        [0, 0, 0, b'{', ..] => Some(unreadable("UTF-32 (big endian, without byte order mark)", 32)),
        [0xFF, 0xFE, ..] => Some(unreadable("UTF-16 (little endian)", 16)),
        [0xFE, 0xFF, ..] => Some(unreadable("UTF-16 (big endian)", 16)),
        [b'{', 0, ..] => Some(unreadable("UTF-16 (little endian, without byte order mark)", 16)),
        [0, b'{', ..] => Some(unreadable("UTF-16 (big endian, without byte order mark)", 16)),
        [0x1F, 0x8B, ..] => Some(Sniffed {
            finding: finding(
                "the file is compressed (gzip), expected text in UTF-8",
                "decompress it with `gunzip`",
            ),
            readable: false,
            skip: 0,
        }),
        _ => None,
    }
}
