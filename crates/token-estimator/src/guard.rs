//! Which texts the reference tokenizer can bear.

/// Longer texts take it too much memory and time.
const MAX_BYTES: usize = 256 * 1024;
/// Longer runs without a break are one piece to it: it slows down, and on megabytes of white space it panics.
const MAX_RUN: usize = 4096;

#[derive(PartialEq, Eq, Clone, Copy)]
enum Class {
    Space,
    Letter,
    Digit,
    Mark,
}

/// Whether a text may be handed to the reference tokenizer. One pass, no allocation.
pub(crate) fn is_fit(text: &str) -> bool {
    if text.len() > MAX_BYTES {
        return false;
    }
    if text.len() < MAX_RUN {
        return true;
    }
    let (mut last, mut run) = (None, 0);
    for class in text.chars().map(class) {
        run = if last == Some(class) { run + 1 } else { 1 };
        last = Some(class);
        if run >= MAX_RUN {
            return false;
        }
    }
    true
}

fn class(c: char) -> Class {
    match c {
        _ if c.is_whitespace() => Class::Space,
        '0'..='9' => Class::Digit,
        'a'..='z' | 'A'..='Z' => Class::Letter,
        '\0'..='\u{7f}' => Class::Mark,
        // The punctuation that breaks up texts without spaces. All else may be part of a word, accents included.
        '\u{2000}'..='\u{206f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{ff00}'..='\u{ff0f}'
        | '\u{ff1a}'..='\u{ff20}' => Class::Mark,
        _ => Class::Letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_and_long_texts_are_unfit() {
        for unit in ["a", " ", "\n", "-", "7", "字", " \n\t", "aé"] {
            assert!(!is_fit(&unit.repeat(5000)), "{unit:?}");
            assert!(is_fit(&unit.repeat(1000)), "{unit:?}");
        }
        assert!(is_fit(&"word ".repeat(50_000)));
        assert!(is_fit(&"一个句子。".repeat(5000)));
        assert!(!is_fit(&"word ".repeat(60_000)));
    }
}
