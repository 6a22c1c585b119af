//! `tollgate completions`, `tollgate man` and `--version`: the command line describes itself.

use crate::{
    Exit, Failure,
    args::{Args, CompletionsArgs, ManArgs},
    files,
    output::print_text,
};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use tollgate::{Inspection, Limits};

/// The name of the program.
const NAME: &str = "tollgate";

/// Prints the completions for a shell.
pub fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), NAME, &mut script);
    print_text(&script)
}

/// Prints the manual page of the program or of one command, or writes all of them to a directory.
pub fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let mut program = Args::command();
    program.build();
    if let Some(directory) = &args.dir {
        std::fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
        for command in std::iter::once(&program).chain(program.get_subcommands()) {
            let (name, page) = page(&program, command)?;
            let path = directory.join(format!("{name}.1"));
            files::write_whole(&path, &page).map_err(|error| Failure::file(&path, error))?;
        }
        return Ok(Exit::Success);
    }
    let command = match &args.of {
        None => &program,
        Some(name) => program
            .find_subcommand(name)
            .ok_or_else(|| Failure::new(Exit::BadInput, format!("there is no command {name:?}")))?,
    };
    print_text(&page(&program, command)?.1)
}

/// The name of a manual page, and its text.
fn page(program: &Command, command: &Command) -> Result<(String, Vec<u8>), Failure> {
    let (name, command) = match command.get_name() {
        NAME => (NAME.to_owned(), command.clone()),
        // The page of a command has the whole name: `tollgate-observe`.
        name => {
            let name = format!("{NAME}-{name}");
            (name.clone(), command.clone().name(name))
        }
    };
    let version = program.get_version().unwrap_or_default();
    let mut page = Vec::new();
    let manual = Man::new(command)
        .section("1")
        .source(format!("{NAME} {version}"));
    let rendered = manual.render(&mut page);
    rendered.map_err(|error| Failure::new(Exit::BadInput, error.to_string()))?;
    Ok((name, page))
}

/// The lines of `--version`: the program, its engine, and how that goes from one instruction to the next.
pub fn version() -> Vec<String> {
    /// A module without anything.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";
    let mut lines = vec![format!("{NAME} {}", env!("CARGO_PKG_VERSION"))];
    if let Ok(inspection) = Inspection::new(EMPTY, &Limits::default()) {
        lines.push(format!("engine: {}", inspection.engine));
        lines.push(format!("dispatch: {}", inspection.dispatch));
    }
    lines
}
