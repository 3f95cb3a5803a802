//! `/api/v1/openapi.json`: what there is over HTTP as an OpenAPI 3.1 document, made from the routes, from the types of the
//! answers and from the schemas of records.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::Site;
use super::answer::Refusal;
use super::answer::json as answer;
use super::api::{CUT_AT, EMPTY_BECAUSE};
use super::operations::{self, Answer, Operation, Parameter};
use crate::config::Config;
use crate::kpi::measures::Dim;
use crate::publish::avro_json::{Writer, json_schema};
use crate::publish::{alert, kpi_update};

const SCHEMAS: &str = "#/components/schemas/";

pub(super) const OPENAPI: Operation = Operation {
    path: "/api/v1/openapi.json",
    name: "openapi",
    summary: "This document",
    answer: Answer::Document,
    handler: |served| get(openapi).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

async fn openapi(State(site): State<Arc<Site>>) -> Response {
    answer(&document(&site.config))
}

/// The document, with the windows and models of a configuration.
#[must_use]
pub fn document(config: &Config) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = SCHEMAS.trim_start_matches('#').into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations::ALL {
        paths.insert(operation.path.to_owned(), json!({ "get": operation.describe(config, &mut schemas) }));
    }
    schemas.subschema_for::<Refusal>();
    let mut components = schemas.take_definitions(true);
    for (name, avro) in [("KpiUpdate", kpi_update::SCHEMA), ("Alert", alert::SCHEMA)] {
        components.insert(name.to_owned(), json_schema(avro, Writer::Us));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tributary",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": "Everything is only read. Times are milliseconds since 1970-01-01T00:00:00Z. From elsewhere \
                than the same machine every request but those of health and metrics needs the token of `http.token`.",
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic", "description": "The token as the password of any user" },
            },
        },
    })
}

/// A schema elsewhere in the document, or null.
pub(super) fn kpi_update_or_null(_: &mut SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "anyOf": [{ "$ref": format!("{SCHEMAS}KpiUpdate") }, { "type": "null" }] })
}

impl Operation {
    fn describe(&self, config: &Config, schemas: &mut SchemaGenerator) -> Value {
        let own = self.parameters.iter().map(|parameter| parameter.describe(self.path, config));
        let is_taken = |dim: &&Dim| self.parameters.iter().any(|parameter| parameter.name == dim.name());
        let dims = Dim::ALL.iter().filter(|dim| self.by_dims && !is_taken(dim)).map(|dim| {
            let about = "The value that this dimension of a row must have";
            json!({ "name": dim.name(), "in": "query", "description": about, "schema": { "type": "string" } })
        });
        let mut operation = json!({
            "operationId": self.name,
            "summary": self.summary,
            "parameters": own.chain(dims).collect::<Vec<_>>(),
            "responses": self.responses(schemas),
        });
        if let Some(of) = operation.as_object_mut() {
            if !self.about.is_empty() {
                of.insert("description".to_owned(), json!(self.about));
            }
            // On the same machine none is needed.
            let any: &[Value] = &[json!({}), json!({ "bearer": [] }), json!({ "basic": [] })];
            of.insert("security".to_owned(), json!(if self.guarded { any } else { &[] }));
        }
        operation
    }

    fn responses(&self, schemas: &mut SchemaGenerator) -> Value {
        let content = |kind: &str, schema: Value| json!({ kind: { "schema": schema } });
        let of = |name: &str| json!({ "$ref": format!("{SCHEMAS}{name}") });
        let (mut content, mut headers) = match self.answer {
            Answer::Json(schema) => (content("application/json", schema(schemas).to_value()), json!({})),
            Answer::Records(name) => {
                let empty = json!({ "description": "Why there is nothing", "schema": { "type": "string" } });
                let cut =
                    json!({ "description": "After how many the answer was cut", "schema": { "type": "integer" } });
                let headers = json!({ EMPTY_BECAUSE: empty, CUT_AT: cut });
                (content("application/json", json!({ "type": "array", "items": of(name) })), headers)
            }
            Answer::Text(kind) => (content(kind, json!({ "type": "string" })), json!({})),
            Answer::Document => (content("application/json", json!({ "type": "object" })), json!({})),
        };
        let mut responses = Map::new();
        let success = json!({ "description": "As asked", "content": content.take(), "headers": headers.take() });
        responses.insert("200".to_owned(), success);
        for code in self.refusals.iter().copied().chain(self.guarded.then_some(401)) {
            responses.insert(code.to_string(), self.refusal(code));
        }
        Value::Object(responses)
    }

    fn refusal(&self, code: u16) -> Value {
        let description = match code {
            304 => "The browser has it already",
            307 => "Another instance has it",
            400 => "The question makes no sense",
            401 => "The token is missing, or another one",
            404 => "There is no such thing",
            503 => "Not now",
            _ => "Refused",
        };
        match code {
            304 => json!({ "description": description }),
            307 => {
                let location = json!({ "description": "Where", "schema": { "type": "string", "format": "uri" } });
                json!({ "description": description, "headers": { "Location": location } })
            }
            _ if matches!(self.answer, Answer::Text("text/plain")) => {
                json!({ "description": description, "content": { "text/plain": { "schema": { "type": "string" } } } })
            }
            _ => json!({ "description": description, "content": {
                "application/json": { "schema": { "$ref": format!("{SCHEMAS}{}", Refusal::schema_name()) } }
            } }),
        }
    }
}

impl Parameter {
    /// What stands in the path is there by its name.
    fn describe(&self, path: &str, config: &Config) -> Value {
        let is_in_path = path.contains(&format!("{{{}}}", self.name));
        let schema = (self.schema)(config);
        let place = if is_in_path { "path" } else { "query" };
        let mut parameter = json!({ "name": self.name, "in": place, "description": self.about, "schema": schema });
        if let Some(of) = parameter.as_object_mut() {
            if is_in_path {
                of.insert("required".to_owned(), json!(true));
            }
            if of["schema"]["type"] == "array" {
                of.insert("style".to_owned(), json!("form"));
                of.insert("explode".to_owned(), json!(false));
            }
        }
        parameter
    }
}
