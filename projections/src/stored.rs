//! Values in the form in which Postgres takes them: what it would refuse would stop a projection.

/// The most characters of a text that nobody checked; indexes refuse long ones.
const LONGEST: usize = 300;

/// A text from outside, without the zeros that Postgres refuses, and cut where it is long.
pub(crate) fn text(text: &str) -> String {
    text.chars()
        .take(LONGEST)
        .map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// A count from outside, small enough that sums of it stay in range.
pub(crate) fn count(count: u64) -> i64 {
    i64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_zero_is_replaced() {
        assert_eq!(super::text("a\0b"), "a\u{fffd}b");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(super::text(&"\u{1f980}".repeat(1000)).chars().count(), 300);
    }

    #[test]
    fn an_absurd_count_is_cut() {
        assert_eq!(super::count(u64::MAX), i64::from(i32::MAX));
    }
}
