//! What the documents of all guarded routes have in common.

use taskward_api::{Problem, ProblemCode};
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

/// Problems any route may answer with.
const ALWAYS: &[ProblemCode] = &[
    ProblemCode::Unauthorized,
    ProblemCode::Timeout,
    ProblemCode::ValidationFailed,
    ProblemCode::Internal,
    ProblemCode::DatabaseUnavailable,
];
/// Problems any route with a body may answer with.
const WITH_BODY: &[ProblemCode] =
    &[ProblemCode::InvalidJson, ProblemCode::PayloadTooLarge, ProblemCode::UnsupportedMediaType];

/// Adds the problems that come from what all routes share, and the key they want.
pub(crate) fn add_common_problems(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
        {
            add_to(operation);
        }
    }
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    // The derived schema has the names of Rust's variants: the macro that declares them hides their renaming.
    let codes = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("The stable codes of problems."))
        .enum_values(Some(ProblemCode::ALL.iter().map(|code| code.as_str())));
    components.schemas.insert(ProblemCode::name().into_owned(), codes.build().into());
}

fn add_to(operation: &mut Operation) {
    let with_body = if operation.request_body.is_some() { WITH_BODY } else { &[] };
    for code in ALWAYS.iter().chain(with_body) {
        let description = match code {
            ProblemCode::DatabaseUnavailable => {
                "`database_unavailable`, `read_only`, `overloaded` or `draining`; with `Retry-After`"
                    .to_owned()
            }
            ProblemCode::ValidationFailed => "`validation_failed` or `idempotency_key_reused`".to_owned(),
            code => format!("`{code}`"),
        };
        let problem = Ref::from_schema_name(Problem::name());
        let content = ContentBuilder::new().schema(Some(problem)).build();
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build();
        operation.responses.responses.entry(code.status().to_string()).or_insert(RefOr::T(response));
    }
    operation.security = Some(vec![SecurityRequirement::new("api_key", Vec::<String>::new())]);
}
