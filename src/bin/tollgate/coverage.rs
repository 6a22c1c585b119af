//! `tollgate coverage`: what of a plugin ran.

use crate::{
    Exit, Failure,
    look::{LookArgs, percent, short},
    pages,
};
use clap::Args as ClapArgs;
use std::{collections::BTreeMap, path::PathBuf};
use tollgate::{
    inspect::{Coverage, Covered, FileCoverage, Symbols},
    printable::counted,
    replay::Replay,
};

#[derive(ClapArgs)]
pub struct CoverageArgs {
    #[command(flatten)]
    look: LookArgs,
    /// Write the lines, functions and branches to this file, as lcov, genhtml and editors read them
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    /// Write pages with the source to this directory
    #[arg(long, value_name = "DIR")]
    html: Option<PathBuf>,
    /// Write all that is known to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where source files are that the module does not hold
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
}

pub fn run(args: &CoverageArgs) -> Result<Exit, Failure> {
    let mut coverage = Coverage::default();
    let mut module = Vec::new();
    args.look.each(Replay::coverage, |seen, bytes| {
        if !coverage.add(&seen) {
            let message =
                "the recordings are of different plugins; look into those of one at a time";
            return Err(Failure::new(Exit::BadInput, message));
        }
        module = bytes.to_vec();
        Ok(())
    })?;
    if let Some(path) = &args.lcov {
        args.look.write(&lcov(&coverage), Some(path))?;
    }
    if let Some(path) = &args.json {
        let json = serde_json::to_string(&coverage).unwrap_or_default();
        args.look.write(&json, Some(path))?;
    }
    if let Some(directory) = &args.html {
        std::fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
        let symbols = Symbols::new(&module);
        for (name, page) in pages::all(&coverage, &symbols, args.source.as_deref()) {
            args.look.write(&page, Some(&directory.join(name)))?;
        }
    }
    args.look.write(&summary(&coverage), None)
}

/// The lines of one file.
pub fn lines_of(file: &FileCoverage) -> Covered {
    let mut lines = Covered::default();
    lines.all = file.lines.len() as u64;
    lines.ran = file.lines.iter().filter(|line| line.count > 0).count() as u64;
    lines
}

/// What is printed of it.
pub fn summary(coverage: &Coverage) -> String {
    let mut text = format!("coverage of {}\n", counted(coverage.runs, "run"));
    let totals = &coverage.totals;
    let row = |Covered { ran, all, .. }: Covered, name: &str| {
        format!(
            "{ran:>8} of {all:>8}  {:>5.1} %  {name}\n",
            percent(ran, all)
        )
    };
    text.push_str(&row(totals.functions, "functions"));
    text.push_str(&row(totals.blocks, "blocks"));
    text.push_str(&row(totals.branches, "branches, both ways"));
    if totals.lines.all == 0 {
        text.push_str("no lines: the module has no debug information\n");
        return text;
    }
    text.push_str(&row(totals.lines, "lines"));
    for file in &coverage.files {
        text.push_str(&row(lines_of(file), &format!("  {}", short(&file.name))));
    }
    text
}

/// The tracefile of lcov: see `man geninfo`.
pub fn lcov(coverage: &Coverage) -> String {
    let mut text = String::new();
    for file in &coverage.files {
        text.push_str(&format!("TN:\nSF:{}\n", file.name));
        let own = coverage.functions.iter().filter(|function| {
            function.file.as_ref() == Some(&file.name) && function.line.is_some()
        });
        let (mut all, mut ran) = (0, 0);
        // Names must be unique in a file.
        let mut named: BTreeMap<String, u32> = BTreeMap::new();
        for function in own {
            let mut name = short(&function.name);
            let times = named.entry(name.clone()).or_default();
            *times += 1;
            if *times > 1 {
                name.push_str(&format!(" ({times})"));
            }
            let line = function.line.unwrap_or_default();
            text.push_str(&format!(
                "FN:{line},{name}\nFNDA:{},{name}\n",
                function.calls
            ));
            all += 1;
            ran += u64::from(function.calls > 0);
        }
        text.push_str(&format!("FNF:{all}\nFNH:{ran}\n"));
        let (mut all, mut ran) = (0, 0);
        // The branches of each line have numbers.
        let mut numbers: BTreeMap<u32, u64> = BTreeMap::new();
        for branch in coverage.functions.iter().flat_map(|it| &it.branches) {
            let Some(line) = branch
                .line
                .filter(|_| branch.file.as_ref() == Some(&file.name))
            else {
                continue;
            };
            let number = numbers.entry(line).or_default();
            let was_reached = branch.taken + branch.not_taken > 0;
            for (way, times) in [branch.taken, branch.not_taken].into_iter().enumerate() {
                let times_text = match was_reached {
                    true => times.to_string(),
                    false => "-".to_owned(),
                };
                text.push_str(&format!("BRDA:{line},{number},{way},{times_text}\n"));
                all += 1;
                ran += u64::from(times > 0);
            }
            *number += 1;
        }
        text.push_str(&format!("BRF:{all}\nBRH:{ran}\n"));
        for line in &file.lines {
            text.push_str(&format!("DA:{},{}\n", line.line, line.count));
        }
        let lines = lines_of(file);
        text.push_str(&format!(
            "LF:{}\nLH:{}\nend_of_record\n",
            lines.all, lines.ran
        ));
    }
    text
}
