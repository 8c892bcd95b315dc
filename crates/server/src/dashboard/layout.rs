//! What stands around every page.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::pages::alerts;
use super::texts::Texts;
use super::visit::{TOKEN_FIELD, Visitor};

/// A page of the main navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Queues,
    Tasks,
    Workers,
    Instances,
    Alerts,
    Configuration,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Queues,
        Self::Tasks,
        Self::Workers,
        Self::Instances,
        Self::Alerts,
        Self::Configuration,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Queues => "/queues",
            Self::Tasks => "/tasks",
            Self::Workers => "/workers",
            Self::Instances => "/instances",
            Self::Alerts => "/alerts",
            Self::Configuration => "/configuration",
        }
    }

    pub(crate) fn name(self, texts: &Texts) -> &'static str {
        match self {
            Self::Overview => texts.overview,
            Self::Queues => texts.queues,
            Self::Tasks => texts.tasks,
            Self::Workers => texts.workers,
            Self::Instances => texts.instances,
            Self::Alerts => texts.alerts,
            Self::Configuration => texts.configuration,
        }
    }
}

/// A page.
pub(crate) struct Page<'a> {
    /// Where it stands in the navigation, if it does.
    pub(crate) place: Option<Place>,
    /// Its heading.
    pub(crate) title: &'a str,
    /// The path of the stream that keeps its regions up to date.
    pub(crate) live: Option<&'a str>,
    /// What just happened.
    pub(crate) notice: Option<&'a str>,
    /// What it says.
    pub(crate) body: Markup,
}

/// A part of a page that is sent again when it changes.
pub(crate) struct Region {
    pub(crate) id: &'static str,
    pub(crate) html: Markup,
}

/// Regions, one after the other.
pub(crate) fn regions(regions: &[Region]) -> Markup {
    html! { @for region in regions { div.region id=(region.id) { (region.html) } } }
}

/// A whole page, as an answer.
pub(crate) fn page(visitor: &Visitor, status: StatusCode, page: &Page<'_>) -> Response {
    let [style, script, icon] = assets::paths();
    let texts = visitor.texts;
    let document = html! {
        (DOCTYPE)
        html lang=(visitor.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · " (visitor.app.settings.env) " · Taskward" }
                link rel="stylesheet" href=(style);
                link rel="icon" href=(icon) type="image/svg+xml";
                script src=(script) defer {}
            }
            body data-live=[page.live] {
                a.skip href="#content" { (texts.skip_to_content) }
                (header(visitor, page))
                main #content tabindex="-1" {
                    @if let Some(notice) = page.notice { p.notice role="status" { (notice) } }
                    (page.body)
                }
            }
        }
    };
    html_response(status, document)
}

/// HTML as an answer.
pub(crate) fn html_response(status: StatusCode, html: Markup) -> Response {
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(CONTENT_TYPE, content_type)], html.into_string()).into_response()
}

fn header(visitor: &Visitor, page: &Page<'_>) -> Markup {
    let (texts, settings) = (visitor.texts, &visitor.app.settings);
    html! {
        header.top {
            a.brand href="/" { "Taskward" }
            @if visitor.is_let_in() {
                nav aria-label=(texts.main_navigation) {
                    ul {
                        @for place in Place::ALL {
                            @let current = (page.place == Some(place)).then_some("page");
                            li {
                                a href=(place.path()) aria-current=[current] {
                                    (place.name(texts))
                                    @if place == Place::Alerts {
                                        @let Region { id, html } = firing_count(visitor);
                                        // It stays while its contents change, so screen readers tell of it.
                                        span id=(id) aria-live="polite" { (html) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            div.where {
                @if page.live.is_some() { (connection(texts)) }
                span.env.env-prod[settings.env == "prod"] { (settings.env) }
                @if visitor.is_let_in() { span.instance title=(texts.instance) { (settings.instance) } }
                (language_form(visitor))
                @if visitor.session.is_some() {
                    form method="post" action="/sign-out" {
                        (token(visitor))
                        button.quiet type="submit" { (texts.sign_out) }
                    }
                }
            }
        }
    }
}

/// How many alerts fire that nobody has silenced, beside their page's name: whoever looks at another page sees it.
pub(crate) fn firing_count(visitor: &Visitor) -> Region {
    let firing = visitor.app.alerts.list().alerts;
    let firing = firing.iter().filter(|alert| alerts::fires(alert) && alert.silence.is_none());
    let (mut count, mut critical) = (0, false);
    for alert in firing {
        count += 1;
        critical |= alerts::is_critical(alert);
    }
    let html = html! {
        @if count > 0 {
            " " span.count.critical[critical] { (count) } span.unseen { " " (visitor.texts.alert_firing) }
        }
    };
    Region { id: "firing-count", html }
}

/// Whether the page is live. The script changes the text; without it, the page says so.
fn connection(texts: &Texts) -> Markup {
    html! {
        span #connection role="status" data-live=(texts.live) data-lost=(texts.lost) data-stopped=(texts.stopped)
            data-connecting=(texts.connecting) {
            noscript { (texts.without_script) }
        }
    }
}

fn language_form(visitor: &Visitor) -> Markup {
    let other = visitor.language.other();
    html! {
        form method="post" action="/language" aria-label=(visitor.texts.language) {
            (token(visitor))
            input type="hidden" name="back" value=(visitor.here());
            button.quiet type="submit" name="language" value=(other.tag()) lang=(other.tag()) { (other.own_name()) }
        }
    }
}

/// What proves that a form comes from this page.
pub(crate) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(TOKEN_FIELD) value=(visitor.form_token()); }
}

/// A table that scrolls by itself where it is wider than the screen.
pub(crate) fn wide_table(caption: &str, visible: bool, head: Markup, rows: Markup) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label=(caption) {
            table {
                caption.unseen[!visible] { (caption) }
                thead { (head) }
                tbody { (rows) }
            }
        }
    }
}
