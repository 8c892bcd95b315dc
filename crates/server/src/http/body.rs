//! Reading a request's body: its type, its size, its time, its encoding, its JSON, its fields; in this
//! order, each with its own problem.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, EXPECT};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};
use taskward_api::{FieldError, Problem, ProblemCode, object};

use super::App;
use super::error::ApiError;

/// What JSON around a payload may take.
const ENVELOPE_BYTES: usize = 64 * 1024;
/// How much of a body that is too large is read for nothing. Clients that send everything before they read
/// the answer see a broken connection in place of the problem if the rest is left unread.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The types of body this service reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyType {
    Json,
    Ndjson,
}

/// A body of `application/json`, of the size of one task.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// As [`JsonBody`], with the digest of the body's bytes for the Idempotency-Key.
pub(crate) struct RawBody {
    pub(crate) headers: HeaderMap,
    pub(crate) body_type: BodyType,
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let raw = read(request, app, one_task_bytes(app), false).await?;
        parse(&raw.bytes).map(Self)
    }
}

/// The largest body that carries one task, or the report on one.
pub(crate) fn one_task_bytes(app: &App) -> usize {
    let limits = &app.settings.limits;
    limits.payload_bytes_max.max(limits.result_bytes_max) + limits.metadata_bytes_max + ENVELOPE_BYTES
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(
    request: Request,
    app: &App,
    limit: usize,
    ndjson: bool,
) -> Result<RawBody, ApiError> {
    let (parts, mut body) = request.into_parts();
    let body_type = body_type(&parts.headers, ndjson)?;
    // Who asks before sending, and would be refused, need not send anything.
    if parts.headers.contains_key(EXPECT) && body.size_hint().lower() > limit as u64 {
        return Err(too_large("The body", limit));
    }
    let collected = async {
        match Limited::new(&mut body, limit).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                discard(body).await;
                Err(too_large("The body", limit))
            }
            Err(_) => Err(ApiError::new(ProblemCode::InvalidJson, "The body did not arrive whole.")),
        }
    };
    let late = |_| ApiError::new(ProblemCode::Timeout, "The body did not arrive in time.");
    let bytes = tokio::time::timeout(app.settings.request_timeout, collected).await.map_err(late)??;
    Ok(RawBody { headers: parts.headers, body_type, bytes })
}

/// Reads the rest of a body, as far as that is not too much.
async fn discard(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARDED_BYTES_MAX {
            return;
        }
    }
}

/// The problem of something that is larger than it may be.
pub(crate) fn too_large(what: &str, limit: usize) -> ApiError {
    ApiError::new(ProblemCode::PayloadTooLarge, format!("{what} may have at most {limit} bytes."))
}

fn body_type(headers: &HeaderMap, ndjson: bool) -> Result<BodyType, ApiError> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = given.split_once(';').unwrap_or((given, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    let utf8 = !charset.contains("charset") || charset.contains("utf-8");
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" if utf8 => Ok(BodyType::Json),
        "application/x-ndjson" if ndjson && utf8 => Ok(BodyType::Ndjson),
        _ => {
            let expected =
                if ndjson { "application/json or application/x-ndjson" } else { "application/json" };
            let detail = format!("Send \"Content-Type: {expected}\", in UTF-8.");
            Err(ApiError::new(ProblemCode::UnsupportedMediaType, detail))
        }
    }
}

/// Reads JSON text into a request.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ApiError::new(ProblemCode::InvalidJson, "The body is not UTF-8."))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let request = object::required(&mut json).and_then(|request| json.end().map(|()| request));
    request.map_err(|error| explain::<T>(text, error))
}

/// Finds out where a request is wrong. Only failed requests pay for it.
fn explain<T: DeserializeOwned>(text: &str, error: serde_json::Error) -> ApiError {
    // A wrong field may come before a syntax error; a body that is not JSON is that before all else. What
    // is JSON but cannot be read, such as a number beyond a double, is a wrong field.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return ApiError::new(ProblemCode::InvalidJson, format!("The body is not JSON: {error}."));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let traced = object::required::<T, _>(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    let field = match track.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    let message = without_position(&traced.err().unwrap_or(error));
    Problem::validation(vec![FieldError::new(field, message)]).into()
}

/// The line and column are of no use beside the field's name.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or_else(|| message.clone(), |(text, _)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use taskward_api::{ClaimRequest, CreateTask};

    use super::*;

    fn code_and_field(body: &str) -> (ProblemCode, String) {
        let error = parse::<CreateTask>(body.as_bytes()).expect_err("refused").0;
        (error.code, error.errors.first().map(|e| e.field.clone()).unwrap_or_default())
    }

    #[test]
    fn syntax_and_fields_are_different_problems() {
        let cases = [
            ("", ProblemCode::InvalidJson, ""),
            ("{\"kind\":", ProblemCode::InvalidJson, ""),
            ("{\"kind\":5,}", ProblemCode::InvalidJson, ""),
            ("{\"kind\":5}", ProblemCode::ValidationFailed, "kind"),
            ("[]", ProblemCode::ValidationFailed, ""),
            ("[\"a\"]", ProblemCode::ValidationFailed, ""),
            ("{\"kind\":\"a\",\"retry\":{\"factor\":1e999}}", ProblemCode::ValidationFailed, "retry.factor"),
            ("{\"kind\":\"\\ud800\"}", ProblemCode::ValidationFailed, "kind"),
            ("{\"kind\":\"a\"} {}", ProblemCode::InvalidJson, ""),
            ("{\"kind\":\"a\",\"retry\":{\"factor\":\"2\"}}", ProblemCode::ValidationFailed, "retry.factor"),
            ("{\"kind\":\"a\",\"delay\":\"5 apples\"}", ProblemCode::ValidationFailed, "delay"),
        ];
        for (body, code, field) in cases {
            assert_eq!(code_and_field(body), (code, field.to_owned()), "{body}");
        }
    }

    #[test]
    fn unknown_fields_are_named() {
        let error =
            parse::<ClaimRequest>(b"{\"worker_id\":\"w\",\"queues\":[],\"limit\":1}").expect_err("refused").0;
        assert!(error.detail.contains("limit"), "{}", error.detail);
    }
}
