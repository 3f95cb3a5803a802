//! `tributary man`: the manual page, on stdout; of a command, or of the program with all of them.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use super::{BadUsage, Cli};
use crate::config::nearest::hint;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tributary man | man -l -
  tributary man report > /usr/local/share/man/man1/tributary-report.1")]
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
                let unknown = || {
                    let help = hint(name, program.get_subcommands().map(clap::Command::get_name));
                    BadUsage(format!("there is no command `{name}`; {help}"))
                };
                program.find_subcommand(name).cloned().ok_or_else(unknown)?
            }
        };
        stdout().lock().write_all(page(command)?.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn page(mut command: clap::Command) -> anyhow::Result<String> {
    let after = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    // Lines of examples must stay lines: what follows the help is written here.
    command = command.after_help(None::<&str>).after_long_help(None::<&str>);
    let mut page = Vec::new();
    Page::new(command).render(&mut page)?;
    let mut text = String::from_utf8(page)?;
    if let Some(after) = after {
        text.push_str(".SH NOTES AND EXAMPLES\n.nf\n");
        after
            .lines()
            .for_each(|line| text.push_str(&format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-"))));
        text.push_str(".fi\n");
    }
    Ok(text.chars().map(ascii).collect())
}

/// What every formatter understands, whatever it takes the text's encoding for.
fn ascii(c: char) -> String {
    if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) }
}
