//! A test that runs in a process of its own. The process is this test program again, told by a
//! variable what to do; it tells how it ended in one line.

use crate::support::again;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{self, Read as _, Seek as _, Write as _},
    time::Instant,
};

const TASK: &str = "TOLLGATE_TEST_TASK";
const ENDED: &str = "ENDED ";

/// What the kernel keeps the process to.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Bytes of memory that it may write to. Address space alone would count what the allocator
    /// reserves for each thread and never touches.
    pub data: u64,
    /// Seconds on a processor: an attack that hangs is killed, however busy the machine is.
    pub seconds: u64,
}

/// What every attack must live with.
pub const ATTACK: Bounds = Bounds {
    data: 300 << 20,
    seconds: 20,
};

/// How a task ended.
#[derive(Debug)]
pub struct Ended {
    /// What the task told.
    pub outcome: Value,
    /// The most memory that the process had in use, in bytes.
    pub peak: u64,
    /// By how many bytes its memory in use grew at most, the program's own code left out.
    pub grew: u64,
    /// Milliseconds, for whoever wants to know; no test depends on it.
    pub took: u64,
}

/// Runs a task on `input`: the test `the_task` of this module, which is ignored otherwise.
///
/// # Errors
///
/// What the process said if it did not live to tell how it ended.
pub fn run(module: &str, task: &str, input: &[u8]) -> Result<Ended, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    let output = again(module, "the_task")
        .env(TASK, task)
        .stdin(file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once(ENDED));
    let Some((_, told)) = line else {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{task} took its process down ({}):\n{text}{errors}",
            output.status
        ));
    };
    let told: Value = serde_json::from_str(told).unwrap();
    if !output.status.success() {
        return Err(format!("{task}: {}", output.status));
    }
    Ok(Ended {
        outcome: told["outcome"].clone(),
        peak: told["peak"].as_u64().unwrap(),
        grew: told["grew"].as_u64().unwrap(),
        took: told["took"].as_u64().unwrap(),
    })
}

/// The body of `the_task`: does what the parent asked for, within the bounds, and tells.
pub fn perform(bounds: Bounds, task: impl FnOnce(&str, Vec<u8>) -> Value) {
    let Ok(name) = env::var(TASK) else {
        return;
    };
    limit(Resource::Data, bounds.data);
    limit(Resource::Cpu, bounds.seconds);
    limit(Resource::Core, 0);
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).unwrap();
    // What is used from now on, not what starting the process took.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, code) = (peak(), kept("RssFile:"));
    let start = Instant::now();
    let outcome = task(&name, input);
    let took = u64::try_from(start.elapsed().as_millis()).unwrap();
    // This program's own code is read in page by page as it is run.
    let code = kept("RssFile:").saturating_sub(code);
    let told = json!({
        "outcome": outcome,
        "peak": peak(),
        "grew": peak().saturating_sub(before + code),
        "took": took,
    });
    println!("{ENDED}{told}");
}

pub fn limit(resource: Resource, to: u64) {
    let limit = Rlimit {
        current: Some(to),
        maximum: Some(to),
    };
    setrlimit(resource, limit).unwrap();
}

/// The most memory that was in use at once, in bytes.
fn peak() -> u64 {
    kept("VmHWM:")
}

/// What the kernel keeps account of under this name, in bytes.
fn kept(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() << 10
}
