//! The findings of a lint. Their number is limited; the rest is only counted.

use crate::error::Error;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde::Serialize;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The plugin works, but should be changed.
    Warning,
    /// A host rejects the plugin, or gets no result.
    Error,
}

/// Something that a host would refuse, or that is risky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How severe it is.
    pub severity: Severity,
    /// The name of the check, such as `contract`.
    pub check: &'static str,
    /// What was found.
    pub message: String,
    /// What to change; empty if nothing must be.
    pub fix: String,
}

/// The findings of one plugin. As JSON it is an object with the plugin's name, `ok`, `findings` and `more`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The name of the plugin.
    pub plugin: String,
    /// Whether there are only notes.
    pub ok: bool,
    /// The findings, the most severe ones first: at most 100 of each severity.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: usize,
    /// How many errors there are, all of them counted.
    #[serde(skip)]
    pub errors: usize,
    /// How many warnings there are, all of them counted.
    #[serde(skip)]
    pub warnings: usize,
    /// How many notes there are, all of them counted.
    #[serde(skip)]
    pub notes: usize,
}

impl Report {
    /// The severity of the most severe finding.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.first().map(|finding| finding.severity)
    }
}

/// The most findings of one severity that are listed. A module can have one for each import.
const MOST: usize = 100;

#[derive(Default)]
pub(super) struct Findings {
    listed: Vec<Finding>,
    /// The number of findings of each severity, omitted ones included.
    notes: usize,
    warnings: usize,
    errors: usize,
}

impl Findings {
    pub(super) fn add(
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
    pub(super) fn failed(&mut self, check: &'static str, error: &Error) {
        let fix = "run `tollgate observe` with a valid config to see where it stops";
        self.add(Severity::Error, check, error.report(), fix);
    }

    /// All findings, the most severe ones first.
    pub(super) fn report(self, plugin: &str) -> Report {
        let Findings {
            listed: mut findings,
            notes,
            warnings,
            errors,
        } = self;
        findings.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
        Report {
            plugin: plugin.to_owned(),
            ok: warnings == 0 && errors == 0,
            more: notes + warnings + errors - findings.len(),
            findings,
            errors,
            warnings,
            notes,
        }
    }
}
