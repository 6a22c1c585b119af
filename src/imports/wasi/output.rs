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
    /// Whether a line was begun after the last one that is reported.
    unheard: bool,
}

impl Stream {
    pub(super) fn new(source: LogSource) -> Stream {
        Stream {
            source,
            line: Vec::new(),
            told: false,
            unheard: false,
        }
    }

    /// Whether what is written next begins a line.
    pub(super) fn is_at_start(&self) -> bool {
        self.line.is_empty() && !self.told && !self.unheard
    }

    pub(super) fn write(&mut self, bytes: &[u8], gate: &mut Gate) {
        let mut pieces = bytes.split_inclusive(|byte| *byte == b'\n');
        while let Some(piece) = pieces.next() {
            if !gate.hears() {
                // As many empty lines as bytes would be made for nobody.
                self.line.clear();
                self.unheard = !bytes.ends_with(b"\n");
                let begun = usize::from(self.unheard);
                let more = (1 + pieces.count()).saturating_sub(begun);
                gate.omit_lines(more as u64);
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
        gate.omit_lines(std::mem::take(&mut self.unheard).into());
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
