//! The panic mailbox: the place of the panic message. A panic ends in a trap and cannot return it, so
//! the host reads it from memory.
//! Nothing here allocates, because a panic may come from a heap that is full.

// Outside wasm32 nothing panics into a mailbox but the tests.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

use core::{
    fmt::{self, Write as _},
    panic::Location,
    sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
};

/// The most bytes of the text in a [`Mailbox`]; a longer text is cut.
pub const MAILBOX_TEXT: usize = 2040;

// What is kept free behind the message and behind the place, for what must follow them.
const AFTER_MESSAGE: usize = 512;
const AFTER_PLACE: usize = 160;

/// The address and length of the panic message, and room for it.
///
/// The address of the one mailbox of a module is its exported global
/// [`tollgate_panic`](crate::names::export::PANIC). The host needs only the first two words:
/// pointer and length, each an unsigned 32-bit little-endian number, of
/// [`Evidence`](crate::Evidence) in JSON. Length 0 means that there was no panic.
// Atomics because a static must be `Sync`; the module has one thread, so they are plain memory.
#[repr(C)]
#[derive(Debug)]
pub struct Mailbox {
    ptr: AtomicU32,
    len: AtomicU32,
    text: [AtomicU8; MAILBOX_TEXT],
}

impl Mailbox {
    pub(super) const fn new() -> Mailbox {
        Mailbox {
            ptr: AtomicU32::new(0),
            len: AtomicU32::new(0),
            text: [const { AtomicU8::new(0) }; MAILBOX_TEXT],
        }
    }

    /// Writes the evidence of a panic with this message.
    pub(super) fn post(&self, text: &dyn fmt::Display, place: Option<&Location<'_>>) {
        let mut pen = Pen {
            mailbox: self,
            at: 0,
        };
        pen.literal(r#"{"status":false,"error":{"message":""#);
        pen.escaped(
            MAILBOX_TEXT - AFTER_MESSAGE,
            format_args!("plugin panic: {text}"),
        );
        pen.literal(r#"","type":"panic","code":"""#);
        if let Some(place) = place {
            pen.literal(r#","details":{"at":""#);
            pen.escaped(MAILBOX_TEXT - AFTER_PLACE, format_args!("{place}"));
            pen.literal(r#""}"#);
        }
        pen.literal(r#"},"timestamp":"0001-01-01T00:00:00Z","data":{},"raw":null}"#);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an address has 32 bits in a guest"
        )]
        self.ptr.store(self.text.as_ptr().addr() as u32, Relaxed);
        // Last, so that a panic while the text was formatted leaves an empty mailbox.
        self.len.store(u32::try_from(pen.at).unwrap_or(0), Relaxed);
    }
}

struct Pen<'a> {
    mailbox: &'a Mailbox,
    at: usize,
}

impl Pen<'_> {
    fn literal(&mut self, text: &str) {
        for byte in text.bytes() {
            if let Some(cell) = self.mailbox.text.get(self.at) {
                cell.store(byte, Relaxed);
                self.at += 1;
            }
        }
    }

    /// Writes text as the inside of a JSON string, up to `end`; cut text ends in three dots.
    fn escaped(&mut self, end: usize, text: fmt::Arguments<'_>) {
        if (Escape { pen: self, end }).write_fmt(text).is_err() {
            self.literal("...");
        }
    }
}

struct Escape<'a, 'b> {
    pen: &'a mut Pen<'b>,
    end: usize,
}

impl fmt::Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for symbol in text.chars() {
            // The longest escape has six bytes.
            if self.pen.at + 6 > self.end {
                return Err(fmt::Error);
            }
            match symbol {
                '"' => self.pen.literal("\\\""),
                '\\' => self.pen.literal("\\\\"),
                '\n' => self.pen.literal("\\n"),
                '\0'..'\x20' => {
                    let code = symbol as usize;
                    self.pen
                        .literal(if code < 16 { "\\u000" } else { "\\u001" });
                    self.pen
                        .literal("0123456789abcdef".get(code % 16..=code % 16).unwrap_or("0"));
                }
                _ => self.pen.literal(symbol.encode_utf8(&mut [0; 4])),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Evidence, from_json, host::kinds};
    use alloc::{string::String, vec::Vec};

    fn evidence(mailbox: &Mailbox) -> Evidence {
        let text: Vec<u8> = mailbox.text.iter().map(|cell| cell.load(Relaxed)).collect();
        from_json(&text[..mailbox.len.load(Relaxed) as usize]).unwrap()
    }

    #[test]
    fn a_panic_becomes_evidence() {
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.len.load(Relaxed), 0);
        let place = Location::caller();
        mailbox.post(&"the \"end\"\\ of\nthe\u{1} \u{1f} wörld", Some(place));
        let evidence = evidence(&mailbox);
        assert!(!evidence.status);
        let error = evidence.error.unwrap();
        assert_eq!(error.kind, kinds::PANIC);
        assert_eq!(
            error.message,
            "plugin panic: the \"end\"\\ of\nthe\u{1} \u{1f} wörld"
        );
        let at = error.details.unwrap();
        assert!(at["at"].as_str().unwrap().contains("mailbox.rs:"));
    }

    #[test]
    fn what_does_not_fit_is_cut_between_characters() {
        for text in ["x".repeat(9999), "ü€𝄞".repeat(999), "\u{7}\"".repeat(999)] {
            let mailbox = Mailbox::new();
            mailbox.post(&text, Some(Location::caller()));
            let message = evidence(&mailbox).error.unwrap().message;
            let kept = message
                .strip_prefix("plugin panic: ")
                .unwrap()
                .strip_suffix("...")
                .unwrap();
            assert!(kept.len() > 200 && text.starts_with(kept));
        }
    }

    #[test]
    fn a_panic_without_a_place_is_evidence_too() {
        let mailbox = Mailbox::new();
        mailbox.post(&String::new(), None);
        assert_eq!(evidence(&mailbox).error.unwrap().message, "plugin panic: ");
    }

    #[test]
    fn the_layout_is_pointer_length_text() {
        assert_eq!(core::mem::offset_of!(Mailbox, ptr), 0);
        assert_eq!(core::mem::offset_of!(Mailbox, len), 4);
        assert_eq!(core::mem::size_of::<Mailbox>(), 8 + MAILBOX_TEXT);
    }
}
