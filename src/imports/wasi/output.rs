//! What a guest prints: collected to lines, made safe to print, and told as log events.

use crate::{
    effect::{Effect, LogLevel, LogRecord, LogSource},
    gate::Gate,
    imports::host::log::{MAX_TEXT, printable},
};

/// So much of a line is waited for. A line is told then, and the rest of it dropped: what is told
/// of it is cut far earlier, and where it is cut must not depend on how the guest writes.
const MAX_LINE: usize = 64 << 10;

/// A stream that is being written.
#[derive(Clone)]
pub(super) struct Stream {
    source: LogSource,
    /// The line so far.
    line: Vec<u8>,
    /// Whether the line was told already and its end is still to come.
    told: bool,
}

impl Stream {
    pub(super) fn new(source: LogSource) -> Stream {
        Stream {
            source,
            line: Vec::new(),
            told: false,
        }
    }

    /// Whether what is written next begins a line.
    pub(super) fn is_at_start(&self) -> bool {
        self.line.is_empty() && !self.told
    }

    pub(super) fn write(&mut self, bytes: &[u8], gate: &mut Gate) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !gate.hears() {
                // As many empty lines as bytes would be made for nobody.
                self.line.clear();
                return;
            }
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if !self.told {
                let room = MAX_LINE.saturating_sub(self.line.len());
                self.line.extend(text.iter().take(room));
                if ended || self.line.len() >= MAX_LINE {
                    self.tell(gate, text.len() <= room);
                    self.told = true;
                }
            }
            if ended {
                self.told = false;
            }
        }
    }

    /// Tells a last line that has no end.
    pub(super) fn finish(&mut self, gate: &mut Gate) {
        if !self.line.is_empty() {
            self.tell(gate, true);
        }
    }

    /// `whole`: as far as is known, nothing of the line was dropped.
    fn tell(&mut self, gate: &mut Gate, whole: bool) {
        let line = std::mem::take(&mut self.line);
        let text = gate.redact_line(self.source, &String::from_utf8_lossy(&line), whole);
        let record = LogRecord {
            level: LogLevel::Info,
            source: self.source,
            message: printable(&text, MAX_TEXT),
            attrs: Vec::new(),
        };
        // Nobody can refuse a line, and there is nothing to answer.
        let _ = gate.pass(&Effect::Log(record));
    }
}
