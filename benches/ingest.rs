//! What it costs to judge a record: JSON and Avro touches as a page sends them.

use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use divan::Bencher;
use tributary::config::Config;
use tributary::ingest::schemas::reader_schema;
use tributary::ingest::{FixedSchemas, Ingest, RawRecord};
use tributary::model::event::Topic;
use tributary::model::time::Millis;

fn main() {
    divan::main();
}

const NOW: Millis = Millis(1_767_225_600_000);

/// Tagged fields; a tagged URL and a referrer; a channel that is given; an email that was opened. About 350 bytes each.
const TOUCHES: [(&str, &str); 4] = [
    (
        "utm_fields",
        r#"{"event_id":"0193c1a2-8d7e-7b3a-9f00-3a5b2c1d0e4f","occurred_at":1767000000000,"kind":"page_view","visitor_id":"8c9f1e2a-visitor-000123","page_url":"https://www.tributary.example/product/overview","referrer":"https://www.google.com/","utm_source":"google","utm_medium":"cpc","utm_campaign":"generic-crm","utm_content":"ad-b","utm_term":"crm"}"#,
    ),
    (
        "tagged_url",
        r#"{"event_id":"0193c1a2-8d7e-7b3a-9f00-3a5b2c1d0e4f","occurred_at":"2025-12-30T14:45:31.044+02:00","kind":"page_view","visitor_id":"8c9f1e2a-visitor-000123","page_url":"https://www.tributary.example/lp/crm?utm_source=bing&utm_medium=cpc&utm_campaign=url-tagged&msclkid=123","referrer":"https://www.bing.com/search?q=crm"}"#,
    ),
    (
        "given_channel",
        r#"{"event_id":"0193c1a2-8d7e-7b3a-9f00-3a5b2c1d0e4f","occurred_at":1767000000000,"kind":"page_view","channel":"paid_social","visitor_id":"8c9f1e2a-visitor-000123","lead_id":"lead-123456@company.example","account_id":"acc-004711","page_url":"https://www.tributary.example/product/overview","utm_campaign":"abm-q1","properties":{"browser":"firefox","os":"linux"}}"#,
    ),
    (
        "email",
        r#"{"event_id":"0193c1a2-8d7e-7b3a-9f00-3a5b2c1d0e4f","occurred_at":1767000000000,"kind":"email_opened","lead_id":"lead-123456@company.example","account_id":"acc-004711","asset_id":"mail-2026-01-weekly","asset_type":"newsletter","utm_campaign":"weekly digest","experiment":"subject line","variant":"short","properties":{"client":"outlook","list":"customers"}}"#,
    ),
];

fn ingest(schemas: FixedSchemas) -> Ingest {
    let config = Config::parse("", "bench.toml", std::iter::empty()).expect("a configuration");
    Ingest::new(&config, Arc::new(schemas))
}

fn judge(bencher: Bencher<'_, '_>, ingest: &Ingest, bytes: &[u8]) {
    let record = RawRecord { key: None, value: Some(bytes), timestamp: NOW };
    let decode = || ingest.decode(Topic::Touchpoints, &record, NOW).expect("no registry is asked");
    assert!(matches!(decode(), tributary::ingest::Decoded::Event(_)));
    bencher.counter(divan::counter::ItemsCount::new(1_usize)).bench(decode);
}

#[divan::bench(args = TOUCHES.map(|(name, _)| name))]
fn json(bencher: Bencher<'_, '_>, name: &str) {
    let text = TOUCHES.iter().find(|touch| touch.0 == name).expect("a touch").1;
    judge(bencher, &ingest(FixedSchemas::default()), text.as_bytes());
}

#[divan::bench]
fn avro(bencher: Bencher<'_, '_>) {
    let schema = Schema::parse_str(reader_schema(Topic::Touchpoints)).expect("our schema");
    let json: serde_json::Value = serde_json::from_str(TOUCHES[0].1).expect("JSON");
    let Schema::Record(record) = &schema else { panic!("a record") };
    let fields = record.fields.iter().map(|field| {
        let value = match &json[field.name.as_str()] {
            serde_json::Value::Number(ms) => Value::TimestampMillis(ms.as_i64().expect("milliseconds")),
            serde_json::Value::String(text) if field.schema == Schema::String => Value::String(text.clone()),
            serde_json::Value::String(text) => Value::Union(1, Box::new(Value::String(text.clone()))),
            _ => Value::Union(0, Box::new(Value::Null)),
        };
        (field.name.clone(), value)
    });
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    let mut bytes = vec![0, 0, 0, 0, 7];
    bytes.extend(writer.write_value_to_vec(Value::Record(fields.collect())).expect("a datum"));
    judge(bencher, &ingest(FixedSchemas::from_iter([(7, schema.clone())])), &bytes);
}
