//! Histories in files: `<topic>.ndjson` (a line is a record with its key and Kafka timestamp, or the bare record) and
//! `<topic>.avro` (object container files). Out come raw records in arrival order: by timestamp over all files, then
//! by line. The files need not be sorted: a first pass notes where each line is, a second one reads them in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::container;
use super::line::{self, Line};
use super::schemas::{FixedSchemas, RegistryDown, SchemaSource};
use crate::model::event::Topic;
use crate::model::time::Millis;

/// A record as Kafka would have handed it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    pub topic: Topic,
    /// From 1; in a container file the record's number.
    pub line: u64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub timestamp: Millis,
}

#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} is no Avro object container file", path.display())]
    NoContainer { path: PathBuf, source: Box<apache_avro::Error> },
    #[error("{}: there is no file of a topic, such as touchpoints.ndjson or deal-stages.avro", dir.display())]
    NoFiles { dir: PathBuf },
}

/// The records of a directory. Iterates in arrival order.
#[derive(Debug)]
pub struct Histories {
    files: Vec<History>,
    /// In reverse arrival order, so that the next one is at the end.
    places: Vec<Place>,
    schemas: BTreeMap<u32, Arc<apache_avro::Schema>>,
}

#[derive(Debug)]
struct History {
    topic: Topic,
    path: PathBuf,
    records: Records,
}

#[derive(Debug)]
enum Records {
    Lines(BufReader<File>),
    /// In the wire format, each with an id of `schemas`.
    Container(Vec<Vec<u8>>),
}

/// Where a record is; the order of the fields is the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    timestamp: Millis,
    line: u64,
    file: usize,
    /// In bytes; of a container file, the record's index.
    offset: u64,
}

impl Histories {
    pub fn open(dir: &Path) -> Result<Self, FilesError> {
        Self::open_watched(dir, &mut |_, _| {})
    }

    /// The same, telling how many bytes have been read of how many.
    pub fn open_watched(dir: &Path, watch: &mut dyn FnMut(u64, u64)) -> Result<Self, FilesError> {
        let mut found = Self { files: Vec::new(), places: Vec::new(), schemas: BTreeMap::new() };
        std::fs::read_dir(dir).map_err(|source| FilesError::Unreadable { path: dir.to_owned(), source })?;
        let named = |topic: Topic, kind: &str| dir.join(format!("{}.{kind}", topic.name()));
        let paths = Topic::ALL.into_iter().flat_map(|topic| ["ndjson", "avro"].map(|kind| (topic, named(topic, kind))));
        let paths: Vec<_> = paths.filter(|(_, path)| path.exists()).collect();
        let sizes = paths.iter().map(|(_, path)| path.metadata().map_or(0, |about| about.len()));
        let (mut done, all) = (0, sizes.sum());
        for (topic, path) in paths {
            let mut advance = |bytes: u64| {
                done += bytes;
                watch(done, all);
            };
            match path.extension().is_some_and(|kind| kind == "avro") {
                true => found.add_container(topic, path, &mut advance)?,
                false => found.add_lines(topic, path, &mut advance)?,
            }
        }
        if found.files.is_empty() {
            return Err(FilesError::NoFiles { dir: dir.to_owned() });
        }
        found.places.shrink_to_fit();
        found.places.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// How many records are still to come.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.places.len()
    }

    /// The same for each topic that has any.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Topic, usize> {
        let topics = self.places.iter().map(|place| self.files[place.file].topic);
        topics.fold(BTreeMap::new(), |mut counts, topic| {
            *counts.entry(topic).or_default() += 1;
            counts
        })
    }

    /// The schemas of the container files, under ids of their own, and all others from `source`.
    #[must_use]
    pub fn schemas(&self, source: Arc<dyn SchemaSource>) -> Arc<dyn SchemaSource> {
        Arc::new(FileSchemas { files: FixedSchemas::from(self.schemas.clone()), source })
    }

    fn add_lines(&mut self, topic: Topic, path: PathBuf, advance: &mut dyn FnMut(u64)) -> Result<(), FilesError> {
        let unreadable = |source| FilesError::Unreadable { path: path.clone(), source };
        let mut reader = BufReader::with_capacity(1 << 16, File::open(&path).map_err(unreadable)?);
        let file = self.files.len();
        let (mut text, mut offset, mut number, mut timestamp) = (Vec::new(), 0, 0, Millis(0));
        loop {
            text.clear();
            let length = reader.read_until(b'\n', &mut text).map_err(unreadable)?;
            if length == 0 {
                break;
            }
            number += 1;
            let content = text.trim_ascii();
            if !content.is_empty() {
                timestamp = line::timestamp(content).unwrap_or(timestamp);
                self.places.push(Place { timestamp, line: number, file, offset });
            }
            offset += length as u64;
            advance(length as u64);
        }
        self.files.push(History { topic, path, records: Records::Lines(reader) });
        Ok(())
    }

    fn add_container(&mut self, topic: Topic, path: PathBuf, advance: &mut dyn FnMut(u64)) -> Result<(), FilesError> {
        let unreadable = |source| FilesError::Unreadable { path: path.clone(), source };
        let size = path.metadata().map_err(unreadable)?.len();
        let reader = BufReader::new(File::open(&path).map_err(unreadable)?);
        let file = self.files.len();
        // Registries count up from 1.
        let id = u32::MAX - u32::try_from(file).unwrap_or(0);
        let no_container = |source| FilesError::NoContainer { path: path.clone(), source: Box::new(source) };
        let (schema, records) = container::read(reader, id).map_err(no_container)?;
        let mut timestamp = Millis(0);
        for (index, (occurred_at, _)) in records.iter().enumerate() {
            timestamp = occurred_at.unwrap_or(timestamp);
            let offset = index as u64;
            self.places.push(Place { timestamp, line: offset + 1, file, offset });
        }
        advance(size);
        self.schemas.insert(id, Arc::new(schema));
        let records = records.into_iter().map(|(_, bytes)| bytes).collect();
        self.files.push(History { topic, path, records: Records::Container(records) });
        Ok(())
    }

    fn read(&mut self, place: Place) -> Result<FileRecord, FilesError> {
        let history = &mut self.files[place.file];
        let Line { key, value } = match &mut history.records {
            Records::Lines(reader) => {
                let text = line_at(reader, place.offset)
                    .map_err(|source| FilesError::Unreadable { path: history.path.clone(), source })?;
                line::read(text.trim_ascii())
            }
            Records::Container(records) => {
                let bytes = usize::try_from(place.offset).ok().and_then(|index| records.get_mut(index));
                Line { key: None, value: bytes.map(std::mem::take) }
            }
        };
        Ok(FileRecord { topic: history.topic, line: place.line, key, value, timestamp: place.timestamp })
    }
}

impl Iterator for Histories {
    type Item = Result<FileRecord, FilesError>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.places.pop()?;
        Some(self.read(place))
    }
}

/// Sorted files are read from start to end, through the buffer.
fn line_at(reader: &mut BufReader<File>, offset: u64) -> std::io::Result<Vec<u8>> {
    let here = reader.stream_position()?;
    match i64::try_from(i128::from(offset) - i128::from(here)) {
        Ok(ahead) => reader.seek_relative(ahead)?,
        Err(_) => {
            reader.seek(SeekFrom::Start(offset))?;
        }
    }
    let mut text = Vec::new();
    reader.read_until(b'\n', &mut text)?;
    Ok(text)
}

struct FileSchemas {
    files: FixedSchemas,
    source: Arc<dyn SchemaSource>,
}

impl SchemaSource for FileSchemas {
    fn writer_schema(&self, id: u32) -> Result<Option<Arc<apache_avro::Schema>>, RegistryDown> {
        match self.files.writer_schema(id)? {
            Some(schema) => Ok(Some(schema)),
            None => self.source.writer_schema(id),
        }
    }
}
