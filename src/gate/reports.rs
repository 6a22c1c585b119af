//! What an instance reports to the embedder: log lines, denials and, with an audit,
//! granted requests. Each is bounded for each call, and what is left out is counted.

use super::{Event, Observer, Omitted};
use crate::{
    capability::{Capability, Request},
    effect::{Denial, LogRecord},
    limits::Limits,
    sync::{Mutex, MutexGuard, lock},
};
use alloc::{boxed::Box, collections::BTreeSet, string::ToString};
use tollgate_abi::sha256;

/// The average bytes of text for each request that may be reported.
const BYTES_A_REQUEST: u64 = 1024;

/// The reports of one instance.
pub(crate) struct Reports {
    observer: Observer,
    limits: Figures,
    /// What was counted so far. Behind a lock, since worlds share the checkpoint.
    counted: Mutex<Option<Box<Counted>>>,
}

/// The limits of reports.
#[derive(Clone, Copy)]
struct Figures {
    log_lines: u32,
    log_bytes: u32,
    denials: u32,
    audited: u32,
}

impl From<&Limits> for Figures {
    fn from(limits: &Limits) -> Figures {
        Figures {
            log_lines: limits.log_lines,
            log_bytes: limits.log_bytes,
            denials: limits.denials,
            audited: limits.audited,
        }
    }
}

/// What the present call may still report, and what it has left out.
struct Counted {
    lines: Allowance,
    denials: Distinct,
    granted: Distinct,
    omitted: Omitted,
    /// Whether it was reported that no more files may be open.
    open_files: bool,
}

impl Counted {
    fn new(limits: Figures) -> Counted {
        Counted {
            lines: Allowance {
                items: limits.log_lines,
                bytes: limits.log_bytes.into(),
                items_limit: ("Limits::log_lines", limits.log_lines),
                bytes_limit: ("Limits::log_bytes", limits.log_bytes),
                is_spent: false,
            },
            denials: Distinct::new("Limits::denials", limits.denials),
            granted: Distinct::new("Limits::audited", limits.audited),
            omitted: Omitted::default(),
            open_files: false,
        }
    }

    fn too_many_open(&mut self, limit: u32) -> Verdict {
        let known = core::mem::replace(&mut self.open_files, true);
        Verdict::Omit((!known).then(|| Event::LimitReached {
            name: "Limits::open_files",
            limit: limit.into(),
        }))
    }

    fn line(&mut self, bytes: usize) -> Verdict {
        let verdict = self.lines.take(bytes);
        if let Verdict::Omit(_) = verdict {
            self.omitted.log_lines += 1;
        }
        verdict
    }

    fn no_lines(&mut self, lines: u64) -> Verdict {
        self.omitted.log_lines += lines;
        match lines {
            0 => Verdict::Omit(None),
            _ => self.lines.take(0),
        }
    }

    fn denial(&mut self, request: &str, advice: usize) -> Verdict {
        let verdict = self.denials.take(request, advice);
        match verdict {
            Verdict::Report => {}
            Verdict::Repeated => self.omitted.repeated_denials += 1,
            Verdict::Omit(_) => self.omitted.denials += 1,
        }
        verdict
    }

    /// A repeated grant is not counted: nothing is missing without it.
    fn grant(&mut self, request: &str, needs: &str) -> Verdict {
        let verdict = self.granted.take(request, needs.len());
        if let Verdict::Omit(_) = verdict {
            self.omitted.granted += 1;
        }
        verdict
    }
}

/// What to do with a report.
enum Verdict {
    Report,
    /// It was reported before.
    Repeated,
    /// There is no room for it. The first time comes with the event that reports it.
    Omit(Option<Event>),
}

/// How much may still be reported of one kind.
struct Allowance {
    items: u32,
    bytes: u64,
    /// The names and figures of the limits.
    items_limit: (&'static str, u32),
    bytes_limit: (&'static str, u32),
    /// Whether something was left out; all that follows is left out too.
    is_spent: bool,
}

impl Allowance {
    fn take(&mut self, bytes: usize) -> Verdict {
        if self.is_spent {
            return Verdict::Omit(None);
        }
        let items = self.items.checked_sub(1);
        let (items, bytes) = match (items, self.bytes.checked_sub(bytes as u64)) {
            (Some(items), Some(bytes)) => (items, bytes),
            (None, _) => return self.spend(self.items_limit),
            (_, None) => return self.spend(self.bytes_limit),
        };
        (self.items, self.bytes) = (items, bytes);
        Verdict::Report
    }

    fn spend(&mut self, (name, limit): (&'static str, u32)) -> Verdict {
        self.is_spent = true;
        let limit = limit.into();
        Verdict::Omit(Some(Event::LimitReached { name, limit }))
    }
}

/// Requests of which each is reported once.
struct Distinct {
    /// Their digests: 32 bytes each, however long the requests are.
    reported: BTreeSet<[u8; 32]>,
    allowance: Allowance,
}

impl Distinct {
    fn new(name: &'static str, limit: u32) -> Distinct {
        Distinct {
            reported: BTreeSet::new(),
            allowance: Allowance {
                items: limit,
                bytes: u64::from(limit).saturating_mul(BYTES_A_REQUEST),
                items_limit: (name, limit),
                bytes_limit: (name, limit),
                is_spent: false,
            },
        }
    }

    /// `advice` is how many bytes are reported besides.
    fn take(&mut self, request: &str, advice: usize) -> Verdict {
        let digest = sha256::digest(request.as_bytes());
        if self.reported.contains(&digest) {
            return Verdict::Repeated;
        }
        let verdict = self.allowance.take(request.len().saturating_add(advice));
        if let Verdict::Report = verdict {
            self.reported.insert(digest);
        }
        verdict
    }
}

impl Reports {
    pub(crate) fn new(observer: Observer, limits: &Limits) -> Reports {
        Reports {
            observer,
            limits: limits.into(),
            counted: Mutex::default(),
        }
    }

    pub(crate) fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Reports what the call so far has left out, and begins another one.
    pub(crate) fn begin_call(&mut self, plugin: &str, limits: &Limits) {
        self.end_call(plugin);
        *self.counted() = None;
        self.limits = limits.into();
    }

    /// Reports how much was left out, if anything was.
    pub(crate) fn end_call(&self, plugin: &str) {
        let mut counted = self.counted();
        let omitted = counted.as_mut().map(|it| core::mem::take(&mut it.omitted));
        drop(counted);
        if let Some(omitted) = omitted.filter(|omitted| *omitted != Omitted::default()) {
            self.observer.report(plugin, &Event::Omitted(omitted));
        }
    }

    pub(crate) fn log(&self, plugin: &str, record: &LogRecord) {
        if self.admits(plugin, |counted| counted.line(record.text_bytes())) {
            self.observer.report(plugin, &Event::Log(record.clone()));
        }
    }

    /// Counts printed lines that were not collected, since no more are reported.
    pub(crate) fn omit_lines(&self, plugin: &str, lines: u64) {
        self.admits(plugin, |counted| counted.no_lines(lines));
    }

    /// Reports, once for each call, that no more files may be open.
    pub(crate) fn too_many_open(&self, plugin: &str, limit: u32) {
        self.admits(plugin, |counted| counted.too_many_open(limit));
    }

    pub(crate) fn denied(&self, plugin: &str, denial: &Denial) {
        let request = denial.request.as_str();
        let bytes = denial.grants().map(|grant| grant.as_str().len()).sum();
        if self.admits(plugin, |counted| counted.denial(request, bytes)) {
            self.observer.report(plugin, &Event::Denied(denial.clone()));
        }
    }

    /// With an audit, reports a granted request and the smallest grant that allows it.
    pub(crate) fn granted(&self, plugin: &str, request: &Request) {
        self.granted_by(plugin, request, || request.needed());
    }

    /// The same, where another grant than the smallest one is named.
    pub(crate) fn granted_by(
        &self,
        plugin: &str,
        request: &Request,
        grant: impl FnOnce() -> Option<Capability>,
    ) {
        if !self.observer.audit {
            return;
        }
        let needs = grant().map(|grant| grant.to_string());
        let (request, needs) = (request.to_string(), needs.unwrap_or_default());
        if self.admits(plugin, |counted| counted.grant(&request, &needs)) {
            let (request, needs) = (request.into(), needs.into());
            self.observer
                .report(plugin, &Event::Granted { request, needs });
        }
    }

    /// Whether something is reported. The first thing that is not is reported as a warning.
    fn admits(&self, plugin: &str, judge: impl FnOnce(&mut Counted) -> Verdict) -> bool {
        if !self.observer.listens() {
            return false;
        }
        // The lock ends here, before the callback, which may take long.
        let verdict = judge(
            self.counted()
                .get_or_insert_with(|| Box::new(Counted::new(self.limits))),
        );
        if let Verdict::Omit(Some(warning)) = &verdict {
            self.observer.report(plugin, warning);
        }
        matches!(verdict, Verdict::Report)
    }

    fn counted(&self) -> MutexGuard<'_, Option<Box<Counted>>> {
        lock(&self.counted)
    }
}
