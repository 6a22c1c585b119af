//! What `tollgate check` finds, and how it is printed: as words or as JSON. How much is kept is
//! bounded, and the rest is counted.

use crate::{Exit, Failure, args::CheckFormat, print_json, print_line};
use serde::Serialize;
use tollgate::Error;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, and whoever runs the plugin will regret it.
    Unwise,
    /// A host would not load it, or not get an answer.
    Refused,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: Severity,
    /// Which check it is, for programs.
    check: &'static str,
    message: String,
    fix: String,
}

#[derive(Debug, Serialize)]
struct Report {
    plugin: String,
    /// Whether there is nothing but notes.
    ok: bool,
    findings: Vec<Finding>,
    /// How many findings are left out.
    more: usize,
}

/// The most findings of one severity that are kept. A module can have as many as it has imports.
const MOST: usize = 100;

#[derive(Default)]
pub struct Findings {
    kept: Vec<Finding>,
    /// How many there are of each severity, with those that are left out.
    notes: usize,
    unwise: usize,
    refused: usize,
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
            self.kept.push(Finding {
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
            Severity::Unwise => &mut self.unwise,
            Severity::Refused => &mut self.refused,
        }
    }

    /// Adds that the plugin did not answer.
    pub fn silent(&mut self, check: &'static str, error: &Error) {
        let fix = "run `tollgate observe` with a config of yours to see where it stops; a panic says so in the message";
        self.add(Severity::Refused, check, error.report(), fix);
    }

    /// Prints the findings, the most severe ones first.
    pub fn report(self, name: &str, format: CheckFormat) -> Result<Exit, Failure> {
        let Findings {
            kept: mut findings,
            notes,
            unwise,
            refused,
        } = self;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let worst = findings.first().map(|finding| finding.severity);
        let exit = match worst {
            Some(Severity::Refused) => Exit::PluginFailed,
            Some(Severity::Unwise) => Exit::CheckFailed,
            Some(Severity::Note) | None => Exit::Success,
        };
        let report = Report {
            plugin: name.to_owned(),
            ok: worst < Some(Severity::Unwise),
            more: notes + unwise + refused - findings.len(),
            findings,
        };
        let counts = format!("{refused} refused, {unwise} unwise, {notes} notes");
        match format {
            CheckFormat::Text => print_words(&report, &counts)?,
            CheckFormat::Json => {
                print_json(&serde_json::to_string(&report).unwrap_or_default())?;
            }
        }
        Ok(exit)
    }
}

/// A line for each finding and one for its fix, and one for how many there are.
fn print_words(report: &Report, counts: &str) -> Result<(), Failure> {
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Unwise => "unwise",
            Severity::Refused => "refused",
        };
        let Finding { check, message, .. } = finding;
        print_line(format_args!("{severity}: {check}: {message}"))?;
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
