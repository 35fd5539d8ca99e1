//! The size of an image, from the first bytes of its file.

use super::base64::decode_start;

/// The size of an image in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Enough for every format but JPEG, which may hold previews before its size.
const SHORT: usize = 32;
const LONG: usize = 256 * 1024;

/// The size of an image that is given as a data URL; `None` for other addresses and unknown formats.
pub(crate) fn size_of_data_url(url: &str) -> Option<ImageSize> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    if !kind.ends_with(";base64") {
        return None;
    }
    let start = decode_start(data, SHORT);
    let size = match start.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => size(big(&start, 16, 4)?, big(&start, 20, 4)?),
        [b'G', b'I', b'F', b'8', ..] => size(little(&start, 6, 2)?, little(&start, 8, 2)?),
        [b'R', b'I', b'F', b'F', ..] => webp(&start)?,
        [0xff, 0xd8, ..] => jpeg(&decode_start(data, LONG))?,
        _ => return None,
    };
    (size.width > 0 && size.height > 0).then_some(size)
}

fn size(width: u32, height: u32) -> ImageSize {
    ImageSize { width, height }
}

fn webp(bytes: &[u8]) -> Option<ImageSize> {
    match bytes.get(12..16)? {
        b"VP8 " => Some(size(little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = little(bytes, 21, 4)?;
            Some(size((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some(size(little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

/// Goes from segment to segment up to the frame header.
fn jpeg(bytes: &[u8]) -> Option<ImageSize> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            // Padding before a marker.
            0xff => at += 1,
            // Markers without a segment.
            0x01 | 0xd0..=0xd8 => at += 2,
            // Frame headers; the three left out are tables.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some(size(big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            _ => at += 2 + usize::try_from(big(bytes, at + 2, 2)?.max(2)).ok()?,
        }
    }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_each_format() {
        for (url, expected) in [
            // 1x1 PNG and GIF.
            (
                "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk",
                Some((1, 1)),
            ),
            ("data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", Some((1, 1))),
            ("data:image/png;base64,iVBORw0K", None),
            ("data:image/png,raw", None),
            ("https://example.com/x.png", None),
            ("", None),
        ] {
            assert_eq!(size_of_data_url(url).map(|s| (s.width, s.height)), expected, "{url}");
        }
    }

    #[test]
    fn jpeg_segments_are_passed_over() {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 9, 9, 0xff, 0xff, 0xc4, 0, 3, 1];
        bytes.extend([0xff, 0xc2, 0, 17, 8, 0x01, 0x02, 0x03, 0x04, 3]);
        let found = jpeg(&bytes).unwrap();
        assert_eq!((found.width, found.height), (0x0304, 0x0102));
        for cut in 0..bytes.len() - 1 {
            assert!(jpeg(&bytes[..cut.min(21)]).is_none());
        }
    }

    #[test]
    fn webp_has_three_forms() {
        let with = |tag: &[u8; 4], rest: &[u8]| {
            let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
            bytes.extend(tag);
            bytes.extend(rest);
            webp(&bytes).map(|s| (s.width, s.height))
        };
        let lossy = [0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00];
        assert_eq!(with(b"VP8 ", &lossy), Some((320, 240)));
        assert_eq!(with(b"VP8L", &[0, 0, 0, 0, 0x2f, 0x3f, 0xc1, 0x3b, 0x00]), Some((320, 240)));
        assert_eq!(with(b"VP8X", &[0, 0, 0, 0, 0, 0, 0, 0, 0x3f, 1, 0, 0xef, 0, 0]), Some((320, 240)));
        assert_eq!(with(b"VP8?", &lossy), None);
    }
}
