//! A connection with one deadline for all reads and writes, however slowly the other side sends.

use super::timed_out;
use crate::{effect::Failure, gate::Checkpoint};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// One deadline for resolving, connecting, sending and receiving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until(Instant);

impl Until {
    pub(super) fn after(timeout: Duration, gate: &Checkpoint<'_>) -> Until {
        Until::within(timeout.min(gate.remaining().unwrap_or(Duration::MAX)))
    }

    pub(super) fn within(time: Duration) -> Until {
        let now = Instant::now();
        // A year never overflows.
        let year = Duration::from_secs(31_536_000);
        Until(now.checked_add(time.min(year)).unwrap_or(now))
    }

    pub(super) fn moment(self) -> Instant {
        self.0
    }

    /// The time left, never zero.
    pub(super) fn left(self, what: &str) -> Result<Duration, Failure> {
        self.left_or_late().map_err(|_| timed_out(what))
    }

    pub(super) fn left_or_late(self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
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
            let left = Some(self.until.left_or_late()?);
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
            let left = Some(self.until.left_or_late()?);
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
