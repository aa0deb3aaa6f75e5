//! A telephone number in the international form.

use std::fmt;

use crate::serde_as_string;

/// A telephone number as ITU-T E.164 writes it: a plus sign and 8 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// This is not a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a telephone number has a plus sign, the country code and 8 to 15 digits in all, like +14155552671"
)]
pub struct InvalidPhoneNumber;

impl PhoneNumber {
    /// The number as it may be shown: the first digit and the last four.
    #[must_use]
    pub fn masked(&self) -> String {
        let digits = &self.0[1..];
        let (first, last) = (&digits[..1], &digits[digits.len() - 4..]);
        format!("+{first}{}{last}", "*".repeat(digits.len() - 5))
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    /// Spaces, dots, hyphens and brackets between digits are how people write.
    fn try_from(text: String) -> Result<Self, InvalidPhoneNumber> {
        let number: String = text.chars().filter(|c| !" .-()".contains(*c)).collect();
        let digits = number.strip_prefix('+').ok_or(InvalidPhoneNumber)?;
        let is_right = (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_right { Ok(Self(number)) } else { Err(InvalidPhoneNumber) }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Never shows the number: debug output ends in logs.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(..)")
    }
}

serde_as_string!(PhoneNumber);

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<PhoneNumber, InvalidPhoneNumber> {
        PhoneNumber::try_from(text.to_owned())
    }

    #[test]
    fn a_number_is_kept_without_what_people_write_between_digits() {
        assert_eq!(number("+1 (415) 555-2671").unwrap().to_string(), "+14155552671");
    }

    #[test]
    fn a_number_is_shown_with_most_of_it_hidden() {
        assert_eq!(number("+14155552671").unwrap().masked(), "+1******2671");
        assert_eq!(number("+12345678").unwrap().masked(), "+1***5678");
    }

    #[test]
    fn what_is_no_international_number_is_refused() {
        for text in [
            "",
            "+",
            "4155552671",
            "+0123456789",
            "+1234567",
            "+1234567890123456",
            "+1415555267a",
            "+1415\r\n5552671",
            "++14155552671",
            "+١٤١٥٥٥٥٢٦٧١",
        ] {
            assert_eq!(number(text), Err(InvalidPhoneNumber), "{text:?}");
        }
    }
}
