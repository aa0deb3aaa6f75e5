//! Reading an `Idempotency-Key`.

use axum::http::{HeaderMap, StatusCode};

use super::KEY;
use crate::problem::Problem;

/// The longest key.
const LONGEST: usize = 255;

/// The one key of a request: 1 to 255 printable characters.
pub(super) fn read(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut keys = headers.get_all(KEY).iter();
    let key = keys.next().and_then(|key| key.to_str().ok()).map(str::trim);
    let is_printable = |key: &&str| key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    key.filter(|key| (1..=LONGEST).contains(&key.len()))
        .filter(is_printable)
        .filter(|_| keys.next().is_none())
        .ok_or_else(invalid)
}

fn invalid() -> Problem {
    let detail = "Idempotency-Key must be one value of 1 to 255 printable ASCII characters";
    Problem::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key", detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn code(values: &[&[u8]]) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, HeaderValue::from_bytes(value).unwrap());
        }
        read(&headers).map(str::to_owned).map_err(|problem| problem.code)
    }

    #[test]
    fn a_key_is_taken_as_it_is() {
        for key in ["1", "order-7", "\"8e03978e-40d5\"", "two words", &"x".repeat(255)] {
            assert_eq!(code(&[key.as_bytes()]).as_deref(), Ok(key));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "x".repeat(256);
        for values in [&[&b""[..]][..], &[b"  "], &[long.as_bytes()], &["ä".as_bytes()], &[b"a\tb"]]
        {
            assert_eq!(code(values), Err("invalid_idempotency_key"), "{values:?}");
        }
    }

    #[test]
    fn two_keys_are_none() {
        assert_eq!(code(&[b"a", b"b"]), Err("invalid_idempotency_key"));
    }
}
