//! One output of a command: a pipe that is read without blocking, and the bytes that are kept.

use rustix::io::ioctl_fionbio;
use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
};

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// The most bytes that a pipe can contain; only root may have larger pipes on Linux. More is not read
/// after the end of a command, even if a process still writes to the pipe.
const PIPE_SIZE: usize = 1024 * 1024;

/// The beginning of an output.
pub(super) struct Beginning {
    pub(super) bytes: Vec<u8>,
    limit: usize,
    /// Whether a byte did not fit.
    pub(super) truncated: bool,
}

impl Beginning {
    pub(super) fn new(limit: u64) -> Beginning {
        Beginning {
            bytes: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            truncated: false,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        let mut room = self.limit.saturating_sub(self.bytes.len());
        if self.bytes.try_reserve(piece.len().min(room)).is_err() {
            // There is no memory for more.
            self.limit = self.bytes.len();
            room = 0;
        }
        self.bytes
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.truncated |= piece.len() > room;
    }
}

/// An output that is being read.
pub(super) struct Output {
    /// `None` after its end was read.
    pub(super) pipe: Option<File>,
    pub(super) beginning: Beginning,
}

impl Output {
    pub(super) fn new(pipe: Option<OwnedFd>, limit: u64) -> io::Result<Output> {
        if let Some(pipe) = &pipe {
            // This concerns only the end of this process; writes of the command still block.
            ioctl_fionbio(pipe, true)?;
        }
        Ok(Output {
            pipe: pipe.map(File::from),
            beginning: Beginning::new(limit),
        })
    }

    /// Reads some bytes and returns how many; 0 if there are none now. Bytes beyond the limit are
    /// read and discarded, so that the command does not block.
    pub(super) fn read(&mut self) -> usize {
        let Some(mut pipe) = self.pipe.as_ref() else {
            return 0;
        };
        let mut piece = [0; PIECE];
        match pipe.read(&mut piece) {
            Ok(count) if count > 0 => {
                self.beginning.take(piece.get(..count).unwrap_or_default());
                count
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            // The end. A pipe that cannot be read has ended, too.
            Ok(_) | Err(_) => {
                self.pipe = None;
                0
            }
        }
    }

    /// Reads all that the pipe contains.
    pub(super) fn drain(&mut self) {
        let mut read: usize = 0;
        while read <= PIPE_SIZE {
            match self.read() {
                0 => break,
                count => read = read.saturating_add(count),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Beginning;

    fn keep(limit: u64, pieces: &[&str]) -> (String, bool) {
        let mut kept = Beginning::new(limit);
        for piece in pieces {
            kept.take(piece.as_bytes());
        }
        (String::from_utf8(kept.bytes).unwrap(), kept.truncated)
    }

    #[test]
    fn the_beginning_is_kept_and_the_first_byte_too_many_is_reported() {
        for (limit, pieces, kept, truncated) in [
            (20, &["1234567890"] as &[&str], "1234567890", false),
            (5, &["hello"], "hello", false),
            (5, &["hello", ""], "hello", false),
            (5, &["hello", "!"], "hello", true),
            (5, &["hello world"], "hello", true),
            (5, &["hel", "lo wo", "rld"], "hello", true),
            (0, &[""], "", false),
            (0, &["x"], "", true),
        ] {
            assert_eq!(
                keep(limit, pieces),
                (kept.to_owned(), truncated),
                "{pieces:?}"
            );
        }
    }
}
