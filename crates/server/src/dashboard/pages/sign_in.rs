//! Signing in and out, and choosing a language: the forms of whoever it is.

use axum::response::{IntoResponse, Redirect, Response};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use maud::html;
use tokio::time::Instant;

use crate::dashboard::clock;
use crate::dashboard::cookies;
use crate::dashboard::language::{self, Language};
use crate::dashboard::layout::{Page, page as whole_page, token};
use crate::dashboard::session;
use crate::dashboard::visit::{OpenForm, Visitor};
use crate::http::observe;

const LANGUAGE_SECONDS: u64 = 365 * 24 * 3600;

pub(in crate::dashboard) async fn page(visitor: Visitor) -> Response {
    let next = visitor.query().path("next");
    if visitor.is_let_in() {
        return Redirect::to(&next).into_response();
    }
    key_form(&visitor, StatusCode::OK, &next, None)
}

fn key_form(visitor: &Visitor, status: StatusCode, next: &str, problem: Option<&str>) -> Response {
    let texts = visitor.texts;
    let body = html! {
        div.sign-in {
            h1 { (texts.sign_in) }
            @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
            form method="post" action="/sign-in" {
                (token(visitor))
                input type="hidden" name="next" value=(next);
                label for="key" { (texts.api_key) }
                input #key name="key" type="password" autocomplete="current-password" required autofocus
                    aria-describedby="explained";
                p #explained.quiet { (texts.sign_in_explained) }
                button.primary type="submit" { (texts.sign_in) }
            }
        }
    };
    whole_page(visitor, status, &Page { place: None, title: texts.sign_in, live: None, notice: None, body })
}

pub(in crate::dashboard) async fn sign_in(OpenForm { visitor, fields }: OpenForm) -> Response {
    let (next, now) = (fields.path("next"), Instant::now());
    let sessions = &visitor.app.dashboard.sessions;
    let Some(key) = &visitor.app.key else { return Redirect::to(&next).into_response() };
    if !sessions.may_try(now) {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = key_form(&visitor, status, &next, Some(visitor.texts.too_many_attempts));
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        return response;
    }
    if !key.matches(fields.get("key").as_bytes()) {
        sessions.failed(now);
        observe::log(|| tracing::warn!("somebody tried to sign in to the dashboard with a wrong key"));
        return key_form(&visitor, StatusCode::UNAUTHORIZED, &next, Some(visitor.texts.wrong_key));
    }
    observe::log(|| tracing::info!("somebody signed in to the dashboard"));
    with_cookie(&visitor, session::COOKIE, &sessions.open(clock::now()), session::LASTS.as_secs(), &next)
}

pub(in crate::dashboard) async fn sign_out(OpenForm { visitor, .. }: OpenForm) -> Response {
    if let Some(session) = visitor.session {
        visitor.app.dashboard.sessions.end(session, clock::now());
    }
    with_cookie(&visitor, session::COOKIE, "", 0, "/sign-in")
}

pub(in crate::dashboard) async fn choose_language(OpenForm { visitor, fields }: OpenForm) -> Response {
    let language = Language::from_tag(fields.get("language")).unwrap_or(visitor.language);
    with_cookie(&visitor, language::COOKIE, language.tag(), LANGUAGE_SECONDS, &fields.path("back"))
}

/// Goes on to a path with a cookie.
fn with_cookie(visitor: &Visitor, name: &str, value: &str, seconds: u64, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    if let Some(cookie) = cookies::set(name, value, seconds, &visitor.headers) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
