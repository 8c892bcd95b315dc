//! Telling nobody of a rule for a while: first for how long and why, and what that means.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::{Alert, HumanDuration, SilenceRequest};
use taskward_core::duration;

use super::Notice;
use crate::dashboard::layout::{Page, Place, page as whole_page, token};
use crate::dashboard::texts::fill;
use crate::dashboard::visit::{Form, Visit, Visitor};
use crate::dashboard::{failure, format, rules};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::params::Segment;
use crate::http::routes::alerts as api;

/// The silences that are offered, in minutes.
const MINUTES: [u64; 6] = [30, 60, 2 * 60, 8 * 60, 24 * 60, 7 * 24 * 60];
/// The one that is offered first.
const MINUTES_DEFAULT: u64 = 60;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let query = visitor.query();
    let alert = visitor.app.alerts.list().alerts.into_iter().find(|alert| alert.rule == query.get("rule"));
    let Some(alert) = alert else { return failure::refused(&visitor, &api::no_such_rule()) };
    let title = fill(visitor.texts.silence_rule, &[("rule", &alert.rule)]);
    let instance = [("instance", &*visitor.app.settings.instance)];
    let body = html! {
        h1 { (title) }
        p.large { (rules::translated(&alert.summary, visitor.language)) }
        p { (fill(visitor.texts.silence_explained, &instance)) }
        (form(&visitor, &alert))
    };
    let page = Page { place: Some(Place::Alerts), title: &title, live: None, notice: None, body };
    whole_page(&visitor, StatusCode::OK, &page)
}

fn form(visitor: &Visitor, alert: &Alert) -> Markup {
    let texts = visitor.texts;
    html! {
        form.stacked method="post" action="/alerts/silence" {
            (token(visitor))
            input type="hidden" name="rule" value=(alert.rule);
            div {
                label for="for" { (texts.silence_for) }
                select #for name="for" {
                    @for minutes in MINUTES {
                        @let time = Duration::from_secs(60 * minutes);
                        option value=(HumanDuration(time).to_string()) selected[minutes == MINUTES_DEFAULT] {
                            (format::seconds(time.as_secs_f64()))
                        }
                    }
                }
            }
            div {
                label for="reason" { (texts.silence_reason) }
                input #reason name="reason" required maxlength="500" autocomplete="off";
            }
            div.confirm {
                button.primary type="submit" { (texts.silence_begin) }
                a.button href="/alerts" { (texts.back) }
            }
        }
    }
}

pub(in crate::dashboard) async fn begin(form: Form) -> Response {
    let answer = silenced(&form).await;
    done(&form.visit, answer)
}

async fn silenced(form: &Form) -> Result<Notice, ApiError> {
    let hold = duration::parse(form.fields.get("for"));
    let hold = hold.map_err(|error| ApiError::field("for", error.to_string()))?;
    let request = SilenceRequest { hold: HumanDuration(hold), reason: form.fields.get("reason").to_owned() };
    let rule = Segment(form.fields.get("rule").to_owned());
    let answer = api::silence::silence(State(form.visit.app.clone()), rule, JsonBody(request)).await;
    answer.map(|_| Notice::Silenced)
}

pub(in crate::dashboard) async fn end(form: Form) -> Response {
    let rule = Segment(form.fields.get("rule").to_owned());
    let answer = api::unsilence::unsilence(State(form.visit.app.clone()), rule).await;
    done(&form.visit, answer.map(|_| Notice::Unsilenced))
}

fn done(visitor: &Visitor, outcome: Result<Notice, ApiError>) -> Response {
    match outcome {
        Ok(notice) => Redirect::to(&format!("/alerts?notice={}", notice.word())).into_response(),
        Err(error) => failure::refused(visitor, &error),
    }
}
