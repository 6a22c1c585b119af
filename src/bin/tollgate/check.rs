//! `tollgate check`: lints a plugin, and prints the findings as text or JSON.

use crate::{
    Exit, Failure,
    args::{self, CheckArgs, CheckFormat},
    output::print_line_in,
    print_json, print_line, read_module,
    terminal::Style,
};
use tollgate::{
    Config,
    lint::{Finding, Report, Severity, lint},
    printable::counted,
};

pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let bytes = read_module(&args.plugin)?;
    let config = args.config.as_ref().map(|json| json.parse::<Config>());
    let config = config
        .transpose()
        .map_err(|error| Failure::new(Exit::BadInput, format!("invalid config: {error}")))?;
    let report = lint(&args::stem(&args.plugin), &bytes, config.as_ref())?;
    match args.format {
        CheckFormat::Text => print_text(&report)?,
        CheckFormat::Json => {
            print_json(&serde_json::to_string(&report).unwrap_or_default())?;
        }
    }
    Ok(match report.worst() {
        Some(Severity::Error) => Exit::PluginFailed,
        Some(Severity::Warning) => Exit::CheckFailed,
        _ => Exit::Success,
    })
}

/// Prints a line for each finding, one for its fix, and the counts.
fn print_text(report: &Report) -> Result<(), Failure> {
    for finding in &report.findings {
        let (severity, style) = match finding.severity {
            Severity::Error => ("error", Style::Error),
            Severity::Warning => ("warning", Style::Warning),
            _ => ("note", Style::Plain),
        };
        let Finding { check, message, .. } = finding;
        print_line_in(style, format_args!("{severity}: {check}: {message}"))?;
        if !finding.fix.is_empty() {
            print_line(format_args!("  fix: {}", finding.fix))?;
        }
    }
    if report.more > 0 {
        print_line(format_args!("and {} more", report.more))?;
    }
    let counts = [
        (report.errors, "error"),
        (report.warnings, "warning"),
        (report.notes, "note"),
    ];
    let counts = counts.map(|(count, noun)| counted(count, noun)).join(", ");
    print_line(format_args!("{}: {counts}", report.plugin))?;
    Ok(())
}
