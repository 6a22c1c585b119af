//! What a guest prints: collected to lines, which the gate logs.

use crate::{
    effect::{LogLevel, LogSource},
    gate::{Gate, Line},
};
use alloc::{string::String, vec::Vec};

/// The most bytes of a line that are collected. Then the line is logged, and the rest of it dropped:
/// the log cuts lines far earlier, and where they are cut must not depend on how the guest writes.
const MAX_LINE: usize = 64 << 10;

/// A stream that is being written.
#[derive(Clone)]
pub(crate) struct Stream {
    source: LogSource,
    /// The line so far.
    line: Vec<u8>,
    /// Whether the line is logged already, and its end is still to come.
    logged: bool,
    /// Whether a line was begun after the last one that is reported.
    dropped: bool,
}

impl Stream {
    pub(super) fn new(source: LogSource) -> Stream {
        Stream {
            source,
            line: Vec::new(),
            logged: false,
            dropped: false,
        }
    }

    /// Whether what is written next begins a line.
    pub(super) fn is_at_start(&self) -> bool {
        self.line.is_empty() && !self.logged && !self.dropped
    }

    pub(crate) fn write(&mut self, bytes: &[u8], gate: &mut Gate) {
        let mut pieces = bytes.split_inclusive(|byte| *byte == b'\n');
        while let Some(piece) = pieces.next() {
            if !gate.logs() {
                // Otherwise a guest could make the host build as many empty lines as it has bytes.
                self.line.clear();
                self.dropped = !bytes.ends_with(b"\n");
                let begun = usize::from(self.dropped);
                let more = (1 + pieces.count()).saturating_sub(begun);
                gate.omit_lines(more as u64);
                return;
            }
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if !self.logged {
                let room = MAX_LINE.saturating_sub(self.line.len());
                self.line.extend(text.iter().take(room));
                if ended || self.line.len() >= MAX_LINE {
                    self.log(gate, text.len() <= room);
                    self.logged = true;
                }
            }
            if ended {
                self.logged = false;
            }
        }
    }

    /// Logs a last line that has no end.
    pub(super) fn finish(&mut self, gate: &mut Gate) {
        if !self.line.is_empty() {
            self.log(gate, true);
        }
        gate.omit_lines(core::mem::take(&mut self.dropped).into());
    }

    /// `whole`: as far as is known, nothing of the line was dropped.
    fn log(&mut self, gate: &mut Gate, whole: bool) {
        let line = core::mem::take(&mut self.line);
        gate.log(Line {
            source: self.source,
            level: LogLevel::Info,
            text: &String::from_utf8_lossy(&line),
            whole,
            attrs: Vec::new(),
        });
    }
}
