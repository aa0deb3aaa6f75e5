//! How clients learn of limits: the `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers-09).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use commands::Standing;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Says what a limit allows, what is left of it, and for how many seconds.
pub(crate) fn describe(headers: &mut HeaderMap, standing: &Standing) {
    let Standing { limit, quota, remaining, reset, retry_after } = *standing;
    let until = retry_after.unwrap_or(reset);
    let policy = format!("\"{limit}\";q={};w={}", quota.count(), quota.seconds());
    let left = format!("\"{limit}\";r={remaining};t={until}");
    for (name, value) in [(POLICY, policy), (LIMIT, left)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_described_in_two_structured_fields() {
        let quota = "20/3600".parse().unwrap();
        let standing =
            Standing { limit: "mail", quota, remaining: 0, reset: 3600, retry_after: Some(180) };
        let mut headers = HeaderMap::new();

        describe(&mut headers, &standing);

        assert_eq!(headers["ratelimit-policy"], "\"mail\";q=20;w=3600");
        assert_eq!(headers["ratelimit"], "\"mail\";r=0;t=180");
    }
}
