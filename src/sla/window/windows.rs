//! Sets of windows.

use super::{Timestamp, Window};

/// A set of instants: windows in order, disjoint, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// No instant at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The windows, in order.
    pub fn as_slice(&self) -> &[Window] {
        &self.0
    }

    /// The windows, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Window> {
        self.0.iter()
    }

    /// Whether no instant is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Total length in milliseconds.
    pub fn length_ms(&self) -> i64 {
        self.0.iter().map(Window::length_ms).sum()
    }

    /// Whether `at` is in the set.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.at(at).is_some()
    }

    /// The window of the set that `at` is in.
    pub fn at(&self, at: Timestamp) -> Option<&Window> {
        let after = self.0.partition_point(|window| window.start <= at);
        let before = self.0.get(after.checked_sub(1)?)?;
        before.contains(at).then_some(before)
    }

    /// What is in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            both.extend(a.intersection(b));
            if a.end <= b.end {
                left.next();
            } else {
                right.next();
            }
        }
        Self(both)
    }

    /// What is in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// What is in this set and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut holes = other.0.iter().peekable();
        for window in &self.0 {
            let mut start = window.start;
            while holes.next_if(|hole| hole.end <= start).is_some() {}
            while let Some(hole) = holes.peek().filter(|hole| hole.start < window.end) {
                rest.extend(Window::between(start, hole.start));
                start = start.max(hole.end);
                if hole.end > window.end {
                    break;
                }
                holes.next();
            }
            rest.extend(Window::between(start, window.end));
        }
        Self(rest)
    }

    /// The first `limit_ms` milliseconds of the set, in order of time.
    pub fn first_ms(&self, limit_ms: i64) -> Self {
        let mut left_ms = limit_ms;
        let mut kept = Vec::new();
        for window in &self.0 {
            let end = window.end.min(window.start.plus_ms(left_ms));
            let Some(piece) = Window::between(window.start, end) else {
                break;
            };
            left_ms -= piece.length_ms();
            kept.push(piece);
        }
        Self(kept)
    }
}

/// Sorts and merges: overlapping and touching windows become one.
impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut sorted: Vec<Window> = windows.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Window> = Vec::with_capacity(sorted.len());
        for window in sorted {
            match merged.last_mut() {
                Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
                _ => merged.push(window),
            }
        }
        Self(merged)
    }
}

impl From<Window> for Windows {
    fn from(window: Window) -> Self {
        Self(vec![window])
    }
}
