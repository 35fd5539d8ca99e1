//! Files that are not UTF-8 without a byte order mark.

use crate::case::{Case, between, good};

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let unit = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16()).flat_map(unit).collect()
}

fn utf32(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let unit = |c: char| if little { (c as u32).to_le_bytes() } else { (c as u32).to_be_bytes() };
    mark.then_some('\u{feff}').into_iter().chain(text.chars()).flat_map(unit).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let two = format!("{}{}", good("a"), good("b"));
    let mut cases = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| cases.push(Case::new(&format!("encoding: {name}"), bytes));
    add("UTF-8 with mark", format!("\u{feff}{two}").into());
    add("UTF-8 with mark, and a bad line", format!("\u{feff}{two}nothing\n").into());
    add("UTF-8 mark and nothing else", b"\xef\xbb\xbf".to_vec());
    add("UTF-8 mark and a line end", b"\xef\xbb\xbf\n".to_vec());
    add("two UTF-8 marks", format!("\u{feff}\u{feff}{two}").into());
    add("a mark where files were joined", between(format!("\u{feff}{}", good("bad"))));
    for (order, little) in [("little", true), ("big", false)] {
        for (with, mark) in [("with", true), ("without", false)] {
            add(&format!("UTF-16, {order} endian, {with} mark"), utf16(&two, little, mark));
            add(&format!("UTF-32, {order} endian, {with} mark"), utf32(&two, little, mark));
        }
        add(&format!("UTF-16 mark and nothing else, {order} endian"), utf16("", little, true));
        add(&format!("UTF-32 mark and nothing else, {order} endian"), utf32("", little, true));
    }
    add("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\x06\x00".to_vec());
    add("NUL bytes only", vec![0; 64]);
    add("NUL bytes after the last line", [two.as_bytes(), &[0; 64]].concat());
    add("one byte", b"{".to_vec());
    add("one wrong byte", b"\xff".to_vec());
    let bytes: [(&str, &[u8]); 10] = [
        ("Latin-1", b"caf\xe9"),
        ("Windows-1252 quotes", b"\x93a\x94"),
        ("lone continuation", b"\x80"),
        ("overlong slash", b"\xc0\xaf"),
        ("surrogate half in UTF-8", b"\xed\xa0\x80"),
        ("beyond the last character", b"\xf4\x90\x80\x80"),
        ("cut in a character", b"\xe2\x82"),
        ("byte ff", b"\xff"),
        ("overlong NUL", b"\xc0\x80"),
        ("Shift-JIS", b"\x83\x65\x83\x58\x83\x67"),
    ];
    for (name, wrong) in bytes {
        let line = good("bad");
        let at = line.find("S3CRET").expect("it is in every good line");
        let bad = [&line.as_bytes()[..at], wrong, &line.as_bytes()[at..]].concat();
        add(name, between(bad));
    }
    add("wrong byte at the end", [two.as_bytes(), b"\xe2\x82"].concat());
    cases
}
