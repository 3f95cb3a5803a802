//! Writer schemas from a registry with Confluent's REST interface. Each id is asked for once; answers are kept. That
//! an id is unknown is an answer; a timeout, a refusal or an error page is none.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apache_avro::Schema;
use reqwest::blocking::Client;
use schema_registry_converter::blocking::schema_registry::{
    SrSettings, get_referenced_schema, get_schema_by_id, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RegisteredSchema, SchemaType, SuppliedSchema};
use serde_json::Value as Json;

use super::schemas::{RegistryDown, SchemaSource};
use crate::config::SchemaRegistry;

const TIMEOUT: Duration = Duration::from_secs(10);
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);
const MAX_UNKNOWN: usize = 4096;
/// The registry's code for an id that it does not have.
const SCHEMA_NOT_FOUND: u32 = 40403;

pub struct Registry {
    settings: SrSettings,
    known: Mutex<Known>,
}

/// What the registry has answered.
#[derive(Default)]
struct Known {
    schemas: HashMap<u32, Arc<Schema>>,
    /// Ids that it did not have, and when: it may have been behind, or be mended.
    unknown: HashMap<u32, Instant>,
}

/// The registry cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("schema_registry.ca: cannot read {path}")]
    UnreadableCa { path: String, source: std::io::Error },
    #[error("schema_registry.ca: {path} holds no certificate in PEM")]
    NoCa { path: String, source: reqwest::Error },
    #[error("schema_registry: no client")]
    NoClient(#[source] Box<SRCError>),
}

impl Registry {
    pub fn connect(config: &SchemaRegistry) -> Result<Self, RegistryError> {
        let mut client = Client::builder();
        if let Some(path) = &config.ca {
            let pem =
                std::fs::read(path).map_err(|source| RegistryError::UnreadableCa { path: path.clone(), source })?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|source| RegistryError::NoCa { path: path.clone(), source })?;
            client = client.tls_certs_merge(certificates);
        }
        let mut builder = SrSettings::new_builder(config.url.trim_end_matches('/').to_owned());
        builder.set_timeout(TIMEOUT);
        if let Some(user) = &config.user {
            builder.set_basic_authorization(user, config.password.as_deref());
        }
        // A blocking client may be made and used only where no async runtime is entered.
        let settings =
            apart(|| builder.build_with(client)).map_err(|error| RegistryError::NoClient(Box::new(error)))?;
        Ok(Self { settings, known: Mutex::default() })
    }

    /// The id under which the registry has a schema of our own, which it takes in when it is new.
    ///
    /// # Errors
    /// When it does not answer, or does not take it.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryDown> {
        let schema = SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned());
        let registered = apart(|| post_schema(&self.settings, subject.to_owned(), schema));
        Ok(registered.map_err(|error| down(&error))?.id)
    }

    fn ask(&self, id: u32) -> Result<Option<Schema>, RegistryDown> {
        let registered = match get_schema_by_id(id, &self.settings) {
            Ok(registered) if registered.schema_type == SchemaType::Avro => registered,
            Ok(_) => return Ok(None), // it is there, but no Avro
            Err(error) if is_unknown(&error) => return Ok(None),
            Err(error) => return Err(down(&error)),
        };
        let mut definitions = HashMap::new();
        self.add_references(&registered, &mut definitions)?;
        let Ok(mut schema) = serde_json::from_str(&registered.schema) else { return Ok(None) };
        inline(&mut schema, &mut definitions);
        Ok(Schema::parse(&schema).ok())
    }

    /// The schemas that it refers to, by name, and those that they refer to.
    fn add_references(
        &self,
        registered: &RegisteredSchema,
        definitions: &mut HashMap<String, Json>,
    ) -> Result<(), RegistryDown> {
        for reference in &registered.references {
            if definitions.contains_key(&reference.name) {
                continue;
            }
            let referred = get_referenced_schema(&self.settings, reference).map_err(|error| down(&error))?;
            // One that is no JSON leaves the name undefined, and the schema unreadable.
            if let Ok(definition) = serde_json::from_str(&referred.schema) {
                definitions.insert(reference.name.clone(), definition);
                self.add_references(&referred, definitions)?;
            }
        }
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "a client of the network; the clock says only when to ask it again")]
impl SchemaSource for Registry {
    fn writer_schema(&self, id: u32) -> Result<Option<Arc<Schema>>, RegistryDown> {
        // Held while asking, so that many threads ask once. A panic cannot leave the map half-written.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known.schemas.get(&id) {
            return Ok(Some(Arc::clone(schema)));
        }
        if known.unknown.get(&id).is_some_and(|asked| asked.elapsed() < ASK_AGAIN_AFTER) {
            return Ok(None);
        }
        let answer = apart(|| self.ask(id))?.map(Arc::new);
        if let Some(schema) = &answer {
            known.schemas.insert(id, Arc::clone(schema));
        } else {
            if known.unknown.len() >= MAX_UNKNOWN {
                known.unknown.clear();
            }
            known.unknown.insert(id, Instant::now());
        }
        Ok(answer)
    }
}

/// Runs on a thread of its own, which no async runtime has entered.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn is_unknown(error: &SRCError) -> bool {
    let raw = error.source().and_then(|source| source.downcast_ref::<RawError>());
    raw.is_some_and(|raw| raw.error_code == SCHEMA_NOT_FOUND)
}

fn down(error: &SRCError) -> RegistryDown {
    let cause = error.cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
    RegistryDown { reason: format!("{}{cause}", error.error) }
}

/// Puts the definition in the place where a name is used first.
fn inline(schema: &mut Json, definitions: &mut HashMap<String, Json>) {
    match schema {
        Json::String(name) => {
            if let Some(definition) = definitions.remove(name.as_str()) {
                *schema = definition;
                inline(schema, definitions);
            }
        }
        Json::Array(branches) => branches.iter_mut().for_each(|branch| inline(branch, definitions)),
        Json::Object(parts) => {
            for part in ["type", "items", "values"] {
                if let Some(inner) = parts.get_mut(part) {
                    inline(inner, definitions);
                }
            }
            if let Some(Json::Array(fields)) = parts.get_mut("fields") {
                fields.iter_mut().for_each(|field| inline(field, definitions));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const INNER: &str = r#"{"type":"record","name":"x.Inner","fields":[{"name":"a","type":"long"}]}"#;
    const OUTER: &str = r#"{"type":"record","name":"x.Outer","fields":[{"name":"i","type":["null","x.Inner"]},{"name":"j","type":"x.Inner"}]}"#;

    fn answer(path: &str) -> (&'static str, String) {
        let of = |schema: &str, rest: &str| format!(r#"{{"schema":{}{rest}}}"#, Json::from(schema));
        match path.split('?').next().unwrap_or_default() {
            "/schemas/ids/1" => ("200 OK", of(INNER, "")),
            "/schemas/ids/2" => {
                ("200 OK", of(OUTER, r#","references":[{"name":"x.Inner","subject":"inner","version":1}]"#))
            }
            "/schemas/ids/3" => ("200 OK", of("syntax = \"proto3\";", r#","schemaType":"PROTOBUF""#)),
            "/schemas/ids/4" => ("200 OK", of(r#"{"type":"nonsense"}"#, "")),
            "/schemas/ids/500" => ("500 Internal Server Error", r#"{"error_code":50001,"message":"store"}"#.into()),
            "/schemas/ids/401" => ("401 Unauthorized", r#"{"error_code":401,"message":"who?"}"#.into()),
            "/schemas/ids/404" => ("404 Not Found", "<html>a proxy's page</html>".into()),
            "/subjects/inner/versions/1" => ("200 OK", of(INNER, r#","id":1,"subject":"inner","version":1"#)),
            _ => ("404 Not Found", r#"{"error_code":40403,"message":"Schema not found"}"#.into()),
        }
    }

    /// Speaks the registry's interface on a loopback port, and counts what it was asked.
    fn serve() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut lines = BufReader::new(stream.try_clone().expect("a reader")).lines();
                let request = lines.next().expect("a request").expect("a line");
                let mut headers = lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
                let signed = headers.by_ref().filter_map(Result::ok).any(|line| line == "authorization: Basic dTpw");
                headers.for_each(drop);
                counter.fetch_add(1, Ordering::SeqCst);
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (status, body) = if signed { answer(path) } else { ("401 Unauthorized", String::new()) };
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
                .expect("an answer");
            }
        });
        (url, asked)
    }

    fn registry(url: String) -> Registry {
        let config = SchemaRegistry { url, user: Some("u".into()), password: Some("p".into()), ca: None };
        Registry::connect(&config).expect("a client")
    }

    #[test]
    fn an_unknown_id_is_an_answer_and_a_failure_is_none() {
        let (url, asked) = serve();
        let registry = registry(url);
        let known = |id| registry.writer_schema(id).map(|schema| schema.is_some());
        assert!(matches!(known(1), Ok(true)));
        for id in [3, 4, 77] {
            assert!(matches!(known(id), Ok(false)), "{id}");
        }
        for id in [500, 401, 404] {
            assert!(known(id).is_err(), "{id}");
        }
        let before = asked.load(Ordering::SeqCst);
        assert!(matches!((known(1), known(77)), (Ok(true), Ok(false))));
        assert_eq!(asked.load(Ordering::SeqCst), before, "answers are kept");
        assert!(known(500).is_err());
        assert_eq!(asked.load(Ordering::SeqCst), before + 1, "failures are not");
    }

    #[test]
    fn references_are_put_in_place() {
        let (url, _) = serve();
        let schema = registry(url).writer_schema(2).expect("an answer").expect("a schema");
        let Schema::Record(outer) = &*schema else { panic!("a record") };
        assert!(matches!(outer.fields[1].schema, Schema::Ref { .. }), "used again by name");
        apache_avro::schema::ResolvedSchema::try_from(&*schema).expect("every name is defined");
    }

    #[test]
    fn nobody_listens() {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let registry = registry(format!("http://{port}"));
        assert!(registry.writer_schema(1).is_err());
    }

    #[tokio::test]
    async fn may_be_asked_from_within_a_runtime() {
        let (url, _) = serve();
        assert!(registry(url).writer_schema(1).expect("an answer").is_some());
    }
}
