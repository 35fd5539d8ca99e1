//! Which bytes were appended and not yet flushed.

/// A set of byte ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(super) fn add(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        self.0.push((start, end));
        self.0.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for (start, end) in self.0.drain(..) {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        self.0 = merged;
    }

    /// Whether all bytes from `start` to `end` are there.
    pub(super) fn cover(&self, start: u64, end: u64) -> bool {
        start >= end || self.0.iter().any(|range| range.0 <= start && end <= range.1)
    }

    /// Forgets what is before `position`.
    pub(super) fn cut_before(&mut self, position: u64) {
        self.0.retain_mut(|range| {
            range.0 = range.0.max(position);
            range.0 < range.1
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_merge_in_any_order() {
        let mut ranges = Ranges::default();
        ranges.add(4, 8);
        ranges.add(0, 4);
        ranges.add(12, 12);
        assert!(ranges.cover(0, 8) && ranges.cover(3, 5) && ranges.cover(9, 9));
        assert!(!ranges.cover(0, 9));
        ranges.add(9, 12);
        assert!(!ranges.cover(0, 12));
        ranges.add(8, 9);
        assert!(ranges.cover(0, 12));
    }

    #[test]
    fn what_is_flushed_is_forgotten() {
        let mut ranges = Ranges::default();
        ranges.add(0, 8);
        ranges.cut_before(5);
        assert!(!ranges.cover(4, 8) && ranges.cover(5, 8));
        ranges.cut_before(8);
        assert_eq!(ranges, Ranges::default());
    }
}
