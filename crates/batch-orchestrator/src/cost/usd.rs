//! Amounts of money, exact.

use std::fmt;

const PICODOLLARS: u128 = 1_000_000_000_000;

/// The sum is more than can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large to be counted")]
pub struct Overflow;

/// US dollars, exact to 10⁻¹² of one: a token of the cheapest model costs some thousands of these.
///
/// [`Display`](fmt::Display) rounds for people; [`to_decimal`](Self::to_decimal) does not, and is how an amount is
/// serialised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u128);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many 10⁻¹² dollars.
    #[must_use]
    pub const fn from_picodollars(picodollars: u128) -> Self {
        Self(picodollars)
    }

    /// In 10⁻¹² dollars.
    #[must_use]
    pub const fn picodollars(self) -> u128 {
        self.0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Overflow`] beyond 10²⁶ dollars.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// All of it, without a digit too many: `0.000123`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let text = format!("{}.{:012}", self.0 / PICODOLLARS, self.0 % PICODOLLARS);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// To the nearest multiple of `unit`; up from half of it.
    fn rounded(self, unit: u128) -> u128 {
        let (units, rest) = (self.0 / unit, self.0 % unit);
        (units + u128::from(rest >= unit - unit / 2)).saturating_mul(unit)
    }
}

/// Cents from a dollar on, three digits that count below it: `$12.34`, `$0.000123`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cent = PICODOLLARS / 100;
        let mut unit = cent;
        while unit > 1 && self.0 < unit * 100 {
            unit /= 10;
        }
        let rounded = self.rounded(unit);
        let text = format!("{}.{:012}", rounded / PICODOLLARS, rounded % PICODOLLARS);
        let shown = text.trim_end_matches('0');
        let (whole, decimals) = shown.split_once('.').unwrap_or((shown, ""));
        write!(f, "${whole}.{decimals:0<2}")
    }
}

impl serde::Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.to_decimal())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_shown_with_the_digits_that_matter() {
        for (picodollars, shown, exact) in [
            (0, "$0.00", "0"),
            (1, "$0.000000000001", "0.000000000001"),
            (123_000_000, "$0.000123", "0.000123"),
            (123_456_789, "$0.000123", "0.000123456789"),
            (123_500_000, "$0.000124", "0.0001235"),
            (50_000_000_000, "$0.05", "0.05"),
            (500_000_000_000, "$0.50", "0.5"),
            (999_400_000_000, "$0.999", "0.9994"),
            (999_900_000_000, "$1.00", "0.9999"),
            (1_000_000_000_000, "$1.00", "1"),
            (12_344_999_999_999, "$12.34", "12.344999999999"),
            (12_345_000_000_000, "$12.35", "12.345"),
            (1_234_567_000_000_000_000, "$1234567.00", "1234567"),
        ] {
            let amount = Usd::from_picodollars(picodollars);
            assert_eq!((amount.to_string().as_str(), amount.to_decimal().as_str()), (shown, exact));
        }
    }

    #[test]
    fn what_cannot_be_counted_is_an_error_and_still_shown() {
        let most = Usd::from_picodollars(u128::MAX);
        assert_eq!(most.plus(Usd::ZERO), Ok(most));
        assert_eq!(most.plus(Usd::from_picodollars(1)), Err(Overflow));
        assert!(most.to_string().starts_with("$340282366920938463463374607."));
    }

    #[test]
    fn programs_get_the_exact_amount() {
        assert_eq!(serde_json::to_string(&Usd::from_picodollars(123_456_789)).unwrap(), "\"0.000123456789\"");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_within_half_a_percent(picodollars in 1_u128..1_000_000_000_000_000_000) {
            let shown: f64 = Usd::from_picodollars(picodollars).to_string()[1..].parse().unwrap();
            let exact = picodollars as f64 / PICODOLLARS as f64;
            prop_assert!((shown - exact).abs() <= exact * 0.005_001, "{shown} for {exact}");
        }
    }
}
