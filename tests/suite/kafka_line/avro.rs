//! Avro on both sides, with a schema registry: producers whose schemas have evolved write in, a foreign decoder reads the
//! rows with the schema that the registry has for them. An unknown schema is bad input; a registry that is down is not.

use std::collections::BTreeMap;
use std::time::Duration;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Datum;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Schema};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};
use tributary::generate::{History, Produced};
use tributary::ingest::schemas::reader_schema;
use tributary::model::event::Topic;

use super::deployment::{Deployment, Wishes};
use super::gate::Gate;
use super::loading::{producer, send};
use super::story::{Rows, settings, story, strip};
use crate::http::get;
use crate::real_parts::wait_for;
use crate::registry::Registry;

/// What a producer writes with: ours, or with fields of its own between ours, and more types where one is given.
fn writers(registry: &Registry, topic: Topic) -> Vec<(u32, Schema)> {
    let ours: Value = serde_json::from_str(reader_schema(topic)).unwrap();
    let mut evolved = ours.clone();
    let fields = evolved["fields"].as_array_mut().unwrap();
    fields.rotate_left(2);
    fields.insert(1, json!({ "name": "shard_hint", "type": ["null", "long"], "default": null }));
    fields.push(json!({ "name": "schema_version", "type": "int", "default": 2 }));
    let subject = format!("{}-value", topic.name());
    [ours, evolved].iter().map(|schema| (registry.register(&subject, schema), Schema::parse(schema).unwrap())).collect()
}

type Writers = BTreeMap<Topic, Vec<(u32, Schema)>>;

/// All that the tests' producers have.
fn register_all(registry: &Registry) -> Writers {
    Topic::OF_RECORDS.into_iter().map(|topic| (topic, writers(registry, topic))).collect()
}

/// A record in the wire format, from its JSON.
fn encode(id: u32, schema: &Schema, json: &Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    let datum = writer.write_value_to_vec(datum(schema, json)).unwrap();
    [&[0], &id.to_be_bytes()[..], &datum].concat()
}

fn datum(schema: &Schema, json: &Value) -> Datum {
    match (schema, json) {
        (Schema::Record(record), json) => {
            let fields = record.fields.iter().map(|field| {
                let absent = field.default.clone().unwrap_or(Value::Null);
                (field.name.clone(), datum(&field.schema, json.get(&field.name).unwrap_or(&absent)))
            });
            Datum::Record(fields.collect())
        }
        (Schema::Union(_), Value::Null) => Datum::Union(0, Box::new(Datum::Null)),
        (Schema::Union(union), json) => Datum::Union(1, Box::new(datum(&union.variants()[1], json))),
        (Schema::Map(map), Value::Object(entries)) => {
            Datum::Map(entries.iter().map(|(name, value)| (name.clone(), datum(&map.types, value))).collect())
        }
        (Schema::TimestampMillis, Value::Number(at)) => Datum::TimestampMillis(at.as_i64().unwrap()),
        (Schema::TimestampMillis, Value::String(at)) => {
            Datum::TimestampMillis(at.parse::<jiff::Timestamp>().unwrap().as_millisecond())
        }
        (Schema::Decimal(decimal), json) => {
            let text = json.as_str().map_or_else(|| json.to_string(), ToOwned::to_owned);
            let mut exact: rust_decimal::Decimal = text.parse().unwrap();
            exact.rescale(u32::try_from(decimal.scale).unwrap());
            Datum::Decimal(Decimal::from(exact.mantissa().to_i64().unwrap().to_be_bytes().to_vec()))
        }
        (Schema::Double, json) => Datum::Double(json.as_f64().unwrap()),
        (Schema::Boolean, json) => Datum::Boolean(json.as_bool().unwrap()),
        (Schema::Int, json) => Datum::Int(i32::try_from(json.as_i64().unwrap()).unwrap()),
        (Schema::Long, json) => Datum::Long(json.as_i64().unwrap()),
        (Schema::String, Value::String(text)) => Datum::String(text.clone()),
        (schema, json) => panic!("{json} as {schema:?}"),
    }
}

/// The history, in Avro where it is good and as it is where it is not.
fn load(line: &Deployment, writers: &Writers) {
    let producer = producer();
    for (n, produced) in History::new(settings()).enumerate() {
        let value = match &produced {
            Produced { value: Some(json), rejected_as: None, topic, .. } => {
                let (id, schema) = &writers[topic][n % 2];
                Some(encode(*id, schema, &serde_json::from_slice(json).unwrap()))
            }
            produced => produced.value.clone(),
        };
        send(&producer, &line.topic(produced.topic.name()), &produced, value.as_deref());
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// The rows as somebody reads them who has nothing but the registry.
fn rows(line: &Deployment, registry: &Registry) -> Rows {
    newest(line, registry, "kpis")
}

/// The newest record of each key of a topic.
pub fn newest(line: &Deployment, registry: &Registry, topic: &str) -> Rows {
    let subject = format!("/subjects/{}-value/versions/latest", line.topic(topic));
    let registered = get(registry.address(), &subject).unwrap().json();
    let id = u32::try_from(registered["id"].as_u64().unwrap()).unwrap();
    let schema = Schema::parse_str(registered["schema"].as_str().unwrap()).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let mut rows = Rows::new();
    for record in line.records(topic) {
        let key = String::from_utf8(record.key.unwrap()).unwrap();
        let Some(value) = record.value else {
            rows.remove(&key);
            continue;
        };
        assert_eq!(value[..5], [&[0], &id.to_be_bytes()[..]].concat(), "{key}");
        let mut rest = &value[5..];
        let mut row = Value::try_from(reader.read_value(&mut rest).unwrap()).unwrap();
        assert!(rest.is_empty(), "bytes are left behind {key}");
        strip(&mut row);
        // By way of text, as the expected rows came: what parses them is a last bit off now and then.
        rows.insert(key, as_doubles(serde_json::from_str(&row.to_string()).unwrap()));
    }
    rows
}

/// Numbers as doubles, as Avro carries them.
fn as_doubles(row: Value) -> Value {
    match row {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_doubles(value))).collect(),
        other => other,
    }
}

#[test]
fn avro_in_and_out_gives_the_rows_of_json() {
    let registry = Registry::start();
    let gate = Gate::to(registry.address());
    let wishes = Wishes { registry: Some(format!("http://{}", gate.address())), avro: true, ..Wishes::default() };
    let line = Deployment::new("avro", &wishes);
    line.create_inputs();
    let writers = register_all(&registry);
    load(&line, &writers);
    let instance = line.start();
    let expected: Rows = story().rows.iter().map(|(key, row)| (key.clone(), as_doubles(row.clone()))).collect();
    line.settle_for(&expected, Duration::from_secs(120), || rows(&line, &registry));
    line.check_letters();
    let alert = newest(&line, &registry, "alerts").remove("any|").expect("the alert that always fires");
    let cost = &expected["cost_per_lead|all||"]["value"];
    assert_eq!(
        (&alert["value"], &alert["currency"], &alert["resolved"]),
        (cost, &json!("USD"), &Value::Null),
        "{alert}"
    );

    // An unknown schema is bad input.
    let letters = line.letters().len();
    let (topic, producer) = (line.topic("touchpoints"), producer());
    let put = |partition: i32, value: &[u8]| {
        let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some(&[0_u8, 255][..]) });
        let record = BaseRecord::<(), [u8]>::to(&topic).partition(partition).payload(value).headers(headers);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(20)).unwrap();
    };
    let unknown = [0, 0, 0, 255, 255, 1, 2, 3];
    put(0, &unknown);
    let letter = wait_for("the letter", Duration::from_secs(30), || {
        let all = line.letters();
        (all.len() > letters).then(|| all.into_iter().find(|letter| letter.value.as_deref() == Some(&unknown)).unwrap())
    });
    assert_eq!(letter.header("tributary.error.reason"), "unknown_schema");
    assert_eq!(letter.headers[0], ("trace".to_owned(), Some(vec![0, 255])), "as it came, and first");

    // A registry that is down makes the partition wait whose record needs it, and no other.
    let mut newest: Value = serde_json::from_str(reader_schema(Topic::Touchpoints)).unwrap();
    newest["fields"].as_array_mut().unwrap().push(json!({ "name": "third", "type": "int", "default": 3 }));
    let id = registry.register("touchpoints-value", &newest);
    gate.shut();
    let touch = |id: &str| json!({ "event_id": id, "occurred_at": 1_772_400_000_000_i64, "kind": "click", "visitor_id": "v", "properties": {} });
    let before = line.ingest_committed("touchpoints");
    put(0, &encode(id, &Schema::parse(&newest).unwrap(), &touch("waits")));
    put(1, touch("goes on").to_string().as_bytes());
    let others = wait_for("the other partition", Duration::from_secs(30), || {
        Some(line.ingest_committed("touchpoints")).filter(|after| after[1] > before[1])
    });
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((others[0], line.ingest_committed("touchpoints")[0]), (before[0], before[0]));
    assert!(instance.log().contains("the partition waits"), "{}", instance.log());

    gate.open();
    wait_for("the partition that waited", Duration::from_secs(40), || {
        (line.ingest_committed("touchpoints")[0] > before[0]).then_some(())
    });
    let reasons: Vec<_> =
        line.letters()[letters..].iter().map(|letter| letter.header("tributary.error.reason")).collect();
    assert_eq!(reasons.len(), 1, "nothing else was bad: {reasons:?}");
    drop(instance);
}
