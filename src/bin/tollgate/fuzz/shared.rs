//! What the threads of a campaign share. They exchange what is new only where all of them meet, after so many
//! runs of each, and in the order of their numbers: what they do depends on no clock.

use super::{
    args::FuzzArgs,
    findings::{Finding, Findings},
};
use crate::{
    Failure,
    output::{say, say_over},
};
use std::{
    io::{self, IsTerminal as _},
    sync::{
        Arc, Barrier, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Runs of each thread between two meetings.
pub const RUNS_TO_MEETING: u64 = 8192;

/// Inputs that a thread kept, for the others.
type News = Vec<Arc<[u8]>>;

pub struct Shared<'a> {
    pub args: &'a FuzzArgs,
    barrier: Barrier,
    start: Instant,
    end: Option<Instant>,
    /// Whether all end at the next meeting.
    over: AtomicBool,
    pub runs: AtomicU64,
    news: Mutex<Vec<News>>,
    pending: Mutex<Vec<Vec<Finding>>>,
    pub findings: Mutex<Findings<'a>>,
    /// The second of the last line of progress.
    shown: AtomicU64,
    /// Why it cannot go on.
    pub failure: Mutex<Option<Failure>>,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Shared<'a> {
    pub fn new(args: &'a FuzzArgs, findings: Findings<'a>) -> Shared<'a> {
        let jobs = usize::from(args.jobs);
        let start = Instant::now();
        Shared {
            args,
            barrier: Barrier::new(jobs),
            start,
            end: args
                .seconds
                .and_then(|seconds| start.checked_add(Duration::from_secs(seconds))),
            over: AtomicBool::new(false),
            runs: AtomicU64::new(0),
            news: Mutex::new(vec![News::new(); jobs]),
            pending: Mutex::new((0..jobs).map(|_| Vec::new()).collect()),
            findings: Mutex::new(findings),
            shown: AtomicU64::new(0),
            failure: Mutex::new(None),
        }
    }

    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Prints a line each few seconds; on a terminal in place of the one before, each second.
    pub fn show_progress(&self, edges: usize, corpus: usize) {
        let terminal = io::stderr().is_terminal();
        let (elapsed, interval) = (
            self.start.elapsed().as_secs(),
            if terminal { 1 } else { 10 },
        );
        if elapsed < self.shown.load(Ordering::Relaxed) + interval {
            return;
        }
        self.shown.store(elapsed, Ordering::Relaxed);
        let runs = self.runs.load(Ordering::Relaxed);
        let findings = lock(&self.findings).listed.len();
        let line = format!(
            "{elapsed} s: {runs} runs, {} a second, {edges} edges, {corpus} inputs, {findings} findings",
            runs / elapsed.max(1)
        );
        match terminal {
            true => say_over(format_args!("{line}")),
            false => say(format_args!("{line}")),
        }
    }

    pub fn time_is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Makes all threads end when they meet next.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub fn fail(&self, failure: Failure) {
        lock(&self.failure).get_or_insert(failure);
        self.end();
    }

    /// Hands in what a thread found since the last meeting.
    pub fn report(&self, job: usize, finding: Finding) {
        if self.args.jobs == 1 {
            self.add([finding]);
        } else if let Some(pending) = lock(&self.pending).get_mut(job) {
            pending.push(finding);
        }
        if self.args.first {
            self.end();
        }
    }

    fn add(&self, new: impl IntoIterator<Item = Finding>) {
        let mut findings = lock(&self.findings);
        for finding in new {
            if let Err(failure) = findings.add(finding) {
                self.fail(failure);
            }
        }
    }

    /// Waits for all threads. Returns what the others have, or `None` if this was the last meeting.
    pub fn meet(&self, job: usize, news: News) -> Option<News> {
        if let Some(mine) = lock(&self.news).get_mut(job) {
            *mine = news;
        }
        if self.barrier.wait().is_leader() {
            let pending: Vec<Finding> = lock(&self.pending)
                .iter_mut()
                .flat_map(std::mem::take)
                .collect();
            self.add(pending);
        }
        self.barrier.wait();
        let over = self.over.load(Ordering::SeqCst);
        let lists = lock(&self.news);
        let others = lists.iter().enumerate().filter(|(of, _)| *of != job);
        let others = others.flat_map(|(_, list)| list.iter().cloned()).collect();
        drop(lists);
        // Nobody begins a new list before all have read the old ones.
        self.barrier.wait();
        (!over).then_some(others)
    }
}
