//! What the page calls: it asks for room, writes an input there, calls a function, and reads the output as UTF-8. No
//! address outlives the next call, since inputs move when they grow.

use crate::Answer;
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Buffers {
    /// The request or transcript.
    text: Vec<u8>,
    plugin: Vec<u8>,
    output: Vec<u8>,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers {
    text: Vec::new(),
    plugin: Vec::new(),
    output: Vec::new(),
});

fn buffers() -> MutexGuard<'static, Buffers> {
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where to write a text of this length; null if there is no room.
#[unsafe(no_mangle)]
extern "C" fn text_room(length: usize) -> *mut u8 {
    room(&mut buffers().text, length)
}

/// Where to write a plugin of this length; null if there is no room.
#[unsafe(no_mangle)]
extern "C" fn plugin_room(length: usize) -> *mut u8 {
    room(&mut buffers().plugin, length)
}

/// Observes by the request in the text, and returns the length of the output.
#[unsafe(no_mangle)]
extern "C" fn observe() -> usize {
    answer(crate::observe)
}

/// Replays the transcript in the text, and returns the length of the output.
#[unsafe(no_mangle)]
extern "C" fn replay() -> usize {
    answer(crate::replay)
}

/// Where the output is.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    buffers().output.as_ptr()
}

fn room(buffer: &mut Vec<u8>, length: usize) -> *mut u8 {
    buffer.clear();
    if buffer.try_reserve_exact(length).is_err() {
        return std::ptr::null_mut();
    }
    buffer.resize(length, 0);
    buffer.as_mut_ptr()
}

fn answer(function: fn(&[u8], &[u8]) -> Result<Answer, String>) -> usize {
    let mut buffers = buffers();
    let answer = function(&buffers.text, &buffers.plugin).unwrap_or_else(|error| Answer {
        error: Some(error),
        refused: true,
        ..Answer::default()
    });
    buffers.output = serde_json::to_vec(&answer).unwrap_or_default();
    buffers.output.len()
}
