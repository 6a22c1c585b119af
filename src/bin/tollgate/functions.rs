//! `tollgate inspect --functions` and `--at`: the functions of a module, and the source of an instruction.

use crate::{
    Exit, Failure,
    args::InspectArgs,
    output::{print, print_line},
};
use tollgate::{
    Limits,
    inspect::{Function, Symbols, regions},
};

/// Prints the functions, or the place that was asked for.
pub fn run(args: &InspectArgs, module: &[u8], limits: &Limits) -> Result<Exit, Failure> {
    let symbols = Symbols::new(module);
    match args.at {
        Some(offset) => at(args, &symbols, offset),
        None => list(args, &symbols, module, limits),
    }
}

fn list(
    args: &InspectArgs,
    symbols: &Symbols,
    module: &[u8],
    limits: &Limits,
) -> Result<Exit, Failure> {
    let functions: Vec<Function> = symbols.functions().collect();
    // The module was read within these limits before.
    let regions = regions(module, limits).unwrap_or_default();
    if args.json {
        let mut list = serde_json::to_value(&functions).unwrap_or_default();
        let objects = list.as_array_mut().into_iter().flatten();
        for (function, regions) in objects.zip(&regions) {
            if let Some(function) = function.as_object_mut() {
                function.insert("regions".to_owned(), (*regions).into());
            }
        }
        return print(&list, args.format);
    }
    let width = |title: &str, numbers: &mut dyn Iterator<Item = String>| {
        numbers
            .map(|number| number.len())
            .fold(title.len(), usize::max)
    };
    let sizes = &mut functions.iter().map(|function| function.size.to_string());
    let size_width = width("size", sizes);
    let width = width("regions", &mut regions.iter().map(usize::to_string));
    print_line(format_args!("{:>size_width$}  regions  function", "size"))?;
    let regions = regions.iter().copied().chain(std::iter::repeat(0));
    for (function, regions) in functions.iter().zip(regions) {
        let Function {
            name,
            size,
            file,
            line,
            ..
        } = function;
        let numbers = format!("{size:>size_width$}  {regions:>width$}");
        match (file, line) {
            (Some(file), Some(line)) => {
                print_line(format_args!("{numbers}  {name}   {file}:{line}"))?
            }
            _ => print_line(format_args!("{numbers}  {name}"))?,
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
