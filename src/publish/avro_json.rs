//! What a record looks like in JSON, as a JSON Schema made from its Avro schema: the files in `schemas` are the one place
//! that says which fields there are.

use serde_json::{Map, Value, json};

/// Who writes the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Producers: what may be left out is not required; times may be RFC 3339, amounts decimal text.
    Others,
    /// The product: every field is there, and empty ones are null.
    Us,
}

/// The JSON Schema of a record, given its Avro schema. Fields that are not named are allowed: they are ignored.
///
/// # Panics
/// Never for a schema of the build: a test reads each.
#[must_use]
pub fn json_schema(avro: &str, writer: Writer) -> Value {
    let avro: Value = serde_json::from_str(avro).expect("the schemas are part of the build, and a test reads them");
    of_type(&avro, writer)
}

fn of_type(avro: &Value, writer: Writer) -> Value {
    match avro {
        Value::String(name) => of_name(name),
        Value::Array(branches) => union(branches, writer),
        Value::Object(of) => match (text(of, "type"), text(of, "logicalType")) {
            (_, Some("timestamp-millis")) => moment(writer),
            (_, Some("decimal")) => json!({ "type": ["number", "string"], "description": "Decimal text is exact" }),
            (Some("record"), _) => record(of, writer),
            (Some("array"), _) => json!({ "type": "array", "items": of_type(&of["items"], writer) }),
            (Some("map"), _) => json!({ "type": "object", "additionalProperties": of_type(&of["values"], writer) }),
            (Some(name), _) => of_name(name),
            (None, _) => of_type(&of["type"], writer),
        },
        _ => Value::Bool(true),
    }
}

fn text<'a>(of: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

fn of_name(name: &str) -> Value {
    match name {
        "int" | "long" => json!({ "type": "integer" }),
        "float" | "double" => json!({ "type": "number" }),
        "bytes" => json!({ "type": "string" }),
        name => json!({ "type": name }),
    }
}

fn moment(writer: Writer) -> Value {
    let millis = json!({ "type": "integer", "description": "Milliseconds since 1970-01-01T00:00:00Z" });
    match writer {
        Writer::Us => millis,
        Writer::Others => json!({ "anyOf": [millis, { "type": "string", "format": "date-time" }] }),
    }
}

fn union(branches: &[Value], writer: Writer) -> Value {
    let branches: Vec<Value> = branches.iter().map(|branch| of_type(branch, writer)).collect();
    json!({ "anyOf": branches })
}

fn record(of: &Map<String, Value>, writer: Writer) -> Value {
    let fields = of.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let Some(name) = field["name"].as_str() else { continue };
        let mut schema = of_type(&field["type"], writer);
        if let (Some(schema), Some(doc)) = (schema.as_object_mut(), field.get("doc")) {
            schema.insert("description".to_owned(), doc.clone());
        }
        properties.insert(name.to_owned(), schema);
        if writer == Writer::Us || field.get("default").is_none() {
            required.push(name);
        }
    }
    let mut schema =
        json!({ "type": "object", "title": of.get("name"), "properties": properties, "required": required });
    if let (Some(schema), Some(doc)) = (schema.as_object_mut(), of.get("doc")) {
        schema.insert("description".to_owned(), doc.clone());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::{alert, kpi_update, ledgers::Ledger};

    #[test]
    fn every_written_record_has_a_schema() {
        let ledgers = Ledger::ALL.map(Ledger::schema);
        for avro in ledgers.into_iter().chain([kpi_update::SCHEMA, alert::SCHEMA]) {
            let schema = json_schema(avro, Writer::Us);
            let properties = schema["properties"].as_object().expect("fields");
            assert_eq!(Some(properties.len()), schema["required"].as_array().map(Vec::len));
            assert!(!schema.to_string().contains("true"), "{schema}");
        }
    }

    #[test]
    fn producers_may_leave_out_what_has_a_default() {
        let avro = r#"{"type":"record","name":"T","doc":"about","fields":[
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}],"default":null},
            {"name":"more","type":{"type":"map","values":"string"},"default":{},"doc":"others"}]}"#;
        let schema = json_schema(avro, Writer::Others);
        assert_eq!((&schema["required"], &schema["description"]), (&json!(["at"]), &json!("about")));
        assert_eq!(schema["properties"]["at"]["anyOf"][1], json!({ "type": "string", "format": "date-time" }));
        assert_eq!(schema["properties"]["amount"]["anyOf"][1]["type"], json!(["number", "string"]));
        let more = json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": "others" });
        assert_eq!(schema["properties"]["more"], more);
        assert_eq!(json_schema(avro, Writer::Us)["properties"]["at"]["type"], "integer");
    }
}
