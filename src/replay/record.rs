//! Writes a transcript while a plugin runs, line by line.

use super::{
    Sink,
    lines::{BlobLine, EffectLine, End, Header, ReplyBody, Verdict, write_line},
    redacted::Texts,
};
use crate::{
    effect::{Answer, Effect, Reply, json},
    gate::{At, Journal},
};
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use serde::Serialize;

/// The most digests of written bytes that are remembered; beyond it, bytes may be written again.
const MAX_REMEMBERED: usize = 16_384;

/// A recording in progress. It keeps no lines, so its memory is bounded.
pub(super) struct Recorder<S: Sink> {
    sink: S,
    texts: Texts,
    index: u64,
    /// The digests of the large bytes written so far.
    written: BTreeSet<String>,
    /// The first error of the sink.
    failed: Option<S::Error>,
}

impl<S: Sink> Recorder<S> {
    pub(super) fn new(sink: S, texts: Texts, header: &Header) -> Recorder<S> {
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

    /// Writes the last line and returns the sink.
    ///
    /// # Errors
    ///
    /// The first error of the sink, whichever line it occurred at.
    pub(super) fn end(mut self, end: End) -> Result<S, S::Error> {
        self.write(&End {
            effects: self.index,
            ..end
        });
        match self.failed {
            Some(error) => Err(error),
            None => self.sink.finish().map(|()| self.sink),
        }
    }

    fn write(&mut self, line: &impl Serialize) {
        if self.failed.is_some() {
            return;
        }
        let written = match write_line(line) {
            Ok(text) => self.sink.write_line(&text),
            Err(problem) => Err(S::unrecordable(problem)),
        };
        self.failed = written.err();
    }

    /// Writes large bytes, unless they are written already.
    fn write_bytes(&mut self, bytes: &[u8]) {
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

impl<S: Sink<Error: Send> + Send> Journal for Recorder<S> {
    fn answer(&mut self, _: &Effect, _: At) -> Option<Reply> {
        None
    }

    fn note(&mut self, effect: &Effect, reply: &Reply, at: At) {
        let sent = effect.bytes();
        let received = reply.as_ref().map(Answer::bytes).unwrap_or_default();
        let (index, verdict) = (self.index, Verdict::of(reply));
        let (during, fuel) = (at.phase, at.fuel);
        self.index += 1;
        if self.texts.are_redacted() {
            let (effect, large) = self.texts.rewrite(effect, &sent);
            large.iter().for_each(|bytes| self.write_bytes(bytes));
            let (reply, large) = self.texts.rewrite(&ReplyBody::of(reply), &received);
            large.iter().for_each(|bytes| self.write_bytes(bytes));
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
            sent.iter()
                .chain(&received)
                .filter(large)
                .for_each(|bytes| self.write_bytes(bytes));
            let reply = ReplyBody::of(reply);
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

    /// Stops the run when it cannot be recorded.
    fn is_over(&self) -> bool {
        self.failed.is_some()
    }

    fn called_from(&mut self, _: Vec<u32>) {}
}
