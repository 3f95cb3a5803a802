//! `tributary completions`: what a shell needs to complete commands and options, on stdout.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;

#[derive(Debug, Args)]
#[command(after_help = "\
Where shells look for them:
  tributary completions bash > ~/.local/share/bash-completion/completions/tributary
  tributary completions zsh > \"${fpath[1]}/_tributary\"
  tributary completions fish > ~/.config/fish/completions/tributary.fish")]
pub struct Completions {
    /// Of which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "tributary", &mut script);
        stdout().lock().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
