//! A history as files, as `report` reads them: one a topic, a line a record (`{"key", "value" or "raw", "timestamp"}`),
//! the rejections to expect, a manifest, and a configuration that goes with the story.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::{Produced, Settings};
use crate::model::event::Topic;

/// Scoring, routes, budgets, goals and rates that fit the synthetic history.
pub const CONFIGURATION: &str = include_str!("../../deploy/demo.toml");

/// What a history turned out to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub records: u64,
    pub topics: BTreeMap<&'static str, u64>,
    pub duplicates: u64,
    pub rejected: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub fn add(&mut self, produced: &Produced) {
        self.records += 1;
        *self.topics.entry(produced.topic.name()).or_default() += 1;
        self.duplicates += u64::from(produced.duplicate);
        if let Some(reason) = produced.rejected_as {
            *self.rejected.entry(reason).or_default() += 1;
        }
    }
}

pub struct Files {
    topics: [BufWriter<File>; 5],
    lines: [u64; 5],
    rejects: BufWriter<File>,
    line: Vec<u8>,
}

#[derive(Serialize)]
struct Manifest<'a> {
    settings: &'a Settings,
    /// The end of the history: the time to report as of.
    as_of: String,
    counts: &'a Counts,
}

impl Files {
    /// Makes the directory; files of an earlier history are replaced.
    pub fn create(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let open = |name: &str| {
            File::create(dir.join(format!("{name}.ndjson"))).map(|file| BufWriter::with_capacity(1 << 18, file))
        };
        let [touches, fills, stages, spend, accounts] = Topic::OF_RECORDS.map(|topic| open(topic.name()));
        fs::write(dir.join("tributary.toml"), CONFIGURATION)?;
        Ok(Self {
            topics: [touches?, fills?, stages?, spend?, accounts?],
            lines: [0; 5],
            rejects: open("expected-rejects")?,
            line: Vec::with_capacity(1024),
        })
    }

    pub fn write(&mut self, produced: &Produced) -> io::Result<()> {
        let topic = produced.topic as usize;
        self.line.clear();
        write_line(produced, &mut self.line)?;
        self.topics[topic].write_all(&self.line)?;
        self.lines[topic] += 1;
        if let Some(reason) = produced.rejected_as {
            let (topic, line) = (produced.topic.name(), self.lines[topic]);
            writeln!(self.rejects, r#"{{"topic":"{topic}","line":{line},"reason":"{reason}"}}"#)?;
        }
        Ok(())
    }

    /// Everything is on disk when this returns.
    pub fn finish(mut self, dir: &Path, settings: &Settings, counts: &Counts) -> io::Result<()> {
        for file in self.topics.iter_mut().chain([&mut self.rejects]) {
            file.flush()?;
        }
        let as_of = jiff::Timestamp::from_millisecond(settings.end().0).map_err(io::Error::other)?.to_string();
        let mut manifest = serde_json::to_vec_pretty(&Manifest { settings, as_of, counts })?;
        manifest.push(b'\n');
        fs::write(dir.join("manifest.json"), manifest)
    }
}

/// One line, with its end.
fn write_line(produced: &Produced, line: &mut Vec<u8>) -> io::Result<()> {
    line.extend_from_slice(b"{\"key\":");
    serde_json::to_writer(&mut *line, &produced.key)?;
    match &produced.value {
        Some(bytes) if produced.rejected_as == Some("undecodable") => {
            line.extend_from_slice(b",\"raw\":\"");
            push_base64(bytes, line);
            line.push(b'"');
        }
        Some(json) => {
            line.extend_from_slice(b",\"value\":");
            line.extend_from_slice(json);
        }
        None => line.extend_from_slice(b",\"value\":null"),
    }
    writeln!(line, ",\"timestamp\":{}}}", produced.timestamp.0)
}

/// RFC 4648, with padding.
fn push_base64(bytes: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0_u32, |group, (at, byte)| group | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let shown = digit <= chunk.len();
            into.push(if shown { DIGITS[(group >> (18 - 6 * digit) & 63) as usize] } else { b'=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Millis;

    fn line(value: Option<&[u8]>, rejected_as: Option<&'static str>) -> String {
        let (key, timestamp) = (Some("a\"b".to_owned()), Millis(7));
        let value = value.map(<[u8]>::to_vec);
        let produced = Produced { topic: Topic::Accounts, key, value, timestamp, rejected_as, duplicate: false };
        let mut line = Vec::new();
        write_line(&produced, &mut line).expect("written");
        String::from_utf8(line).expect("text")
    }

    #[test]
    fn lines_hold_json_raw_bytes_or_a_tombstone() {
        assert_eq!(line(Some(b"{\"a\":1}"), None), "{\"key\":\"a\\\"b\",\"value\":{\"a\":1},\"timestamp\":7}\n");
        assert_eq!(line(None, None), "{\"key\":\"a\\\"b\",\"value\":null,\"timestamp\":7}\n");
        for (bytes, base64) in [(&b"f"[..], "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xff\xfe\x7b\0", "//57AA==")]
        {
            let expected = format!("{{\"key\":\"a\\\"b\",\"raw\":\"{base64}\",\"timestamp\":7}}\n");
            assert_eq!(line(Some(bytes), Some("undecodable")), expected);
        }
    }
}
