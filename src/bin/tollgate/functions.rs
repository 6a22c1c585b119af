//! `tollgate inspect --functions` and `--at`: the functions of a module, and the source of an instruction.

use crate::{
    Exit, Failure,
    args::InspectArgs,
    output::{print, print_line},
};
use tollgate::inspect::{Function, Symbols};

/// Prints the functions, or the place that was asked for.
pub fn run(args: &InspectArgs, module: &[u8]) -> Result<Exit, Failure> {
    let symbols = Symbols::new(module);
    match args.at {
        Some(offset) => at(args, &symbols, offset),
        None => list(args, &symbols),
    }
}

fn list(args: &InspectArgs, symbols: &Symbols) -> Result<Exit, Failure> {
    let functions: Vec<Function> = symbols.functions().collect();
    if args.json {
        return print(&functions, args.format);
    }
    let widths = functions
        .iter()
        .map(|function| function.size.to_string().len());
    let width = widths.max().unwrap_or(0).max("size".len());
    print_line(format_args!("{:>width$}  function", "size"))?;
    for Function {
        name,
        size,
        file,
        line,
        ..
    } in &functions
    {
        match (file, line) {
            (Some(file), Some(line)) => {
                print_line(format_args!("{size:>width$}  {name}   {file}:{line}"))?
            }
            _ => print_line(format_args!("{size:>width$}  {name}"))?,
        };
    }
    Ok(Exit::Success)
}

fn at(args: &InspectArgs, symbols: &Symbols, offset: u64) -> Result<Exit, Failure> {
    let Some(index) = symbols.function_at(offset) else {
        let message = format!("no function of this module contains the offset {offset:#x}");
        return Err(Failure::new(Exit::BadInput, message));
    };
    let backtrace = symbols.backtrace([(index, offset)]);
    if args.json {
        return print(&backtrace, args.format);
    }
    // Texts in it are escaped, so each line is a frame.
    for line in backtrace.to_string().lines() {
        print_line(line)?;
    }
    let source = backtrace.frames.iter().find_map(|frame| {
        let mut lines = symbols.source(frame.file.as_ref()?.as_str())?.lines();
        lines.nth(usize::try_from(frame.line?.checked_sub(1)?).ok()?)
    });
    if let Some(line) = source {
        print_line(format_args!("     | {line}"))?;
    }
    Ok(Exit::Success)
}
