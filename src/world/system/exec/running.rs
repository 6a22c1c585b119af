//! A running command. The calling thread waits for its outputs and its end at once. When it has ended
//! or its time is up, all its processes are killed.

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

/// How often to check whether the command has ended, where the system offers no descriptor for it.
const TICK: Duration = Duration::from_millis(10);

/// How long to wait for the end of a killed command. Only one that hangs in the kernel takes so long.
const GRACE: Duration = Duration::from_millis(500);

/// A command, the leader of a process group of its own.
pub(super) struct Running {
    /// `None` after it was reaped. Before that its process id, which is also that of its group, is
    /// not reused.
    child: Option<Child>,
    pid: Pid,
    /// Becomes readable when the command ends.
    ended: Option<OwnedFd>,
    stdout: Output,
    stderr: Output,
    /// The plugin that runs it.
    plugin: Arc<str>,
}

/// Killed commands that have not ended. A thread waits for each.
static UNENDING: Shares = Shares::new(Most {
    own: 8,
    all: 64,
    least: 1,
});

/// Checks whether this plugin may start another command. The error is the limit on its killed commands
/// that have not ended.
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
        // An error from here on drops the command, which kills it.
        running.ended = pidfd(running.pid);
        running.stdout = Output::new(stdout, output_limit)?;
        running.stderr = Output::new(stderr, output_limit)?;
        Ok(running)
    }

    /// Waits until the command has ended, its time is up or the call is cancelled.
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
            // One piece of each, so that neither output can delay the other or the deadline.
            self.stdout.read();
            self.stderr.read();
        };
        self.kill_all(timed_out);
        let status = self.reap();
        let Running { stdout, stderr, .. } = &mut self;
        Ok(CommandOutput {
            exit_code: status
                .filter(|_| !timed_out)
                .and_then(|status| status.code())
                .unwrap_or(-1),
            stdout: std::mem::take(&mut stdout.beginning.bytes),
            stderr: std::mem::take(&mut stderr.beginning.bytes),
            stdout_truncated: stdout.beginning.truncated,
            stderr_truncated: stderr.beginning.truncated,
            timed_out,
            duration: start.elapsed(),
        })
    }

    /// Whether the command has ended. It is not reaped.
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

    /// Kills all processes of the command and reads the rest of its output.
    fn kill_all(&mut self, timed_out: bool) {
        if timed_out {
            // While the command runs, its descendants can be found. Stopped, it starts no more.
            self.signal_group(Signal::STOP);
            strays::kill_descendants(self.pid);
        }
        self.signal_group(Signal::KILL);
        self.stdout.drain();
        self.stderr.drain();
        let open: Vec<_> = [&self.stdout.pipe, &self.stderr.pipe]
            .into_iter()
            .flatten()
            .collect();
        if !open.is_empty() {
            strays::kill_writers(&open);
        }
        // Writes to these pipes fail from now on.
        self.stdout.pipe = None;
        self.stderr.pipe = None;
    }

    fn signal_group(&self, signal: Signal) {
        // It fails if the group has no process left.
        let _ = kill_process_group(self.pid, signal);
    }

    /// Reaps the command, so that it does not stay as a zombie.
    fn reap(&mut self) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        let until = Instant::now().checked_add(GRACE)?;
        while !self.has_ended().unwrap_or(true) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.wait(left).is_err() {
                // It hangs in the kernel. A thread reaps it later.
                let share = UNENDING.count(&self.plugin);
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

/// A command that cannot be waited for is killed.
impl Drop for Running {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill_all(true);
            self.reap();
        }
    }
}

/// A descriptor that becomes readable when the process ends. Old kernels have none.
#[cfg(target_os = "linux")]
fn pidfd(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_: Pid) -> Option<OwnedFd> {
    None
}
