//! A connection with one deadline for all reads and writes, however slowly the other side sends.

use super::timed_out;
use crate::{effect::Failure, gate::Checkpoint, limits::Interrupt};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

/// One deadline for resolving, connecting, sending and receiving.
#[derive(Clone, Debug)]
pub(super) struct Until {
    moment: Instant,
    /// What may end it before that.
    interrupt: Interrupt,
    /// The plugin that waits.
    plugin: Arc<str>,
}

impl Until {
    pub(super) fn after(timeout: Duration, gate: &Checkpoint<'_>) -> Until {
        let time = timeout.min(gate.remaining().unwrap_or(Duration::MAX));
        Until::new(time, gate.interrupt().clone(), gate.plugin().clone())
    }

    #[cfg(test)]
    pub(super) fn within(time: Duration, plugin: &Arc<str>) -> Until {
        Until::new(time, Interrupt::default(), plugin.clone())
    }

    fn new(time: Duration, interrupt: Interrupt, plugin: Arc<str>) -> Until {
        let now = Instant::now();
        // A year never overflows.
        let year = Duration::from_secs(31_536_000);
        Until {
            moment: now.checked_add(time.min(year)).unwrap_or(now),
            interrupt,
            plugin,
        }
    }

    /// The time left, never zero.
    pub(super) fn left(&self, what: &str) -> Result<Duration, Failure> {
        self.left_or_late().map_err(|_| timed_out(what))
    }

    /// The time left, never zero; a cancelled call has none.
    pub(super) fn left_or_late(&self) -> io::Result<Duration> {
        let left = self.moment.saturating_duration_since(Instant::now());
        if left.is_zero() || self.interrupt.is_cancelled() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }

    /// How long to wait before the time left is asked for again, never zero.
    pub(super) fn slice(&self) -> io::Result<Duration> {
        Ok(self.interrupt.slice(self.left_or_late()?))
    }

    /// The plugin that waits.
    pub(super) fn plugin(&self) -> &Arc<str> {
        &self.plugin
    }

    /// Whether the call may be cancelled meanwhile, so that nothing may block for long.
    pub(super) fn may_be_cancelled(&self) -> bool {
        self.interrupt.can_be_cancelled()
    }
}

/// A TCP connection with a deadline.
#[derive(Debug)]
pub(super) struct Timed {
    stream: TcpStream,
    until: Until,
}

impl Timed {
    pub(super) fn new(stream: TcpStream, until: Until) -> Timed {
        Timed { stream, until }
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = Some(self.until.slice()?);
            tolerate(self.stream.set_read_timeout(left))?;
            match self.stream.read(buffer) {
                Err(error) if is_retried(&error) => {}
                done => return done,
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let left = Some(self.until.slice()?);
            tolerate(self.stream.set_write_timeout(left))?;
            match self.stream.write(bytes) {
                Err(error) if is_retried(&error) => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// macOS refuses to set timeouts after the other side has closed, though its data can still be read.
/// Nothing blocks on such a connection.
fn tolerate(set: io::Result<()>) -> io::Result<()> {
    match set {
        Err(error) if cfg!(target_os = "macos") && error.kind() == io::ErrorKind::InvalidInput => {
            Ok(())
        }
        set => set,
    }
}

/// Whether to retry until the deadline: timers may fire early.
fn is_retried(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
