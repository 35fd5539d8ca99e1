//! The beginning of a base64 text.

/// Decodes up to `limit` bytes; stops at the first character that is none of base64.
pub(super) fn decode_start(text: &str, limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.bytes() {
        let Some(value) = value(c) else { break };
        if bytes.len() >= limit {
            break;
        }
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

fn value(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_decoded() {
        assert_eq!(decode_start("aGVsbG8gd29ybGQ=", 100), b"hello world");
        assert_eq!(decode_start("aGVsbG8gd29ybGQ=", 4), b"hell");
        assert_eq!(decode_start("", 4), b"");
    }
}
