//! Files at random: what is right is planned whole, on however many threads.

use batch_orchestrator::validate::{IndexLine, Verdict};
use proptest::prelude::*;

use crate::{
    case::{Case, line},
    threads::assert_same_on_all,
};

/// A text in JSON, of letters, escapes and whole characters.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z ]{1,40}".prop_map(|text| text),
        Just("\\n".to_owned()),
        Just("\\\"".to_owned()),
        Just("\\ud83d\\ude00".to_owned()),
        Just("日本語".to_owned()),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_valid_file_is_planned_whole_on_however_many_threads(
        texts in proptest::collection::vec(text(), 1..120),
        max_lines in 1..60_u64,
        max_part_tokens in proptest::option::of(20..400_u64),
        set_model: bool,
    ) {
        let lines: Vec<String> = texts.iter().enumerate().map(|(n, text)| {
            let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"m"}}"#);
            line(&format!("id-{n}"), "/v1/chat/completions", &body)
        }).collect();
        let case = Case::new("random", lines.concat()).counted().limits(|limits| {
            limits.split = true;
            limits.max_lines = max_lines;
            limits.max_part_tokens = max_part_tokens;
        });
        let case = if set_model { case.deployment("another-name").set_model() } else { case };
        let outcome = assert_same_on_all(&case);
        let Verdict::Valid(plan) = outcome.verdict else { panic!("{:?}", outcome.verdict) };
        prop_assert_eq!(plan.lines, lines.len() as u64);
        let (mut offset, mut first_line) = (0, 1);
        for (part, (number, index)) in plan.parts.iter().zip(&outcome.index) {
            prop_assert_eq!((part.number, part.offset, part.first_line), (*number, offset, first_line));
            prop_assert!(part.lines <= max_lines);
            prop_assert!(part.lines == 1 || max_part_tokens.is_none_or(|most| part.tokens.quota <= most));
            let entries: Vec<IndexLine<'_>> = index
                .split_inclusive(|byte| *byte == b'\n')
                .map(|entry| serde_json::from_slice(entry).unwrap())
                .collect();
            prop_assert_eq!(entries.len() as u64, part.lines);
            for (entry, n) in entries.iter().zip(first_line - 1..) {
                prop_assert_eq!(&entry.id, &format!("id-{n}"));
                prop_assert_eq!(entry.length + 1, lines[n as usize].len() as u64);
            }
            offset += part.bytes;
            first_line += part.lines;
        }
        prop_assert_eq!(offset, case.bytes.len() as u64);
        prop_assert_eq!(plan.parts.len(), outcome.index.len());
    }
}
