//! Writing a transcript while a plugin runs, line by line.

use super::{
    lines::{BlobLine, EffectLine, End, Header, Said, Verdict, write_line},
    redacted::Texts,
};
use crate::{
    effect::{Answer, Effect, Reply, json},
    gate::{At, Journal},
};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    io::{self, Write},
};

/// So many digests of large bytes are remembered; after that, bytes may be written again.
const MAX_REMEMBERED: usize = 16_384;

/// A recording that is being written. It keeps no line, so that its memory is bounded.
pub(super) struct Recorder<W> {
    sink: W,
    texts: Texts,
    index: u64,
    /// The large bytes that were written already.
    written: BTreeSet<String>,
    /// Why the sink takes no more.
    failed: Option<io::Error>,
}

impl<W: Write> Recorder<W> {
    pub(super) fn new(sink: W, texts: Texts, header: &Header) -> Recorder<W> {
        let mut recorder = Recorder {
            sink,
            texts,
            index: 0,
            written: BTreeSet::new(),
            failed: None,
        };
        recorder.write(header);
        recorder
    }

    /// Writes the last line, and gives the sink back.
    ///
    /// # Errors
    ///
    /// The first error of the sink's, at whatever line it was.
    pub(super) fn end(mut self, end: End) -> io::Result<W> {
        self.write(&End {
            effects: self.index,
            ..end
        });
        match self.failed {
            Some(error) => Err(error),
            None => self.sink.flush().map(|()| self.sink),
        }
    }

    fn write(&mut self, line: &impl Serialize) {
        if self.failed.is_some() {
            return;
        }
        let written = write_line(line).and_then(|text| self.sink.write_all(&text));
        self.failed = written.err();
    }

    /// Writes large bytes, unless they are there already.
    fn keep(&mut self, bytes: &[u8]) {
        let digest = json::digest_text(bytes);
        if self.written.contains(&digest) {
            return;
        }
        self.write(&BlobLine {
            blob: &digest,
            content: json::Inline(bytes),
        });
        if self.written.len() >= MAX_REMEMBERED {
            self.written.clear();
        }
        self.written.insert(digest);
    }
}

impl<W: Write + Send> Journal for Recorder<W> {
    fn answer(&mut self, _: &Effect, _: At) -> Option<Reply> {
        None
    }

    fn note(&mut self, effect: &Effect, reply: &Reply, at: At) {
        let asked = effect.bytes();
        let answered = reply.as_ref().map(Answer::bytes).unwrap_or_default();
        let (index, verdict) = (self.index, Verdict::of(reply));
        let (during, fuel) = (at.phase, at.fuel);
        self.index += 1;
        if self.texts.are_redacted() {
            let (effect, large) = self.texts.rewrite(effect, &asked);
            large.iter().for_each(|bytes| self.keep(bytes));
            let (reply, large) = self.texts.rewrite(&Said::of(reply), &answered);
            large.iter().for_each(|bytes| self.keep(bytes));
            self.write(&EffectLine {
                index,
                during,
                fuel,
                effect,
                verdict,
                reply,
            });
        } else {
            let large = |bytes: &&&[u8]| bytes.len() >= json::LARGE;
            asked
                .iter()
                .chain(&answered)
                .filter(large)
                .for_each(|bytes| self.keep(bytes));
            let reply = Said::of(reply);
            self.write(&EffectLine {
                index,
                during,
                fuel,
                effect,
                verdict,
                reply,
            });
        }
    }

    /// A run that cannot be recorded any more need not go on.
    fn is_over(&self) -> bool {
        self.failed.is_some()
    }
}
