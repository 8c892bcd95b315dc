//! Every route of the service.

use std::sync::Arc;

use axum::Router;
use axum::routing::Route;
use taskward_api::ProblemCode;
use tower::layer::layer_fn;
use tower::service_fn;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, RefOr};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::auth::Access;
use super::error::ApiError;
use super::observe::{Place, observe};
use super::routes::{alerts, health, log_level, maintenance, queues, service, tasks, work, workers};
use crate::dashboard;

/// The service as something that answers requests.
pub fn router(app: Arc<App>) -> Router {
    // Each layer costs every request a few allocations: there is one.
    let around = |access: Access| {
        let app = Arc::clone(&app);
        layer_fn(move |mut route: Route| {
            let place = Arc::new(Place::new(Arc::clone(&app), access));
            service_fn(move |request| observe(Arc::clone(&place), &mut route, request))
        })
    };
    let guarded = guarded_routes().split_for_parts().0.fallback(no_such_path);
    let open = open_routes().split_for_parts().0;
    // Its pages ask by themselves who is there: people sign in, they have no header to send.
    let pages = dashboard::routes().method_not_allowed_fallback(method_not_allowed);
    guarded
        .method_not_allowed_fallback(method_not_allowed)
        .layer(around(Access::WithKey))
        .merge(pages.layer(around(Access::Anybody)))
        .merge(open.method_not_allowed_fallback(method_not_allowed).layer(around(Access::Anybody)))
        .with_state(app)
}

/// Routes that want the key.
fn guarded_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(service::test::test))
        .routes(routes!(service::metrics_summary::metrics_summary))
        .routes(routes!(tasks::create::create, tasks::list::list))
        .routes(routes!(tasks::batch::batch))
        .routes(routes!(tasks::get::get))
        .routes(routes!(tasks::cancel::cancel))
        .routes(routes!(tasks::retry::retry))
        .routes(routes!(work::claim::claim))
        .routes(routes!(work::heartbeat::heartbeat))
        .routes(routes!(work::complete::complete))
        .routes(routes!(work::fail::fail))
        .routes(routes!(work::snooze::snooze))
        .routes(routes!(work::release::release))
        .routes(routes!(work::results::results))
        .routes(routes!(queues::list::list))
        .routes(routes!(queues::get::get))
        .routes(routes!(queues::pause::pause))
        .routes(routes!(queues::resume::resume))
        .routes(routes!(workers::list::list))
        .routes(routes!(alerts::list::list))
        .routes(routes!(alerts::silence::silence, alerts::unsilence::unsilence))
        .routes(routes!(log_level::get::get, log_level::set::set))
        .routes(routes!(maintenance::get::get, maintenance::set::set, maintenance::end::end))
}

/// Routes that anybody who reaches the port may call: they carry no task's content.
fn open_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health::full::health))
        .routes(routes!(health::live::live))
        .routes(routes!(health::ready::ready))
        .routes(routes!(service::metrics::metrics))
        .routes(routes!(service::openapi::openapi))
}

async fn no_such_path() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "There is no such path; /api/openapi.json lists those there are.")
}

/// The router adds `Allow`.
async fn method_not_allowed() -> ApiError {
    ApiError::new(ProblemCode::MethodNotAllowed, "This path has other methods; see the Allow header.")
}

/// The OpenAPI document: made from the same handlers that are served.
pub fn openapi() -> OpenApi {
    let mut document = open_routes().split_for_parts().1;
    let mut guarded = guarded_routes().split_for_parts().1;
    super::routes::common::add_common_problems(&mut guarded);
    document.merge(guarded);
    document.info = InfoBuilder::new()
        .title("Taskward")
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
        .description(Some(
            "A durable task service: tasks in over HTTP, workers in any language, nothing acknowledged is lost. \
             Delivery is at least once: deduplicate effects by task id and attempt.",
        ))
        .build();
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document
        .components
        .get_or_insert_default()
        .security_schemes
        .insert("api_key".to_owned(), RefOr::T(bearer));
    document
}
