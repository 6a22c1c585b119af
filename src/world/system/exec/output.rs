//! One output of a command: a pipe that is read without ever waiting, and what is kept of it.

use rustix::io::ioctl_fionbio;
use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
};

/// How much is read at a time.
const PIECE: usize = 16 * 1024;

/// How much may still lie in a pipe when nobody writes to it any more; Linux lets nobody but root
/// have larger ones. Somebody who does write to it is not listened to for longer.
const PIPE_SIZE: usize = 1024 * 1024;

/// What is kept of an output: its beginning.
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    limit: usize,
    /// Whether there was a byte that did not fit.
    pub(super) truncated: bool,
}

impl Kept {
    pub(super) fn new(limit: u64) -> Kept {
        Kept {
            bytes: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            truncated: false,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        let mut room = self.limit.saturating_sub(self.bytes.len());
        if self.bytes.try_reserve(piece.len().min(room)).is_err() {
            // What does not fit into the machine's memory is not kept, either.
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
    /// `None` once nobody can write to it any more.
    pub(super) pipe: Option<File>,
    pub(super) kept: Kept,
}

impl Output {
    pub(super) fn new(pipe: Option<OwnedFd>, limit: u64) -> io::Result<Output> {
        if let Some(pipe) = &pipe {
            // Only this end of the pipe: the command's own end goes on waiting as it expects to.
            ioctl_fionbio(pipe, true)?;
        }
        Ok(Output {
            pipe: pipe.map(File::from),
            kept: Kept::new(limit),
        })
    }

    /// Reads one piece of what is there, and says how long it was; 0 if nothing is there now.
    /// What is beyond the limit is read all the same, so that the command need not wait.
    pub(super) fn read(&mut self) -> usize {
        let Some(mut pipe) = self.pipe.as_ref() else {
            return 0;
        };
        let mut piece = [0; PIECE];
        match pipe.read(&mut piece) {
            Ok(count) if count > 0 => {
                self.kept.take(piece.get(..count).unwrap_or_default());
                count
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            // The end, or a pipe that cannot be read, which is as good as one.
            Ok(_) | Err(_) => {
                self.pipe = None;
                0
            }
        }
    }

    /// Reads what is there.
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
    use super::Kept;

    fn keep(limit: u64, pieces: &[&str]) -> (String, bool) {
        let mut kept = Kept::new(limit);
        for piece in pieces {
            kept.take(piece.as_bytes());
        }
        (String::from_utf8(kept.bytes).unwrap(), kept.truncated)
    }

    #[test]
    fn the_beginning_is_kept_and_the_first_byte_too_many_is_told() {
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
