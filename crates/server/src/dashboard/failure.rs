//! What did not work, as a page.

use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use maud::{Markup, html};

use super::layout::{Page, page};
use super::visit::Visitor;
use crate::http::error::ApiError;

/// What the interface refused, with its reason: its own words, and its status.
pub(crate) fn refused(visitor: &Visitor, error: &ApiError) -> Response {
    let problem = &error.0;
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response =
        said(visitor, status, html! { p { (problem.detail) } p.quiet { code { (problem.code.as_str()) } } });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The same within a page.
pub(crate) fn inline(what: &str, error: &ApiError) -> Markup {
    html! {
        p.problem role="alert" { strong { (what) } ": " (error.0.detail) " " code { (error.0.code.as_str()) } }
    }
}

/// A form that another page sent, or an old one.
pub(super) fn foreign_form(visitor: &Visitor) -> Response {
    said(visitor, StatusCode::FORBIDDEN, html! { p { (visitor.texts.foreign_form) } })
}

/// A body that is no form of ours.
pub(super) fn no_form(visitor: &Visitor) -> Response {
    said(visitor, StatusCode::BAD_REQUEST, html! { p { (visitor.texts.form_too_large) } })
}

fn said(visitor: &Visitor, status: StatusCode, what: Markup) -> Response {
    let texts = visitor.texts;
    let body = html! {
        h1 { (texts.failed) }
        div.problem role="alert" { (what) }
        p { a href="/" { (texts.overview) } }
    };
    page(visitor, status, &Page { place: None, title: texts.failed, live: None, notice: None, body })
}
