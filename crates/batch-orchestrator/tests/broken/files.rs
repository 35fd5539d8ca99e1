//! What is wrong with a file as a whole, or beyond a limit.

use crate::case::{Case, between, good};

fn lines(count: usize) -> String {
    (0..count).map(|n| good(&format!("id-{n}"))).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let long = good("bad").replace("S3CRET", &"x".repeat(2000));
    vec![
        Case::new("file: empty", ""),
        Case::new("file: a line end", "\n"),
        Case::new("file: three line ends", "\n\n\n"),
        Case::new("file: line ends of Windows", "\r\n\r\n"),
        Case::new("file: an empty line at the end", format!("{}\n", good("a"))),
        Case::new("file: an empty line in between", between("\n")),
        Case::new("file: an empty line at the start", format!("\n{}", good("a"))),
        Case::new("file: 250 lines that are nothing", "x\n".repeat(250)),
        Case::new("file: 250 empty lines", "\n".repeat(250)),
        Case::new("file: a line too many", lines(6)).limits(|limits| limits.max_lines = 5),
        Case::new("file: three lines too many, the last two wrong", format!("{}x\ny\n", lines(6)))
            .limits(|limits| limits.max_lines = 5),
        Case::new("file: a line that is too long", between(&long))
            .limits(|limits| limits.max_line_bytes = 1000),
        Case::new("file: the first line is too long", format!("{long}{}", good("a")))
            .limits(|limits| limits.max_line_bytes = 1000),
        Case::new(
            "file: the last line is too long, no line end",
            format!("{}{}", good("a"), long.trim_end()),
        )
        .limits(|limits| limits.max_line_bytes = 1000),
        Case::new("file: all lines are too long", lines(3)).limits(|limits| limits.max_line_bytes = 10),
        Case::new("file: a line of a byte too many", between(&long))
            .limits(|limits| limits.max_line_bytes = long.len() as u64 - 2),
        Case::new("file: a long line that is the sixth of five", format!("{}{long}", lines(5))).limits(
            |limits| {
                limits.max_lines = 5;
                limits.max_line_bytes = 1000;
            },
        ),
        Case::new("tokens: a line above the quota", between(&long))
            .limits(|limits| limits.max_line_tokens = Some(100))
            .counted(),
        Case::new("tokens: all lines above the quota", lines(3))
            .limits(|limits| limits.max_line_tokens = Some(1))
            .counted(),
        Case::new(
            "tokens: a line above the quota and of another model",
            format!("{}{}", good("a"), long.replace("\"m\"", "\"n\"")),
        )
        .limits(|limits| limits.max_line_tokens = Some(100))
        .counted(),
        Case::new("binary", (0..=255_u8).cycle().skip(128).take(2048).collect::<Vec<_>>()),
    ]
}
