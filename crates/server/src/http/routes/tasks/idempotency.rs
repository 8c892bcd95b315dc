//! The `Idempotency-Key` header: a creation that is repeated answers what the first one made.

use http::HeaderMap;
use sha2::{Digest, Sha256};
use taskward_core::IdempotencyKey;

use crate::http::error::ApiError;

const KEY_BYTES_MAX: usize = 255;

/// The header's key, bare or quoted, with the digest of the body it came with.
pub(super) fn from_headers(headers: &HeaderMap, body: &[u8]) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let wrong = || {
        ApiError::field(
            "Idempotency-Key",
            format!("must have 1 to {KEY_BYTES_MAX} printable ASCII characters"),
        )
    };
    let text = value.to_str().map_err(|_| wrong())?.trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(wrong());
    }
    Ok(Some(IdempotencyKey { key: key.to_owned(), fingerprint: Sha256::digest(body).into() }))
}

/// The key of a task created alone. Alone and in batches are different requests.
pub(super) fn for_single(key: IdempotencyKey) -> IdempotencyKey {
    IdempotencyKey { key: format!("task:{}", key.key), ..key }
}

/// The key of the `index`-th task of a batch. The first one's stands for the request.
pub(super) fn for_item(key: &IdempotencyKey, index: usize) -> IdempotencyKey {
    IdempotencyKey { key: format!("batch:{index}:{}", key.key), fingerprint: key.fingerprint }
}
