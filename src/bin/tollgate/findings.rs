//! The findings of `tollgate check`, printed as text or JSON. Their number is limited; the rest is
//! only counted.

use crate::{
    Exit, Failure, args::CheckFormat, output::print_line_in, print_json, print_line,
    terminal::Style,
};
use serde::Serialize;
use tollgate::{Error, printable::counted};

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The plugin works, but should be changed.
    Warning,
    /// A host rejects the plugin, or gets no result.
    Error,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: Severity,
    /// The name of the check.
    check: &'static str,
    message: String,
    fix: String,
}

#[derive(Debug, Serialize)]
struct Report {
    plugin: String,
    /// Whether there are only notes.
    ok: bool,
    findings: Vec<Finding>,
    /// The number of omitted findings.
    more: usize,
}

/// The most findings of one severity that are listed. A module can have one for each import.
const MOST: usize = 100;

#[derive(Default)]
pub struct Findings {
    listed: Vec<Finding>,
    /// The number of findings of each severity, omitted ones included.
    notes: usize,
    warnings: usize,
    errors: usize,
}

impl Findings {
    pub fn add(
        &mut self,
        severity: Severity,
        check: &'static str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let count = self.count(severity);
        *count += 1;
        if *count <= MOST {
            self.listed.push(Finding {
                severity,
                check,
                message: message.into(),
                fix: fix.into(),
            });
        }
    }

    fn count(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Note => &mut self.notes,
            Severity::Warning => &mut self.warnings,
            Severity::Error => &mut self.errors,
        }
    }

    /// Adds that the plugin returned no result.
    pub fn failed(&mut self, check: &'static str, error: &Error) {
        let fix = "run `tollgate observe` with a valid config to see where it stops";
        self.add(Severity::Error, check, error.report(), fix);
    }

    /// Prints the findings, the most severe ones first.
    pub fn report(self, name: &str, format: CheckFormat) -> Result<Exit, Failure> {
        let Findings {
            listed: mut findings,
            notes,
            warnings,
            errors,
        } = self;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let worst = findings.first().map(|finding| finding.severity);
        let exit = match worst {
            Some(Severity::Error) => Exit::PluginFailed,
            Some(Severity::Warning) => Exit::CheckFailed,
            Some(Severity::Note) | None => Exit::Success,
        };
        let report = Report {
            plugin: name.to_owned(),
            ok: worst < Some(Severity::Warning),
            more: notes + warnings + errors - findings.len(),
            findings,
        };
        let counts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
        let counts = counts.map(|(count, noun)| counted(count, noun)).join(", ");
        match format {
            CheckFormat::Text => print_text(&report, &counts)?,
            CheckFormat::Json => {
                print_json(&serde_json::to_string(&report).unwrap_or_default())?;
            }
        }
        Ok(exit)
    }
}

/// Prints a line for each finding, one for its fix, and the counts.
fn print_text(report: &Report, counts: &str) -> Result<(), Failure> {
    for finding in &report.findings {
        let (severity, style) = match finding.severity {
            Severity::Note => ("note", Style::Plain),
            Severity::Warning => ("warning", Style::Warning),
            Severity::Error => ("error", Style::Error),
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
    print_line(format_args!("{}: {counts}", report.plugin))?;
    Ok(())
}
