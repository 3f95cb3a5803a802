//! `tributary man`: the manual page, on stdout; of a command, or of the program with all of them.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use super::{BadUsage, Cli};

#[derive(Debug, Args)]
pub struct Man {
    /// Of one command
    command: Option<String>,
}

impl Man {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut program = Cli::command();
        program.build();
        let command = match &self.command {
            None => program,
            Some(name) => {
                let found = program.find_subcommand(name).cloned();
                found.ok_or_else(|| BadUsage(format!("there is no command `{name}`")))?
            }
        };
        let mut page = Vec::new();
        Page::new(command).render(&mut page)?;
        stdout().lock().write_all(&page)?;
        Ok(ExitCode::SUCCESS)
    }
}
