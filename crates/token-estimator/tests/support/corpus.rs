//! Texts of many kinds, made up from a seed: nothing has to be shipped, and every run has the same.

use std::sync::LazyLock;

/// A kind of text.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    line: fn(&mut Chance) -> String,
}

pub(crate) const KINDS: [Kind; 8] = [
    Kind { name: "prose", line: prose },
    Kind { name: "code", line: code },
    Kind { name: "CJK", line: cjk },
    Kind { name: "Arabic, Hindi, Thai, Russian", line: scripts },
    Kind { name: "emoji and marks", line: emoji },
    Kind { name: "JSON", line: json },
    Kind { name: "numbers", line: numbers },
    Kind { name: "white space and anything", line: anything },
];

/// Texts whose words are as often as in a language: few of them often, most of them seldom. Their words are those of the
/// vocabulary and what is put together from them, so that their pieces are like those of real texts, and unlike the random
/// letters above.
pub(crate) const LIFELIKE: [Kind; 3] = [
    Kind { name: "Chinese, Japanese, by frequency", line: |chance| frequent(chance, &WORDS[0], "", 12) },
    Kind { name: "Korean, by frequency", line: |chance| frequent(chance, &WORDS[1], " ", 3) },
    Kind { name: "other scripts, by frequency", line: scripts_by_frequency },
];

/// Lines of one kind, so many bytes in all.
pub(crate) fn lines(kind: &Kind, bytes: usize) -> Vec<String> {
    let mut chance = Chance(0x5eed ^ kind.name.len() as u64);
    let (mut lines, mut length) = (Vec::new(), 0);
    while length < bytes {
        let line = (kind.line)(&mut chance);
        length += line.len();
        lines.push(line);
    }
    lines
}

/// The words of the vocabulary for each script, the most frequent ones first: that is how their ranks came about.
static WORDS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let scripts: [&[(char, char)]; 8] = [
        &[('\u{3041}', '\u{30ff}'), ('\u{4e00}', '\u{9fff}')],
        &[('\u{ac00}', '\u{d7a3}')],
        &[('\u{400}', '\u{4ff}')],
        &[('\u{600}', '\u{6ff}')],
        &[('\u{900}', '\u{97f}')],
        &[('\u{e00}', '\u{e7f}')],
        &[('\u{370}', '\u{3ff}')],
        &[('\u{590}', '\u{5ff}')],
    ];
    let reference = tiktoken_rs::o200k_base_singleton();
    let all: Vec<String> = (0..199_998)
        .filter_map(|rank| String::from_utf8(reference.decode_bytes(&[rank]).ok()?).ok())
        .filter(|word| !word.is_ascii())
        .collect();
    let within = |word: &str, ranges: &[(char, char)]| {
        word.trim_start().chars().all(|c| ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)))
    };
    scripts
        .map(|ranges| {
            all.iter().filter(|word| within(word, ranges)).map(|word| word.trim_start().to_owned()).collect()
        })
        .into()
});

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Small numbers often, large ones seldom: as words are in a language.
    fn often(&mut self, end: usize) -> usize {
        let limit = end >> self.below(8);
        self.below(limit.max(1))
    }

    /// By the law of Zipf: each doubling of the number is as likely as the one before.
    fn zipf(&mut self, end: usize) -> usize {
        let exponent = self.below(1 << 20) as f64 / f64::from(1 << 20);
        // The cast rounds down.
        ((end as f64).powf(exponent) as usize - 1).min(end - 1)
    }

    fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    fn character(&mut self, first: u32, last: u32) -> char {
        let range = (last - first + 1) as usize;
        let code = first + u32::try_from(self.below(range)).unwrap_or_default();
        char::from_u32(code).unwrap_or('\u{fffd}')
    }
}

/// The words of our own documentation, with what stands between them.
fn english() -> Vec<&'static str> {
    let text = concat!(
        include_str!("../../../../README.md"),
        include_str!("../../../../ARCHITECTURE.md"),
        include_str!("../../../aoai-emulator/README.md")
    );
    text.split(' ').collect()
}

fn prose(chance: &mut Chance) -> String {
    let words = english();
    let mut line = String::new();
    for _ in 0..chance.between(20, 200) {
        let word = words[chance.often(words.len())];
        let word = match chance.below(24) {
            0 => word.to_uppercase(),
            1 => format!("{word}'s"),
            2 => format!("{word}'LL"),
            3 => format!("“{word}”"),
            4 => format!("{word}, "),
            5 => format!("{word}.\n\n"),
            _ => word.to_owned(),
        };
        line.push_str(&word);
        line.push(' ');
    }
    line
}

fn code(chance: &mut Chance) -> String {
    const SOURCES: [&str; 3] = [
        include_str!("corpus.rs"),
        include_str!("../../src/shapes/message.rs"),
        include_str!("../../../aoai-batch-client/src/wire/parse.rs"),
    ];
    let lines: Vec<&str> = chance.of(&SOURCES).lines().collect();
    let start = chance.below(lines.len());
    let mut text = String::new();
    for line in lines[start..].iter().take(chance.between(3, 40)) {
        text.push_str(line);
        text.push_str(chance.of(&["\n", "\n", "\r\n", "\n\n\t", " // {}\n", ";;\n    "]));
        let number = chance.below(100_000);
        text.push_str(&match chance.below(6) {
            0 => format!("camelCaseName{number}"),
            1 => format!("SCREAMING_SNAKE_{number}"),
            2 => format!("0x{number:x}"),
            3 => format!("HTTPServer2::new()?/*{number}*/"),
            _ => String::new(),
        });
    }
    text
}

fn cjk(chance: &mut Chance) -> String {
    let mut line = String::new();
    for _ in 0..chance.between(5, 120) {
        let kind = chance.below(10);
        for _ in 0..chance.between(1, 6) {
            line.push(match kind {
                0..=5 => char::from_u32(0x4e00 + u32::try_from(chance.often(20_000)).unwrap_or_default())
                    .unwrap_or('字'),
                6 => chance.character(0x3041, 0x3096),
                7 => chance.character(0x30a1, 0x30fa),
                _ => chance.character(0xac00, 0xd7a3),
            });
        }
        line.push_str(chance.of(&["", "", "", "，", "。", "、", " ", "！\n", "（２０２６）"]));
    }
    line
}

fn scripts(chance: &mut Chance) -> String {
    const RANGES: [(u32, u32); 6] = [
        (0x0621, 0x0652),
        (0x0905, 0x094d),
        (0x0e01, 0x0e4e),
        (0x0410, 0x044f),
        (0x0391, 0x03c9),
        (0x05d0, 0x05ea),
    ];
    let (first, last) = chance.of(&RANGES);
    let mut line = String::new();
    for _ in 0..chance.between(5, 80) {
        for _ in 0..chance.between(1, 9) {
            line.push(chance.character(first, last));
        }
        line.push_str(chance.of(&[" ", " ", " ", ", ", "؟ ", "। ", ".\n", "'s "]));
    }
    line
}

fn scripts_by_frequency(chance: &mut Chance) -> String {
    let words = &WORDS[chance.between(2, WORDS.len() - 1)];
    frequent(chance, words, " ", 2)
}

/// Words with this between them, each of so many parts at most.
fn frequent(chance: &mut Chance, words: &[String], between: &str, parts: usize) -> String {
    let mut line = String::new();
    for _ in 0..chance.between(10, 120) {
        for _ in 0..chance.between(1, parts) {
            line.push_str(&words[chance.zipf(words.len())]);
        }
        line.push_str(between);
        match chance.below(16) {
            0 => line.push_str(chance.of(&["。", "、", ", ", ".\n", "！", "? "])),
            1 => line.push_str(&chance.below(3000).to_string()),
            _ => {}
        }
    }
    line
}

fn emoji(chance: &mut Chance) -> String {
    let mut line = String::new();
    for _ in 0..chance.between(5, 80) {
        match chance.below(6) {
            0 => line.push(chance.character(0x1f300, 0x1f9ff)),
            1 => line.extend([
                chance.character(0x1f466, 0x1f469),
                '\u{200d}',
                chance.character(0x1f466, 0x1f469),
            ]),
            2 => line.extend([chance.character(0x1f44a, 0x1f450), chance.character(0x1f3fb, 0x1f3ff)]),
            3 => line.extend([chance.character(0x41, 0x7a), chance.character(0x300, 0x36f)]),
            4 => line.extend(['\u{fe0f}', chance.character(0x2000, 0x2bff)]),
            _ => line.push_str(chance.of(&[" ok ", "<|endoftext|>", "it'ſ ", " ǅ", "ﬁ", "İ'S"])),
        }
    }
    line
}

fn json(chance: &mut Chance) -> String {
    let words = english();
    let mut value = serde_json::json!({ "id": chance.below(1 << 30), "active": chance.below(2) == 0 });
    for _ in 0..chance.between(1, 12) {
        let key = format!("{}_{}", chance.of(&["user", "orderId", "createdAt", "näme"]), chance.below(9));
        value[key] = match chance.below(4) {
            0 => serde_json::json!([chance.below(10), null, "\u{e9}\t\"quoted\"\\"]),
            1 => serde_json::json!({ "nested": words[chance.below(words.len())] }),
            2 => value.to_string().into(),
            _ => serde_json::json!(chance.below(1_000_000) as f64 / 7.0),
        };
    }
    if chance.below(2) == 0 { value.to_string() } else { format!("{value:#}") }
}

fn numbers(chance: &mut Chance) -> String {
    let mut line = String::new();
    for _ in 0..chance.between(5, 100) {
        let number = chance.next() >> chance.below(60);
        line.push_str(&match chance.below(5) {
            0 => format!("{number}"),
            1 => format!("{:.3}", number as f64 / 1e6),
            2 => format!("${number},000.00"),
            3 => format!("2026-11-{:02}T{:02}:00Z", number % 30, number % 24),
            _ => format!("{number:e}½²"),
        });
        line.push_str(chance.of(&[",", " ", ";", "\t", "\n", "%/"]));
    }
    line
}

fn anything(chance: &mut Chance) -> String {
    const SPACES: [&str; 12] =
        [" ", "  ", "\n", "\r\n", "\t", "\u{a0}", "\u{3000}", "\u{85}", "\u{2028}", "\n \n", "\r", " \t "];
    let mut line = String::new();
    for _ in 0..chance.between(5, 120) {
        match chance.below(4) {
            0 => (0..chance.between(1, 9)).for_each(|_| line.push_str(chance.of(&SPACES))),
            1 => line.push(chance.character(0x20, 0x7e)),
            2 => line.push(chance.character(0, 0xd7ff)),
            _ => line.push(chance.character(0xe000, 0x1_ffff)),
        }
    }
    line
}
