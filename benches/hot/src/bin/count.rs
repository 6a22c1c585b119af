//! One piece of work, so many times: `count WORK TIMES`, for a tool that counts instructions.
//! `benches/count.sh` runs it.

use hot::{ASK, ECHO, GO, MIRROR, assemble, cold_runtime, load, load_granted};
use serde_json::json;
use std::{hint::black_box, process::ExitCode};
use tollgate::{Config, Plugin};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [work, times] = args.as_slice() else {
        eprintln!("count WORK TIMES");
        return ExitCode::from(2);
    };
    let times = times.parse().expect("TIMES is a number");
    if work == "load-go" {
        for _ in 0..times {
            let loaded = cold_runtime().load("plugin", GO);
            black_box(loaded.expect("the benchmark's own plugin"));
        }
        return ExitCode::SUCCESS;
    }
    let (plugin, config) = match work.as_str() {
        "observe-tiny" => (load(&assemble(ECHO)), Config::new().set("hello", "world")),
        "observe-go" => {
            let plugin = load_granted(GO, "fs:read:/nowhere/**");
            (
                plugin,
                Config::new()
                    .set("op", "observe")
                    .set("path", "/nowhere/at/all"),
            )
        }
        "json-100" => mirror(100),
        "json-10k" => mirror(10 << 10),
        "json-1m" => mirror(1_000_000),
        "calls-10000" => (load_granted(&assemble(ASK), "bench:*"), Config::new()),
        _ => {
            eprintln!("no such work: {work}");
            return ExitCode::from(2);
        }
    };
    for _ in 0..times {
        black_box(plugin.observe(&config).expect("the benchmark's own plugin"));
    }
    ExitCode::SUCCESS
}

/// A config of about so many bytes, to be mirrored.
fn mirror(size: usize) -> (Plugin, Config) {
    let item = |number: usize| json!({"path": format!("/srv/data/{number:06}.log"), "size": number, "kept": true});
    let items: Vec<_> = (0..size / 55).map(item).collect();
    (load(&assemble(MIRROR)), Config::new().set("items", items))
}
