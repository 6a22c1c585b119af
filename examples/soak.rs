//! Runs honest and hostile plugins on four threads, for as many minutes as the argument says
//! (default: 10). It prints what the process holds every ten seconds, and fails if memory grows
//! beyond that of the first minute, or if anything is left at the end.
//!
//! `cargo run --release --example soak --features exec -- 10`
//!
//! It reads `/proc`, so it runs on Linux; it is started in the directory of the package.

#![allow(missing_docs)]

#[allow(dead_code)]
#[path = "../tests/hostile/bombs.rs"]
mod bombs;
#[allow(dead_code)]
#[path = "../tests/hostile/corpus.rs"]
mod corpus;
#[allow(dead_code)]
#[path = "../tests/hostile/talk.rs"]
mod talk;

use std::{
    fs,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};
use tollgate::{Config, Limits, Runtime};

const THREADS: usize = 4;
/// Memory may grow by this much and a tenth after the first minute, because the largest calls do
/// not coincide in every minute.
const SLACK_KB: u64 = 96 << 10;

static DONE: AtomicBool = AtomicBool::new(false);
static HONEST: AtomicU64 = AtomicU64::new(0);
static HOSTILE: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let minutes = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let whole = Duration::from_secs(60 * minutes.unwrap_or(10));
    // Hundreds of panics of the host function are part of the test; do not print them.
    std::panic::set_hook(Box::new(|_| {}));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let home = directory
        .path()
        .canonicalize()
        .expect("the real name of the directory");
    fs::write(home.join("a.txt"), "hello\n").expect("a file in it");
    let material = Material::gather();

    let before = Held::now(&home);
    println!("before    {before}");
    let start = Instant::now();
    let grew = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|number| {
                let (home, material) = (&home, &material);
                scope.spawn(move || work(number, home, material))
            })
            .collect();
        let mut settled: Option<Held> = None;
        let mut grew = false;
        while start.elapsed() < whole {
            thread::sleep(Duration::from_secs(10).min(whole.saturating_sub(start.elapsed())));
            let now = Held::now(&home);
            let seconds = start.elapsed().as_secs();
            let (honest, hostile) = (
                HONEST.load(Ordering::Relaxed),
                HOSTILE.load(Ordering::Relaxed),
            );
            println!("{seconds:>5} s  {now}, {honest} honest calls, {hostile} attacks");
            match &mut settled {
                Some(settled) => {
                    let most = settled.memory_kb + settled.memory_kb / 10 + SLACK_KB;
                    grew |= now.memory_kb > most;
                }
                None if seconds >= 60 => settled = Some(now),
                None => {}
            }
        }
        DONE.store(true, Ordering::Relaxed);
        // The scope waits for the work of the threads, not for their end.
        for worker in workers {
            worker.join().expect("a worker that panicked");
        }
        grew
    });
    let after = Held::now(&home);
    println!("after     {after}");
    let left = Held {
        memory_kb: before.memory_kb,
        ..after
    };
    if left != before || grew {
        println!("FAILED: something is left, or memory grew");
        return ExitCode::FAILURE;
    }
    println!("nothing is left");
    ExitCode::SUCCESS
}

/// What the process holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Held {
    memory_kb: u64,
    descriptors: usize,
    threads: usize,
    children: usize,
    files: usize,
}

impl Held {
    fn now(home: &Path) -> Held {
        let count = |path: &Path| fs::read_dir(path).map_or(0, Iterator::count);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        let tasks = Path::new("/proc/self/task");
        let children = fs::read_dir(tasks).into_iter().flatten().flatten();
        let children = children.map(|task| {
            let children = fs::read_to_string(task.path().join("children"));
            children.unwrap_or_default().split_whitespace().count()
        });
        Held {
            memory_kb: memory.unwrap_or(0),
            descriptors: count(Path::new("/proc/self/fd")),
            threads: count(tasks),
            children: children.sum(),
            files: count(home),
        }
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>7} KB, {} descriptors, {} threads, {} children, {} files",
            self.memory_kb, self.descriptors, self.threads, self.children, self.files
        )
    }
}

/// The modules, built once.
struct Material {
    echo: Vec<u8>,
    go: Vec<u8>,
    exec: Vec<u8>,
    attacks: Vec<corpus::Attack>,
    bombs: Vec<Vec<u8>>,
    talk: Vec<Vec<u8>>,
    panicking: Vec<u8>,
}

impl Material {
    fn gather() -> Material {
        let talk = talk::evidence();
        let requests = talk::requests();
        let requests = requests.iter().flat_map(|(_, text)| {
            let functions = talk::FUNCTIONS.iter();
            functions.map(|function| talk::saying(text, Some(function)))
        });
        let evidence = talk.iter().map(|(_, text, _)| talk::saying(text, None));
        let read = |path: &str| fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let wat = |text: &str| wat::parse_str(text).expect("valid text");
        Material {
            echo: wat::parse_file("fixtures/wat/echo.wat").expect("valid text"),
            go: read("fixtures/go-file/go-file.wasm"),
            exec: read("fixtures/exec/exec.wasm"),
            attacks: corpus::all(),
            bombs: vec![
                bombs::locals(10_000, 30_000),
                bombs::wide_branches(20_000, 32),
                bombs::nesting(50_000),
                bombs::elements(1, 500_000),
                bombs::functions(20_000),
            ],
            talk: evidence.chain(requests).collect(),
            panicking: wat(
                "(module (import \"shop\" \"panic\" (func $panic (param i64) (result i64)))
                   (memory (export \"memory\") 1)
                   (data (i32.const 16) \"{}\")
                   (func (export \"allocate\") (param i32) (result i32) (i32.const 4096))
                   (func (export \"describe\") (result i64) (i64.const 0))
                   (func (export \"observe\") (param i32 i32) (result i64)
                     (call $panic (i64.const 0x1000000002))))",
            ),
        }
    }
}

fn work(number: usize, home: &Path, material: &Material) {
    let home = home.to_str().expect("a temporary directory that is UTF-8");
    let mut turn = number;
    while !DONE.load(Ordering::Relaxed) {
        // A new runtime from time to time, so that loading and dropping are tested, too.
        let runtime = Runtime::builder()
            .limits(Limits {
                fuel: 200_000_000.into(),
                ..Limits::default()
            })
            .grant("go", format!("fs:read:{home}/**").parse().expect("a grant"))
            .grant(
                "go",
                format!("fs:write:{home}/**").parse().expect("a grant"),
            )
            .grant("exec", "exec:/bin/sh".parse().expect("a grant"))
            .grant("panicking", "shop:panic".parse().expect("a grant"))
            .host_function("shop", "panic", "shop", |_: serde_json::Value, _: &_| {
                if true {
                    panic!("part of the test");
                }
                Ok(())
            })
            .on_event(|_, _| {})
            .build()
            .expect("a runtime");
        for _ in 0..20 {
            turn = turn.wrapping_add(1);
            honest(&runtime, home, number, material, turn);
            hostile(&runtime, material, turn);
            if DONE.load(Ordering::Relaxed) {
                break;
            }
        }
    }
}

fn honest(runtime: &Runtime, home: &str, number: usize, material: &Material, turn: usize) {
    let echo = runtime
        .load("echo", &material.echo)
        .expect("an honest plugin");
    let seen = echo
        .observe(&Config::new().set("turn", turn))
        .expect("an answer");
    assert_eq!(seen.evidence.data["turn"], turn);
    let go = runtime.load("go", &material.go).expect("an honest plugin");
    let path = format!("{home}/a.txt");
    go.observe(&Config::new().set("op", "read").set("path", path))
        .expect("an answer");
    let own = format!("{home}/{number}.txt");
    let write = Config::new().set("op", "write").set("path", own.clone());
    go.observe(&write.set("content", "x")).expect("an answer");
    let _ = fs::remove_file(own);
    if cfg!(feature = "exec") && turn.is_multiple_of(5) {
        let exec = runtime
            .load("exec", &material.exec)
            .expect("an honest plugin");
        // The script starts processes that outlive it.
        let script = "sleep 60 & setsid sleep 60 & sleep 60";
        let config = Config::new()
            .set("command", "/bin/sh")
            .set("args", vec!["-c", script])
            .set("timeout_ms", 50);
        exec.observe(&config).expect("an answer");
    }
    HONEST.fetch_add(1, Ordering::Relaxed);
}

fn hostile(runtime: &Runtime, material: &Material, turn: usize) {
    let attack = &material.attacks[turn % material.attacks.len()];
    let strict = Runtime::builder().limits(Limits {
        fuel: 5_000_000.into(),
        ..attack.limits.clone()
    });
    let strict = strict.build().expect("a runtime");
    attempt(&strict, "odd", &attack.module);
    attempt(runtime, "panicking", &material.panicking);
    attempt(&strict, "talk", &material.talk[turn % material.talk.len()]);
    if turn.is_multiple_of(10) {
        attempt(
            &strict,
            "bomb",
            &material.bombs[turn / 10 % material.bombs.len()],
        );
    }
    HOSTILE.fetch_add(1, Ordering::Relaxed);
}

/// Loads and calls the module; any outcome is fine.
fn attempt(runtime: &Runtime, name: &str, module: &[u8]) {
    if let Ok(plugin) = runtime.load(name, module) {
        let _ = plugin.observe(&Config::new().set("key", "value"));
    }
}
