//! Points in time, as the ledger's clock tells them.

use std::time::Duration;

use time::OffsetDateTime;

/// Milliseconds since 1970 (UTC), by the clock of the ledger's store.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Later than anything: the due time of what only an event can wake.
    pub const NEVER: Self = Self(i64::MAX);

    /// This time plus `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` to this time; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `YYYY-MM-DD_HH_MM_SS` in UTC: the stamp in the names of result directories.
    #[must_use]
    pub fn stamp(self) -> String {
        let format = time::macros::format_description!("[year]-[month]-[day]_[hour]_[minute]_[second]");
        self.utc().format(&format).unwrap_or_else(|_| self.0.to_string())
    }

    /// RFC 3339 in UTC, with milliseconds.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.utc()
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap_or_else(|_| self.0.to_string())
    }

    fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_utc_and_sorts() {
        assert_eq!(Timestamp(1_700_000_000_123).stamp(), "2023-11-14_22_13_20");
        assert_eq!(Timestamp(1_700_000_000_123).rfc3339(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn never_stays_never() {
        assert_eq!(Timestamp::NEVER.after(Duration::from_secs(5)), Timestamp::NEVER);
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
