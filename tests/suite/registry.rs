//! A schema registry (Confluent REST API, in memory) on a random loopback port: `tests/registry` has its source.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{get, post};
use crate::real_parts::{Part, free_address, new_directory, start_patiently, tool};

pub struct Registry {
    address: SocketAddr,
    _part: Part,
}

impl Registry {
    pub fn start() -> Self {
        start_patiently("the schema registry", || Self::start_at(free_address()))
    }

    /// A new one, with nothing in it, where another one was.
    pub fn start_at(address: SocketAddr) -> Result<Self, String> {
        let arguments = ["-listen", &address.to_string()];
        let mut part = Part::start(new_directory("registry"), &tool("registry/registry"), &arguments);
        part.wait_ready(|| get(address, "/subjects").ok())?;
        Ok(Self { address, _part: part })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Registers an Avro schema and gives its id, the one in the wire format.
    pub fn register(&self, subject: &str, schema: &Value) -> u32 {
        let body = json!({ "schema": schema.to_string() });
        let answer = post(self.address, &format!("/subjects/{subject}/versions"), &body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        u32::try_from(answer.json()["id"].as_u64().unwrap()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_schema_is_fetched_by_its_id() {
        let registry = Registry::start();
        let schema = json!({ "type": "record", "name": "Touch", "fields": [{ "name": "event_id", "type": "string" }] });
        let id = registry.register("touchpoints-value", &schema);
        assert_eq!(registry.register("touchpoints-value", &schema), id, "the same schema has the same id");

        let answer = get(registry.address(), &format!("/schemas/ids/{id}")).unwrap().json();
        assert_eq!(serde_json::from_str::<Value>(answer["schema"].as_str().unwrap()).unwrap(), schema);
        let unknown = get(registry.address(), &format!("/schemas/ids/{}", id + 1)).unwrap();
        assert_eq!((unknown.status, unknown.json()["error_code"].as_u64()), (404, Some(40403)));
    }
}
