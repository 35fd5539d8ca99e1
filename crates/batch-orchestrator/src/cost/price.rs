//! The price of a token.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use super::Usd;

/// USD for 1,000,000 tokens, exact: which is a whole number of 10⁻¹² dollars for one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    /// 10⁻¹² dollars for one token, which are 10⁻⁶ dollars for a million.
    picodollars: u64,
}

const DECIMALS: usize = 6;

impl Price {
    /// The price that is written so.
    ///
    /// # Errors
    /// What is wrong with the number, to be read after its name: a negative one, no number, one that is too large,
    /// one with more than six decimals.
    pub fn per_million(usd: f64) -> Result<Self, &'static str> {
        if !usd.is_finite() {
            return Err("is not a finite number");
        }
        if usd < 0.0 {
            return Err("is negative");
        }
        // The shortest digits that mean this number are those that were written.
        let text = format!("{}", usd.abs());
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        if decimals.len() > DECIMALS {
            return Err("has more than six decimals");
        }
        let picodollars = format!("{whole}{decimals:0<DECIMALS$}").parse();
        picodollars.map(|picodollars| Self { picodollars }).map_err(|_| "is too large")
    }

    /// What so many tokens cost.
    #[must_use]
    pub fn of(self, tokens: u64) -> Usd {
        // The product of two u64 always fits.
        Usd::from_picodollars(u128::from(self.picodollars) * u128::from(tokens))
    }

    /// Whether tokens of this kind cost nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.picodollars == 0
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Price({} USD per million)", self.of(1_000_000).to_decimal())
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.picodollars as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Price;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price in USD for 1,000,000 tokens, such as 0.075")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Price, E> {
        Price::per_million(number).map_err(|wrong| {
            E::custom(format!("{number} {wrong}, expected a price in USD for 1,000,000 tokens"))
        })
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Price, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Price, E> {
        self.visit_f64(number as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_means_exactly_what_is_written() {
        for (written, million) in [
            (0.075, "0.075"),
            (0.06875, "0.06875"),
            (10.0, "10"),
            (0.0, "0"),
            (-0.0, "0"),
            (1e-6, "0.000001"),
        ] {
            assert_eq!(Price::per_million(written).unwrap().of(1_000_000).to_decimal(), million);
        }
        assert_eq!(Price::per_million(0.0025).unwrap().of(1).picodollars(), 2_500);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for (written, wrong) in [
            (-0.01, "negative"),
            (f64::NAN, "finite"),
            (f64::INFINITY, "finite"),
            (f64::NEG_INFINITY, "finite"),
            (1e300, "too large"),
            (1e14, "too large"),
            (0.000_000_1, "decimals"),
        ] {
            assert!(Price::per_million(written).unwrap_err().contains(wrong), "{written}");
        }
    }

    #[test]
    fn nothing_overflows_between_one_price_and_any_number_of_tokens() {
        let dearest = Price { picodollars: u64::MAX };
        assert_eq!(dearest.of(u64::MAX).picodollars(), u128::from(u64::MAX) * u128::from(u64::MAX));
    }
}
