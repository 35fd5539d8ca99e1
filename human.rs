//! Durations and sizes as people write them.

use std::{fmt::Display, str::FromStr, time::Duration};

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration such as `60s`, `5m`, `1h 30m` or `14d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanDuration(pub Duration);

/// A number of bytes such as `8MiB` or `200MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanSize(pub u64);

/// When something goes by itself: a duration, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(pub Option<Duration>);

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = humantime::parse_duration(text.trim()).map(Self);
        parsed.map_err(|error| {
            format!("{text:?} is not a duration such as \"60s\", \"5m\" or \"1h 30m\" ({error})")
        })
    }
}

impl FromStr for HumanSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.parse::<ByteSize>().map(|size| Self(size.as_u64()));
        parsed.map_err(|error| format!("{text:?} is not a size such as \"8MiB\" or \"200MB\" ({error})"))
    }
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "never" {
            return Ok(Self(None));
        }
        match text.parse::<HumanDuration>() {
            Ok(HumanDuration(after)) => Ok(Self(Some(after))),
            Err(error) => Err(format!("{error}, nor \"never\"")),
        }
    }
}

impl Display for HumanDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl Display for HumanSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ByteSize::b(self.0).display().iec().fmt(f)
    }
}

impl Display for Expiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(after) => HumanDuration(after).fmt(f),
            None => f.write_str("never"),
        }
    }
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for HumanSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for HumanSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!("1h 30m".parse(), Ok(HumanDuration(Duration::from_secs(5400))));
        assert_eq!("0s".parse(), Ok(HumanDuration(Duration::ZERO)));
        let error = "sixty".parse::<HumanDuration>().unwrap_err();
        assert!(error.contains("\"sixty\" is not a duration such as \"60s\""), "{error}");
        assert!("60".parse::<HumanDuration>().is_err());
        assert_eq!("never".parse(), Ok(Expiry(None)));
        assert_eq!("14d".parse(), Ok(Expiry(Some(Duration::from_secs(14 * 86_400)))));
    }

    #[test]
    fn sizes() {
        assert_eq!("200MiB".parse(), Ok(HumanSize(209_715_200)));
        assert_eq!("200MB".parse(), Ok(HumanSize(200_000_000)));
        assert_eq!(HumanSize(209_715_200).to_string(), "200.0 MiB");
        let error = "200 apples".parse::<HumanSize>().unwrap_err();
        assert!(error.contains("is not a size such as \"8MiB\""), "{error}");
    }
}
