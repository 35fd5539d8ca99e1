//! How much of a file is counted.

use std::str::FromStr;

use super::Draw;

/// A share of the lines, or so many of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Share {
    /// In per cent.
    Percent(f64),
    /// Of each file.
    Lines(usize),
}

/// With fewer, the interval holds the truth too seldom where a few lines are unlike all others.
const FEWEST: usize = 200;

impl Share {
    /// Whether it cannot be told without the number of lines.
    pub(in super::super) fn is_relative(self) -> bool {
        matches!(self, Self::Percent(_))
    }

    /// How many of so many lines are drawn.
    pub(in super::super) fn draw(self, lines: u64, seed: u64) -> Draw {
        let wanted = match self {
            // A cast of a float saturates.
            Self::Percent(percent) => (percent / 100.0 * lines as f64).ceil() as usize,
            Self::Lines(lines) => lines,
        };
        Draw { lines: wanted.max(FEWEST), seed }
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse().ok().map(Self::Percent),
            None => text.parse().ok().map(Self::Lines),
        };
        match share {
            Some(Self::Percent(percent)) if percent > 0.0 && percent <= 100.0 => Ok(Self::Percent(percent)),
            Some(Self::Lines(lines)) if lines > 0 => Ok(Self::Lines(lines)),
            _ => Err("expected a share of the lines such as 1%, or a number of lines such as 2000"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_numbers_are_read_and_nothing_else() {
        assert_eq!("1%".parse(), Ok(Share::Percent(1.0)));
        assert_eq!("0.5 %".parse(), Ok(Share::Percent(0.5)));
        assert_eq!("100%".parse(), Ok(Share::Percent(100.0)));
        assert_eq!("2000".parse(), Ok(Share::Lines(2000)));
        for wrong in ["", "%", "0", "0%", "-1%", "101%", "NaN%", "inf%", "1.5", "-3", "1e3", "half"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_of_the_lines_and_never_too_few() {
        let lines = |share: Share, of| share.draw(of, 1).lines;
        assert_eq!(lines(Share::Percent(0.5), 100_000), 500);
        assert_eq!(lines(Share::Percent(1.0), 100_001), 1_001);
        assert_eq!(lines(Share::Percent(1.0), 1_000), FEWEST);
        assert_eq!(lines(Share::Percent(100.0), 1_234), 1_234);
        assert_eq!((lines(Share::Lines(2_000), 5), lines(Share::Lines(3), 5)), (2_000, FEWEST));
    }
}
