//! Answers, and what every one of them must be like.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use taskward_api::ProblemCode;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, whatever the status.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} is not JSON ({error}): {}", self.status, self.text()))
    }

    /// The body of a success with this status.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/json");
        self.json()
    }

    /// The body of a problem with this code, which must be a whole problem.
    #[track_caller]
    pub(crate) fn problem(&self, code: &str) -> Value {
        let (status, body) = (self.status, self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{status}: {body}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        let known = ProblemCode::ALL.iter().find(|known| known.as_str() == code).expect("a known code");
        assert_eq!(status, known.status(), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:taskward:problem:{code}"));
        assert_eq!(problem["title"], known.title());
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        assert_eq!(self.header("retry-after").is_empty(), status != 503, "{problem}");
        let fields = problem.get("errors").map(|errors| errors.as_array().map_or(0, Vec::len));
        assert!(if code == "validation_failed" { fields > Some(0) } else { fields != Some(0) }, "{problem}");
        problem
    }
}

/// The names of an object's members, sorted.
#[track_caller]
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}")).keys().map(String::as_str).collect()
}
