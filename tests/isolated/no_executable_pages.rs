//! No memory is ever writable and executable: the main job runs in a process to which the kernel
//! refuses such pages, and in one with little memory.
//!
//! The limit is on address space, the strictest there is: it counts reserved memory, too. The tasks
//! run on the first thread, since each thread's arena of the C allocator reserves 64 MiB.
#![cfg(target_os = "linux")]

use crate::hostile;

use hostile::child::{self, Bounds};
use rustix::process::Resource;
use serde_json::{Value, json};
use std::fs;
use tollgate::{Config, MemoryLimit, Runtime};

/// The tiny plugins: text, C, Rust, AssemblyScript.
const TINY: &[&str] = &["c-file/c-file", "file/file", "as-file/as-file", "env/env"];
const GO: &str = "go-file/go-file";

#[test]
fn the_main_job_is_done_where_no_page_is_made_executable() {
    assert_eq!(done("no executable pages"), json!("done"));
}

#[test]
fn tiny_plugins_run_in_96_megabytes_of_address_space() {
    assert_eq!(done("tiny"), json!("done"));
}

#[test]
fn the_go_plugin_runs_in_256_megabytes_of_address_space() {
    assert_eq!(done("go"), json!("done"));
}

fn done(task: &str) -> Value {
    let ended = child::run(module_path!(), task, &[]).unwrap_or_else(|error| panic!("{error}"));
    println!("{task}: {} ms, {} bytes", ended.took, ended.grew);
    ended.outcome
}

#[test]
#[ignore = "run by the tests above, in processes of their own"]
fn the_task() {
    let bounds = Bounds {
        data: 1 << 30,
        seconds: 120,
    };
    child::perform(bounds, |task, _| {
        match task {
            "no executable pages" => {
                protection::deny_executable_pages();
                assert!(protection::is_denied(), "the kernel still allows it");
                TINY.iter().for_each(|plugin| main_job(plugin));
                main_job(GO);
            }
            "tiny" => {
                child::limit(Resource::As, 96 << 20);
                TINY.iter().for_each(|plugin| main_job(plugin));
            }
            _ => {
                child::limit(Resource::As, 256 << 20);
                main_job(GO);
            }
        }
        "done".into()
    });
}

/// Load, describe, schema, observe: a file that is granted, several times.
fn main_job(plugin: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("a.txt");
    fs::write(&path, "hello\n").unwrap();
    let path = path.to_str().unwrap();
    let runtime = Runtime::builder()
        .memory_limit(MemoryLimit::from_megabytes(64).unwrap())
        .grant(plugin, format!("fs:read:{path}").parse().unwrap())
        .build()
        .unwrap();
    let module = fs::read(format!("fixtures/{plugin}.wasm")).unwrap();
    let loaded = runtime.load(plugin, &module).unwrap();
    drop(module);
    assert!(!loaded.describe().unwrap().name.is_empty());
    loaded.schema().unwrap();
    for _ in 0..3 {
        let config = Config::new().set("path", path).set("op", "read");
        let config = config.set("variable", "PATH").set("name", "PATH");
        loaded.observe(&config).unwrap();
    }
}

/// The kernel's refusal of pages that are written and executed. This is the one place with unsafe
/// code: std has no name for it.
#[allow(unsafe_code)]
mod protection {
    use std::ptr;

    const PR_SET_MDWE: libc::c_int = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;

    /// From now on, for this process. Where the kernel is older than 6.3, a filter of system calls
    /// refuses every mapping that is made executable.
    pub fn deny_executable_pages() {
        let zero: libc::c_ulong = 0;
        // SAFETY: takes numbers only.
        let denied =
            unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, zero, zero, zero) };
        if denied != 0 {
            filter();
        }
    }

    /// Whether a page that is written and executed is refused.
    pub fn is_denied() -> bool {
        // SAFETY: an anonymous mapping that nobody uses.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        // SAFETY: the same, without the right to execute it until asked for.
        let gained = unsafe {
            let page = libc::mmap(
                ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(page, libc::MAP_FAILED);
            libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC)
        };
        page == libc::MAP_FAILED && gained != 0
    }

    /// mmap, mprotect and pkey_mprotect take the protection as their third argument; with
    /// `PROT_EXEC` in it they fail.
    fn filter() {
        let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        let any_bit = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
        let end = (libc::BPF_RET | libc::BPF_K) as u16;
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let number = |call: libc::c_long| u32::try_from(call).unwrap();
        let allow = libc::SECCOMP_RET_ALLOW;
        let refuse = libc::SECCOMP_RET_ERRNO | libc::EACCES as u32;
        let mut program = [
            // The number of the system call.
            step(load, 0, 0, 0),
            step(equal, 3, 0, number(libc::SYS_mmap)),
            step(equal, 2, 0, number(libc::SYS_mprotect)),
            step(equal, 1, 0, number(libc::SYS_pkey_mprotect)),
            step(end, 0, 0, allow),
            // The low half of its third argument.
            step(
                load,
                0,
                0,
                if cfg!(target_endian = "little") {
                    32
                } else {
                    36
                },
            ),
            step(any_bit, 0, 1, libc::PROT_EXEC as u32),
            step(end, 0, 0, refuse),
            step(end, 0, 0, allow),
        ];
        let filter = libc::sock_fprog {
            len: program.len() as u16,
            filter: program.as_mut_ptr(),
        };
        let zero: libc::c_ulong = 0;
        let one: libc::c_ulong = 1;
        // SAFETY: the program outlives the calls, which copy it.
        let set = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) == 0
                && libc::prctl(
                    libc::PR_SET_SECCOMP,
                    libc::c_ulong::from(libc::SECCOMP_MODE_FILTER),
                    &raw const filter,
                ) == 0
        };
        assert!(set, "{}", std::io::Error::last_os_error());
    }

    #[test]
    fn the_filter_denies_it_too() {
        let task = std::thread::spawn(|| {
            // For this thread only.
            filter();
            is_denied()
        });
        assert!(task.join().unwrap());
    }
}
