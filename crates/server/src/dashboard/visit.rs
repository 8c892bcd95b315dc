//! Who asks for a page, and in which language; and forms, which only our own pages may send.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use maud::{DOCTYPE, html};

use super::failure;
use super::language::Language;
use super::session::{self, Session};
use super::texts::Texts;
use super::{assets, clock, cookies};
use crate::http::App;

/// The field of a form that proves where it comes from.
pub(super) const TOKEN_FIELD: &str = "form_token";
/// More than any form of ours has.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// A request of somebody, signed in or not.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) app: Arc<App>,
    pub(crate) language: Language,
    pub(crate) texts: &'static Texts,
    pub(crate) session: Option<Session>,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

/// A request of somebody who may see and do everything: signed in, or there is no key to sign in with. What asks
/// for this as an argument is refused to everybody else.
pub(crate) struct Visit(pub(crate) Visitor);

/// A form from one of our pages, of somebody who may do everything.
pub(crate) struct Form {
    pub(crate) visit: Visitor,
    pub(crate) fields: Fields,
}

/// A form from one of our pages, of anybody.
pub(crate) struct OpenForm {
    pub(crate) visitor: Visitor,
    pub(crate) fields: Fields,
}

/// The fields of a form or of a query.
pub(crate) struct Fields(Vec<(String, String)>);

impl Visitor {
    fn of(parts: &Parts, app: &Arc<App>) -> Self {
        let language = Language::of(&parts.headers);
        let cookie = cookies::get(&parts.headers, session::COOKIE);
        let session = cookie.and_then(|cookie| app.dashboard.sessions.find(cookie, clock::now()));
        Self {
            app: Arc::clone(app),
            language,
            texts: language.texts(),
            session,
            // What a form was sent to is no page to come back to.
            uri: if parts.method == Method::GET { parts.uri.clone() } else { Uri::default() },
            headers: parts.headers.clone(),
        }
    }

    /// Whether there is a key, so that one has to sign in.
    pub(crate) fn wants_key(&self) -> bool {
        self.app.key.is_some()
    }

    /// Whether the pages are open to this visitor.
    pub(crate) fn is_let_in(&self) -> bool {
        !self.wants_key() || self.session.is_some()
    }

    /// What this visitor's forms carry.
    pub(crate) fn form_token(&self) -> String {
        self.app.dashboard.sessions.form_token(self.session)
    }

    /// The fields of the query.
    pub(crate) fn query(&self) -> Fields {
        Fields::parse(self.uri.query().unwrap_or_default().as_bytes())
    }

    /// The page as it was asked for, to come back to.
    pub(crate) fn here(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// Sends somebody to sign in, and back here afterwards.
    fn turned_away(&self) -> Response {
        // Browsers do not send the session's cookie with the first request from another site, such as a link in a
        // chat. Asking again from here brings it.
        let site = self.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        if matches!(site, Some("cross-site" | "same-site")) {
            return ask_again(self.here());
        }
        let query = url_query([("next", self.here())]);
        Redirect::to(&format!("/sign-in?{query}")).into_response()
    }
}

/// A page that asks for itself.
fn ask_again(here: &str) -> Response {
    let [style, _, icon] = assets::paths();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Taskward" }
                meta http-equiv="refresh" content=(format!("0; url={here}"));
                link rel="stylesheet" href=(style);
                // Without it browsers ask for /favicon.ico, and are refused.
                link rel="icon" href=(icon) type="image/svg+xml";
            }
            body { main { p { a href=(here) { "Taskward" } } } }
        }
    };
    super::layout::html_response(StatusCode::OK, page)
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, app))
    }
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let visitor = Visitor::of(parts, app);
        if visitor.is_let_in() { Ok(Self(visitor)) } else { Err(visitor.turned_away()) }
    }
}

impl FromRequest<Arc<App>> for OpenForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::of(&parts, app);
        if parts.method != Method::POST || !comes_from_here(&parts.headers) {
            return Err(failure::foreign_form(&visitor));
        }
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
        let body = Limited::new(body, FORM_BYTES_MAX).collect();
        let body = tokio::time::timeout(app.settings.request_timeout, body).await;
        let (true, Ok(Ok(body))) = (is_form, body) else { return Err(failure::no_form(&visitor)) };
        let fields = Fields::parse(&body.to_bytes());
        if !app.dashboard.sessions.is_form_token(fields.get(TOKEN_FIELD), visitor.session) {
            return Err(failure::foreign_form(&visitor));
        }
        Ok(Self { visitor, fields })
    }
}

impl FromRequest<Arc<App>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::of(&parts, app);
        if !visitor.is_let_in() {
            return Err(Redirect::to("/sign-in").into_response());
        }
        let OpenForm { visitor, fields } =
            OpenForm::from_request(Request::from_parts(parts, body), app).await?;
        Ok(Self { visit: visitor, fields })
    }
}

/// Whether a browser says that a page of this very origin sent the request. One that says nothing is not
/// a browser of the last ten years, and not to be trusted with a form.
fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == text(HOST.as_str())
}

impl Fields {
    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// A field as it was sent; empty when there is none. Names of queues may begin with a space.
    pub(crate) fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// A field without the white space around it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The fields that are not empty: a form sends those, too, that nobody filled in.
    pub(crate) fn filled_in(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|(name, value)| (&**name, &**value));
        pairs.filter(|(_, value)| !value.trim().is_empty())
    }

    /// A path of this service to go on to; the overview when the field is none. Never another host.
    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.get(name);
        let is_ours = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
        // What would be no header cannot be gone to.
        if is_ours && path.bytes().all(|byte| byte.is_ascii_graphic()) {
            path.to_owned()
        } else {
            "/".to_owned()
        }
    }
}

/// The path of the tasks with this filter.
pub(crate) fn tasks_with<'a>(filter: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    format!("/tasks?{}", url_query(filter))
}

/// A query string of these pairs.
pub(crate) fn url_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn forms_come_from_this_origin() {
        for (pairs, ours) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("host", "a:8000"), ("origin", "http://a:8000")], true),
            (&[("host", "a:8000"), ("origin", "http://b:8000")], false),
            (&[("host", "a:8000"), ("origin", "http://a")], false),
            (&[("host", "a:8000"), ("origin", "null")], false),
            (&[("host", "a:8000")], false),
        ] {
            assert_eq!(comes_from_here(&headers(pairs)), ours, "{pairs:?}");
        }
    }

    #[test]
    fn one_goes_on_to_paths_of_this_service_only() {
        for (given, path) in [
            ("next=/tasks%3Fqueue%3Da", "/tasks?queue=a"),
            ("next=//evil.example", "/"),
            ("next=/%5Cevil.example", "/"),
            ("next=https://evil.example", "/"),
            ("next=/a%0d%0ab", "/"),
            ("", "/"),
        ] {
            assert_eq!(Fields::parse(given.as_bytes()).path("next"), path, "{given}");
        }
    }
}
