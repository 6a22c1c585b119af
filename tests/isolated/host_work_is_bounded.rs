//! The host's work for a guest's data, or for a file, grows no faster than its bytes: ten times the
//! input takes about ten times the work, whatever its shape.
//!
//! The tests count allocations, allocated bytes, and bytes in use at once. Work that allocates nothing
//! is limited by seconds of processor time: a linear row needs one or two, a quadratic one thousands.
#![cfg(target_os = "linux")]

use crate::{host_work, hostile, support::share::spread};

use host_work::{Row, counting, counting::Taken, rows};
use hostile::child::{self, Bounds};
use serde_json::json;

const SIZES: [usize; 4] = [1 << 10, 10 << 10, 100 << 10, 1000 << 10];

/// For all sizes of a row together.
const BOUNDS: Bounds = Bounds {
    data: 600 << 20,
    seconds: 20,
};

/// Ten times the input may take so many times ten times the work, since lists double when they
/// grow; one that is quadratic takes ten times.
const SLACK: u64 = 2;
/// What does not depend on the input: runtimes, instances, tables of the engine.
const ALLOCATED: u64 = 2 << 20;
const ALLOCATIONS: u64 = 5_000;
/// Bytes in use at once for each byte of input. A value of JSON takes up to 100 times its text, and
/// half of an effect's may be there twice.
const FACTOR: u64 = 160;
const PEAK: u64 = 4 << 20;

/// What may be taken whatever the input: a validation has a budget of 100 million steps and 16 MiB of
/// compiled patterns, and ends in an error beyond them.
fn fixed(name: &str) -> Taken {
    let fixed = Taken {
        allocated: ALLOCATED,
        allocations: ALLOCATIONS,
        peak: PEAK,
        input: 0,
    };
    match name.starts_with("schema: ") {
        true => Taken {
            allocated: 4 << 30,
            allocations: 2_000_000,
            peak: PEAK + (16 << 20),
            ..fixed
        },
        false => fixed,
    }
}

/// What is wrong with what a row took, from one size to the next.
fn judge(name: &str, taken: &[Taken]) -> Result<(), String> {
    let fixed = fixed(name);
    for pair in taken.windows(2) {
        let [less, more] = pair else { unreachable!() };
        let linear = |work: u64| work.max(1) * SLACK * more.input.div_ceil(less.input.max(1));
        if more.allocated > linear(less.allocated) + fixed.allocated
            || more.allocations > linear(less.allocations) + fixed.allocations
        {
            return Err(format!("{name} grows faster than its input: {taken:?}"));
        }
    }
    let wasteful = |taken: &&Taken| taken.peak > taken.input * FACTOR + fixed.peak;
    match taken.iter().find(wasteful) {
        Some(taken) => Err(format!("{name} takes too much memory: {taken:?}")),
        None => Ok(()),
    }
}

fn run(row: &Row) -> Result<(), String> {
    let ended = child::run(module_path!(), row.name, b"")?;
    let taken: Vec<Taken> = serde_json::from_value(ended.outcome).unwrap();
    println!("{} ({} ms): {taken:?}", row.name, ended.took);
    judge(row.name, &taken)
}

/// Runs all rows whose names begin so.
fn family(kind: &str) {
    let rows = rows()
        .into_iter()
        .filter(|row| row.name.starts_with(&format!("{kind}: ")));
    let rows: Vec<Row> = rows.collect();
    assert!(rows.len() > 4, "{kind}");
    let wrong: Vec<String> = spread(&rows).filter_map(|row| run(row).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn manifests() {
    family("manifest");
}

#[test]
fn descriptions() {
    family("describe");
}

#[test]
fn schemas_with_configs() {
    family("schema");
}

#[test]
fn evidence() {
    family("evidence");
}

#[test]
fn configs() {
    family("config");
}

#[test]
fn grants_files() {
    family("grants");
}

#[test]
fn worlds() {
    family("world");
}

#[test]
fn modules() {
    family("module");
}

#[test]
fn baked_sections() {
    family("baked");
}

#[test]
fn transcripts() {
    family("transcript");
}

#[test]
fn what_is_quadratic_is_found() {
    let quadratic = |size: usize| {
        counting::count(size, || {
            for _ in 0..size / 1024 {
                drop(Vec::<u8>::with_capacity(size));
            }
        })
    };
    let linear = |size: usize| counting::count(size, || drop(Vec::<u8>::with_capacity(size)));
    assert!(judge("linear", &SIZES.map(linear)).is_ok());
    assert!(judge("quadratic", &SIZES.map(quadratic)).is_err());
    let large = |size: usize| counting::count(size, || drop(Vec::<u8>::with_capacity(size * 300)));
    assert!(judge("large", &SIZES.map(large)).is_err());
}

#[test]
#[ignore = "run by the test above, once for each row, in processes of their own"]
fn the_task() {
    child::perform(BOUNDS, |name, _| {
        let row = rows().into_iter().find(|row| row.name == name).unwrap();
        let taken = SIZES.map(|size| {
            let work = (row.prepare)(size);
            counting::count(work.bytes, work.run)
        });
        json!(taken)
    });
}
