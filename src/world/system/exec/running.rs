//! A command that was started: both its outputs and its end are waited for at once, by the thread
//! that asked, and when it is done or its time is up nothing of it stays behind.

use super::{
    super::shares::{Most, Shares},
    output::Output,
    strays,
};
use crate::{effect::CommandOutput, limits::Interrupt};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use std::{
    io,
    os::fd::OwnedFd,
    process::{Child, ExitStatus},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often to look whether the command has ended, where that cannot be waited for.
const TICK: Duration = Duration::from_millis(10);

/// How long a killed command may take to be gone. Only a command that hangs in the kernel takes
/// more than a moment.
const GRACE: Duration = Duration::from_millis(500);

/// A command, the leader of a process group of its own.
pub(super) struct Running {
    /// `None` once it was reaped. Before that its number, which is the group's too, cannot become
    /// somebody else's.
    child: Option<Child>,
    pid: Pid,
    /// Becomes readable when the command ends.
    ended: Option<OwnedFd>,
    stdout: Output,
    stderr: Output,
    /// Whose command it is.
    plugin: Arc<str>,
}

/// Killed commands that do not end. A thread waits for each.
static UNENDING: Shares = Shares::new(Most {
    own: 8,
    all: 64,
    least: 1,
});

/// Whether this plugin may start another command, or how many of those that were killed do not end.
pub(super) fn may_start(plugin: &Arc<str>) -> Result<(), usize> {
    match UNENDING.admits(plugin) {
        true => Ok(()),
        false => Err(UNENDING.own()),
    }
}

impl Running {
    pub(super) fn new(
        mut child: Child,
        output_limit: u64,
        plugin: &Arc<str>,
    ) -> io::Result<Running> {
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let nothing = || Output::new(None, output_limit);
        let mut running = Running {
            pid: Pid::from_child(&child),
            ended: None,
            child: Some(child),
            stdout: nothing()?,
            stderr: nothing()?,
            plugin: plugin.clone(),
        };
        // From here on a failure drops, and so ends, the command.
        running.ended = handle(running.pid);
        running.stdout = Output::new(stdout, output_limit)?;
        running.stderr = Output::new(stderr, output_limit)?;
        Ok(running)
    }

    /// Waits until the command has ended, the time is up or the call is cancelled, and returns how it
    /// ended.
    pub(super) fn watch(
        mut self,
        start: Instant,
        until: Instant,
        interrupt: &Interrupt,
    ) -> io::Result<CommandOutput> {
        let timed_out = loop {
            if self.has_ended()? {
                break false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || interrupt.is_cancelled() {
                break true;
            }
            self.wait(interrupt.slice(left))?;
            // One piece of each, so that no output can keep the other one or the clock waiting.
            self.stdout.read();
            self.stderr.read();
        };
        self.clear(timed_out);
        let status = self.reap();
        let Running { stdout, stderr, .. } = &mut self;
        Ok(CommandOutput {
            exit_code: status
                .filter(|_| !timed_out)
                .and_then(|status| status.code())
                .unwrap_or(-1),
            stdout: std::mem::take(&mut stdout.kept.bytes),
            stderr: std::mem::take(&mut stderr.kept.bytes),
            stdout_truncated: stdout.kept.truncated,
            stderr_truncated: stderr.kept.truncated,
            timed_out,
            duration: start.elapsed(),
        })
    }

    /// Whether the command has ended; it stays to be reaped.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid), options) {
            Ok(status) => Ok(status.is_some()),
            Err(Errno::INTR) => Ok(false),
            // The process ignores SIGCHLD, and the system has reaped the command.
            Err(Errno::CHILD) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until there is output, the command has ended, or some time has passed.
    fn wait(&self, time: Duration) -> io::Result<()> {
        let pipes = [&self.stdout.pipe, &self.stderr.pipe];
        let mut events: Vec<PollFd<'_>> = pipes
            .into_iter()
            .flatten()
            .map(|pipe| PollFd::new(pipe, PollFlags::IN))
            .collect();
        let time = match &self.ended {
            Some(ended) => {
                events.push(PollFd::new(ended, PollFlags::IN));
                time
            }
            None => time.min(TICK),
        };
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut events, Some(&time)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends what the command has left running, or the command itself with all that belongs to it,
    /// and takes the last of the output.
    fn clear(&mut self, timed_out: bool) {
        if timed_out {
            // While the command lives, what it started can be told by its descent. Stopped, it
            // starts no more.
            self.signal_group(Signal::STOP);
            strays::kill_family(self.pid);
        }
        self.signal_group(Signal::KILL);
        self.stdout.drain();
        self.stderr.drain();
        let open: Vec<_> = [&self.stdout.pipe, &self.stderr.pipe]
            .into_iter()
            .flatten()
            .collect();
        if !open.is_empty() {
            strays::kill_holders(&open);
        }
        // Whoever still holds the other ends writes to nobody.
        self.stdout.pipe = None;
        self.stderr.pipe = None;
    }

    fn signal_group(&self, signal: Signal) {
        // It fails if nobody is left in the group.
        let _ = kill_process_group(self.pid, signal);
    }

    /// Takes the command's end from the system, so that no zombie stays.
    fn reap(&mut self) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        let until = Instant::now().checked_add(GRACE)?;
        while !self.has_ended().unwrap_or(true) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.wait(left).is_err() {
                // It hangs in the kernel and dies when that lets go of it; nobody waits for it
                // here, but somebody must.
                let share = UNENDING.note(&self.plugin);
                let reaper = thread::Builder::new().name("tollgate-reap".into());
                let _ = reaper.spawn(move || {
                    let _share = share;
                    child.wait()
                });
                return None;
            }
        }
        child.wait().ok()
    }
}

/// A command that is given up, because it cannot be watched, ends too.
impl Drop for Running {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.clear(true);
            self.reap();
        }
    }
}

/// Something that becomes readable when the process ends. Old kernels have no such thing.
#[cfg(target_os = "linux")]
fn handle(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn handle(_: Pid) -> Option<OwnedFd> {
    None
}
