//! What is kept between calls is bounded: neither many calls nor many loads make a process grow.
//! Under `TOLLGATE_TESTS=all` there are 1 000 plugins, 100 000 calls and 20 loads of a Go program.

#![cfg(target_os = "linux")]

use crate::support::{again, tenth};
use std::fs;
use tollgate::{Config, ModuleCache, Plugin, Runtime};

/// The test's resident memory in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// In a process of its own, since resident memory is the process's.
#[test]
fn memory_stays_flat() {
    let output = again(module_path!(), "the_task").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_task() {
    let go = include_bytes!("../../fixtures/go-file/go-file.wasm");
    let load = || {
        let runtime = Runtime::builder().module_cache(ModuleCache::new());
        let plugin = runtime.build().unwrap().load("go", go).unwrap();
        plugin.describe().unwrap();
        let config = Config::new().set("op", "time");
        (0..3).for_each(|_| drop(plugin.observe(&config).unwrap()));
    };
    load();
    load();
    let before = resident();
    (0..tenth(20).max(4)).for_each(|_| load());
    let after = resident();
    assert!(after < before + before / 10 + (8 << 20), "{before} {after}");

    let echo = wat::parse_file("fixtures/wat/echo.wat").unwrap();
    let plugins: Vec<Plugin> = (0..tenth(1_000))
        .map(|number| {
            // Each with bytes of its own: a custom section, whose size is one byte.
            let mut bytes = echo.clone();
            bytes.extend_from_slice(&[0, 6, 1, b'n']);
            bytes.extend_from_slice(&number.to_le_bytes());
            let runtime = Runtime::builder().module_cache(ModuleCache::new());
            runtime.build().unwrap().load("echo", &bytes).unwrap()
        })
        .collect();
    let config = Config::new().set("x", "y");
    let call = |calls: u32| {
        for plugin in plugins.iter().cycle().take(calls as usize) {
            plugin.observe(&config).unwrap();
        }
    };
    call(tenth(1_000));
    let before = resident();
    call(tenth(100_000));
    let after = resident();
    println!(
        "{} KiB a plugin; {before} bytes, then {after}",
        before / plugins.len() as u64 / 1024
    );
    assert!(after < before + before / 10, "{before} {after}");
}
