//! `tributary schema`: what is there, for programs, on stdout: the settings of the configuration as a JSON Schema, for
//! editors; what is served over HTTP as OpenAPI; the topics as AsyncAPI, as the configuration names them.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::ConfigSource;
use crate::config::json_schema;
use crate::publish::http::openapi;
use crate::runtime::asyncapi;

#[derive(Debug, Args)]
pub struct Schema {
    /// What to describe
    #[arg(value_enum, default_value_t = Of::Config)]
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// The configuration: a JSON Schema
    Config,
    /// The HTTP API: an OpenAPI 3.1 document
    Openapi,
    /// The topics: an AsyncAPI 3.0 document
    Asyncapi,
}

impl Schema {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let document = match self.of {
            // For a configuration that is still to be written.
            Of::Config => json_schema(),
            Of::Openapi => openapi(&source.load()?),
            Of::Asyncapi => asyncapi::document(&source.load()?),
        };
        writeln!(stdout().lock(), "{document:#}")?;
        Ok(ExitCode::SUCCESS)
    }
}
