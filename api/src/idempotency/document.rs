//! The key in the description of the API.

use utoipa::openapi::{
    Content, OpenApi, Ref, RefOr, Required, Response,
    path::{Operation, ParameterBuilder, ParameterIn},
    response::ResponseBuilder,
    schema::{ObjectBuilder, Type},
};

const PARAMETER: &str = "IdempotencyKey";
const RESPONSE: &str = "IdempotencyKeyInUse";
const DESCRIPTION: &str = "Names the request, so that it is done once however often it is sent. \
    The same key and body get the same answer, with `Idempotency-Replayed: true`; another body gets \
    422 `idempotency_key_reused`; while the first is being answered, 409 `idempotency_key_in_use` \
    (a stream is joined from its beginning instead). Kept for 24 hours unless configured otherwise, \
    for the caller alone.";

/// Adds the key to every POST.
pub(crate) fn describe(openapi: &mut OpenApi) {
    let components = openapi.components.get_or_insert_default();
    let schema =
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(DESCRIPTION))
        .schema(Some(schema));
    components.parameters.insert(PARAMETER.to_owned(), parameter.build().into());
    components.responses.insert(RESPONSE.to_owned(), in_use().into());
    for item in openapi.paths.paths.values_mut() {
        if let Some(operation) = &mut item.post {
            add(operation);
        }
    }
}

fn add(operation: &mut Operation) {
    let parameter = Ref::new(format!("#/components/parameters/{PARAMETER}"));
    operation.parameters.get_or_insert_default().push(RefOr::Ref(parameter));
    let response = Ref::new(format!("#/components/responses/{RESPONSE}"));
    operation.responses.responses.entry("409".to_owned()).or_insert(RefOr::Ref(response));
}

fn in_use() -> Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(
            "A request with this key is being answered; ask again after `Retry-After` seconds.",
        )
        .content("application/problem+json", problem)
        .build()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_post_takes_a_key_and_nothing_else_does() {
        let openapi = serde_json::to_value(crate::openapi()).unwrap();
        let takes_a_key = |operation: &serde_json::Value| {
            let reference = serde_json::json!({ "$ref": "#/components/parameters/IdempotencyKey" });
            operation["parameters"].as_array().is_some_and(|list| list.contains(&reference))
        };

        for (path, item) in openapi["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                assert_eq!(takes_a_key(operation), method == "post", "{method} {path}");
            }
        }
        assert!(openapi["components"]["parameters"]["IdempotencyKey"].is_object());
    }
}
