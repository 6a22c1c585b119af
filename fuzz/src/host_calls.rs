//! Host functions of both dialects, called with anything, in a world that answers anything.

use crate::{
    driver::{self, Arg, Call, DATA, JSON, MOST_DATA, SLOTS, WASI},
    input::Input,
    modules::ask_everything,
    run::runtime,
    world::Seen,
};

/// Some JSON requests, one after the other.
pub fn host_functions(data: &[u8]) {
    let mut input = Input(data);
    let mut memory = Vec::new();
    let count = input.byte() % 5 + 1;
    let calls: Vec<Call> = (0..count).map(|_| json(&mut input, &mut memory)).collect();
    make(&calls, &memory, input.0);
}

/// Some calls of preview 1, one after the other.
pub fn wasi_calls(data: &[u8]) {
    let mut input = Input(data);
    let memory = input.block();
    let count = input.byte() % 12 + 1;
    let calls: Vec<Call> = (0..count).map(|_| wasi(&mut input)).collect();
    make(&calls, memory, input.0);
}

/// Some calls of either kind, the memory they are about, and what is left.
pub fn mixed(data: &[u8]) -> (Vec<Call>, Vec<u8>, &[u8]) {
    let mut input = Input(data);
    let mut memory = input.block().to_vec();
    let count = input.byte() % 8 + 1;
    let calls = (0..count)
        .map(|_| match input.byte() % 2 {
            0 => json(&mut input, &mut memory),
            _ => wasi(&mut input),
        })
        .collect();
    memory.truncate(MOST_DATA);
    (calls, memory, input.0)
}

fn json(input: &mut Input<'_>, memory: &mut Vec<u8>) -> Call {
    // One more than there are: the log, which answers nothing.
    let function = usize::from(input.byte()) % (JSON.len() + 1);
    let request = input.block();
    let at = u64::from(DATA) + memory.len() as u64;
    let packed = match request {
        // A range that need not lie in the memory.
        [0xFF, range @ ..] if range.len() == 8 => Input(range).number::<8>(),
        request => at << 32 | request.len() as u64,
    };
    memory.extend_from_slice(request);
    Call {
        function,
        args: vec![Arg::Number(packed)],
    }
}

fn wasi(input: &mut Input<'_>) -> Call {
    let which = usize::from(input.byte()) % WASI.len();
    let (_, params) = WASI[which];
    Call {
        function: JSON.len() + 1 + which,
        args: params.chars().map(|_| argument(input)).collect(),
    }
}

fn argument(input: &mut Input<'_>) -> Arg {
    let choice = input.byte();
    Arg::Number(match choice % 8 {
        0 => u64::from(choice / 8),
        1 => input.number::<1>(),
        2 => input.number::<4>(),
        3 => input.number::<8>(),
        // Somewhere in the plugin's data.
        4 => u64::from(DATA) + input.number::<1>(),
        5 => u64::from(DATA) + input.number::<2>(),
        6 => u64::from(SLOTS) + u64::from(choice / 8 % 16) * 8,
        // What an earlier call gave, such as a descriptor.
        _ => return Arg::Slot(choice / 8),
    })
}

fn make(calls: &[Call], memory: &[u8], replies: &[u8]) {
    let module = driver::plugin(calls, &memory[..memory.len().min(MOST_DATA)]);
    let seen = Seen::default();
    let runtime = runtime(replies, &seen);
    let plugin = runtime
        .load("fuzzed", &module)
        .expect("the driver is a plugin");
    ask_everything(&plugin, &seen);
}
