//! The configuration: every value, and where it came from.

use axum::response::Response;
use http::StatusCode;
use maud::html;

use crate::dashboard::layout::{Page, Place, page as whole_page, wide_table};
use crate::dashboard::visit::Visit;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let texts = visitor.texts;
    let title = Place::Configuration.name(texts);
    let head = html! {
        tr { @for name in [texts.key, texts.value, texts.origin] { th scope="col" { (name) } } }
    };
    let rows = html! {
        @for value in visitor.app.settings.configuration.iter() {
            tr {
                th.id scope="row" { (value.key) }
                td.value { (value.value) }
                td.origin.explicit[value.explicit] {
                    (value.origin)
                    @if let Some(note) = &value.note { " (" (note) ")" }
                }
            }
        }
    };
    let body = html! {
        h1 { (title) }
        p { (texts.configuration_explained) }
        (wide_table(texts.configuration, false, head, rows))
    };
    let page = Page { place: Some(Place::Configuration), title, live: None, notice: None, body };
    whole_page(&visitor, StatusCode::OK, &page)
}
