//! The style sheet, the script and the icon: part of the program, and found under names that change with them, so
//! that browsers keep them for ever and never mix versions.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest, Sha256};

struct Asset {
    stem: &'static str,
    extension: &'static str,
    content_type: &'static str,
    text: &'static str,
}

static ASSETS: [Asset; 3] = [
    Asset {
        stem: "dashboard",
        extension: "css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("assets/dashboard.css"),
    },
    Asset {
        stem: "dashboard",
        extension: "js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("assets/dashboard.js"),
    },
    Asset {
        stem: "icon",
        extension: "svg",
        content_type: "image/svg+xml",
        text: include_str!("assets/icon.svg"),
    },
];

static NAMES: LazyLock<[String; 3]> = LazyLock::new(|| {
    ASSETS.each_ref().map(|asset| {
        let digest = Sha256::digest(asset.text.as_bytes());
        let tag: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{tag}.{}", asset.stem, asset.extension)
    })
});

/// The paths of style sheet, script and icon.
pub(super) fn paths() -> [String; 3] {
    NAMES.each_ref().map(|name| format!("/assets/{name}"))
}

/// Serves one; anybody may see them.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let found = NAMES.iter().position(|own| *own == name).and_then(|index| ASSETS.get(index));
    let Some(asset) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers =
        [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.text).into_response()
}
