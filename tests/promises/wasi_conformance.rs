//! Preview 1, function by function: the results for good and bad arguments, as a guest in text form
//! sees them. No argument does more to the host than return an error number.

use crate::support::{place::named, preview1};

use preview1::*;
use std::fs;

#[test]
fn all_functions_link() {
    assert_eq!(FUNCTIONS.len(), 46);
    // Every script imports all of them.
    let (_kept, mut script) = place();
    script.expect("sched_yield", &[], 0);
    script.run();
}

#[test]
fn a_bad_descriptor_is_told_by_every_function_that_takes_one() {
    let (_kept, mut script) = place();
    let path = script.text("file");
    for (name, signature) in FUNCTIONS.iter().filter(|(name, _)| is_fd(name)) {
        for fd in [99, -1, i64::from(i32::MAX)] {
            let mut args = vec![SCRATCH; signature.len()];
            match *name {
                "path_symlink" => args = vec![path.0, path.1, fd, path.0, path.1],
                "fd_renumber" => args = vec![fd, fd],
                _ => {
                    args[0] = fd;
                    if name.starts_with("path_") {
                        // Some have a number between the descriptor and the path.
                        args[1..].fill(path.1);
                        args[1] = path.0;
                    }
                }
            }
            script.expect(name, &args, BADF);
        }
    }
    script.run();
}

#[test]
fn a_bad_pointer_is_told_and_nothing_else_happens() {
    let (kept, mut script) = place();
    let (path, len) = script.at("file");
    let (new, new_len) = script.at("new");
    let buffers = script.iovecs(&[(SCRATCH, 4)]);
    let nowhere = script.iovecs(&[(NOWHERE, 4)]);
    let wrapping = script.iovecs(&[(SCRATCH, 0xFFFF_FFFF)]);
    let subscription = script.clock(7, 1, 0, false);
    script.expect(
        "path_open",
        &[ROOT, 1, path, len, 0, BOTH, 0, 0, SCRATCH],
        0,
    );
    for (name, args) in [
        ("args_sizes_get", vec![NOWHERE, SCRATCH]),
        ("args_sizes_get", vec![SCRATCH, NOWHERE]),
        ("environ_sizes_get", vec![NOWHERE, SCRATCH]),
        ("environ_sizes_get", vec![SCRATCH, NOWHERE]),
        ("environ_get", vec![NOWHERE, SCRATCH]),
        ("environ_get", vec![SCRATCH, NOWHERE]),
        ("clock_res_get", vec![0, NOWHERE]),
        ("clock_time_get", vec![1, 0, NOWHERE]),
        ("random_get", vec![NOWHERE, 8]),
        ("random_get", vec![SCRATCH, 0xFFFF_FFFF]),
        ("fd_fdstat_get", vec![FIRST, NOWHERE]),
        ("fd_filestat_get", vec![FIRST, NOWHERE]),
        ("fd_prestat_get", vec![ROOT, NOWHERE]),
        ("fd_prestat_dir_name", vec![ROOT, NOWHERE, 1]),
        ("fd_read", vec![FIRST, NOWHERE, 1, SCRATCH]),
        ("fd_read", vec![FIRST, nowhere, 1, SCRATCH]),
        ("fd_read", vec![FIRST, wrapping, 1, SCRATCH]),
        ("fd_read", vec![FIRST, buffers, 1, NOWHERE]),
        ("fd_pread", vec![FIRST, nowhere, 1, 0, SCRATCH]),
        ("fd_pread", vec![FIRST, buffers, 1, 0, NOWHERE]),
        ("fd_write", vec![FIRST, nowhere, 1, SCRATCH]),
        ("fd_write", vec![FIRST, buffers, 1, NOWHERE]),
        ("fd_write", vec![1, nowhere, 1, SCRATCH]),
        ("fd_pwrite", vec![FIRST, buffers, 1, 0, NOWHERE]),
        ("fd_seek", vec![FIRST, 0, 0, NOWHERE]),
        ("fd_tell", vec![FIRST, NOWHERE]),
        ("fd_readdir", vec![ROOT, NOWHERE, 64, 0, SCRATCH]),
        ("fd_readdir", vec![ROOT, SCRATCH, 64, 0, NOWHERE]),
        (
            "path_open",
            vec![ROOT, 1, NOWHERE, 4, 0, READING, 0, 0, SCRATCH],
        ),
        (
            "path_open",
            vec![ROOT, 1, new, new_len, CREAT, BOTH, 0, 0, NOWHERE],
        ),
        ("path_filestat_get", vec![ROOT, 1, path, len, NOWHERE]),
        ("path_readlink", vec![ROOT, path, len, NOWHERE, 8, SCRATCH]),
        ("path_create_directory", vec![ROOT, NOWHERE, 4]),
        ("path_rename", vec![ROOT, path, len, ROOT, NOWHERE, 4]),
        ("path_symlink", vec![NOWHERE, 4, ROOT, new, new_len]),
        ("poll_oneoff", vec![NOWHERE, SCRATCH, 1, SCRATCH]),
        ("poll_oneoff", vec![subscription, NOWHERE, 1, SCRATCH]),
        ("poll_oneoff", vec![subscription, SCRATCH, 1, NOWHERE]),
    ] {
        script.expect(name, &args, FAULT);
    }
    script.run();
    assert_eq!(fs::read(kept.path().join("file")).unwrap(), b"0123456789");
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 1);
}

#[test]
fn as_many_buffers_as_a_guest_likes_are_not_taken() {
    let (_kept, mut script) = readable();
    script.open("file", 0, READING, 0, 0);
    for (name, args) in [
        ("fd_read", vec![FIRST, SCRATCH, 1_000_000, SCRATCH]),
        ("fd_read", vec![FIRST, SCRATCH, 1025, SCRATCH]),
        ("fd_read", vec![FIRST, SCRATCH, -1, SCRATCH]),
        ("fd_pread", vec![FIRST, SCRATCH, 1_000_000, 0, SCRATCH]),
        ("fd_write", vec![1, SCRATCH, 1_000_000, SCRATCH]),
        ("fd_pwrite", vec![FIRST, SCRATCH, 1_000_000, 0, SCRATCH]),
    ] {
        script.expect(name, &args, INVAL);
    }
    let many = script.iovecs(&[(SCRATCH + 16, 1); 1024]);
    script.expect("fd_read", &[FIRST, many, 1024, SCRATCH], 0);
    script.check(SCRATCH, &[10, 0, 0, 0]);
    // A thousand times the whole memory is no more than what one call carries.
    let huge = script.iovecs(&[(0, 0x2_0000); 1024]);
    script.expect("fd_write", &[2, huge, 1024, SCRATCH], 0);
    script.check(SCRATCH, &(1u32 << 20).to_le_bytes());
    script.run();
}

#[test]
fn the_one_argument_is_the_plugins_name_and_there_is_one_variable() {
    let (_kept, mut script) = place();
    script.expect("args_sizes_get", &[SCRATCH, SCRATCH + 4], 0);
    script.check(SCRATCH, &[1, 0, 0, 0, 4, 0, 0, 0]);
    script.expect("args_get", &[SCRATCH, SCRATCH + 64], 0);
    script.check(SCRATCH, &u32::try_from(SCRATCH + 64).unwrap().to_le_bytes());
    script.check(SCRATCH + 64, b"odd\0");
    script.expect("args_get", &[NOWHERE, SCRATCH], FAULT);
    script.expect("args_get", &[SCRATCH, NOWHERE], FAULT);
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    let text = format!("PWD={}\0", named(&here));
    script.expect("environ_sizes_get", &[SCRATCH, SCRATCH + 4], 0);
    script.check(SCRATCH, &[1, 0, 0, 0]);
    script.check(
        SCRATCH + 4,
        &u32::try_from(text.len()).unwrap().to_le_bytes(),
    );
    script.expect("environ_get", &[SCRATCH, SCRATCH + 64], 0);
    script.check(SCRATCH, &u32::try_from(SCRATCH + 64).unwrap().to_le_bytes());
    script.check(SCRATCH + 64, text.as_bytes());
    script.run();
}

#[test]
fn there_are_two_clocks() {
    let (_kept, mut script) = place();
    for clock in [0, 1] {
        script.expect("clock_res_get", &[clock, SCRATCH], 0);
        script.check_u64(SCRATCH, 1);
        script.expect("clock_time_get", &[clock, 0, SCRATCH], 0);
    }
    for (clock, errno) in [(2, NOTSUP), (3, NOTSUP), (4, INVAL), (-1, INVAL)] {
        script.expect("clock_res_get", &[clock, SCRATCH], errno);
        script.expect("clock_time_get", &[clock, 0, SCRATCH], errno);
    }
    script.expect("random_get", &[SCRATCH, 0], 0);
    script.expect("random_get", &[SCRATCH, 128], 0);
    script.expect("random_get", &[1 << 17, 100_000], 0);
    script.run();
}

#[test]
fn waiting_ends_with_what_is_first() {
    let (_kept, mut script) = readable();
    script.open("file", 0, READING, 0, 0);
    let poll = |script: &mut Script, subscriptions, count, errno| {
        let args = [subscriptions, SCRATCH + 16, count, SCRATCH];
        script.expect("poll_oneoff", &args, errno);
    };
    let clock = script.clock(7, 1, 1_000, false);
    poll(&mut script, clock, 0, INVAL);
    poll(&mut script, clock, 1_000_000, INVAL);
    poll(&mut script, clock, 1, 0);
    script.check(SCRATCH, &[1, 0, 0, 0]);
    script.check_u64(SCRATCH + 16, 7);
    script.check(SCRATCH + 24, &[0, 0, 0, 0]);
    // A time that has passed long ago, and one that never comes.
    let past = script.clock(8, 0, 1, true);
    script.clock(9, 1, -1, false);
    poll(&mut script, past, 2, 0);
    script.check(SCRATCH, &[1, 0, 0, 0]);
    script.check_u64(SCRATCH + 16, 8);
    // A file is ready before any clock.
    let never = script.clock(9, 1, -1, false);
    script.descriptor(10, 1, FIRST);
    script.descriptor(11, 1, 99);
    script.descriptor(12, 1, 0);
    script.descriptor(13, 2, 1);
    poll(&mut script, never, 5, 0);
    script.check(SCRATCH, &[4, 0, 0, 0]);
    script.check_u64(SCRATCH + 16, 10);
    script.check(SCRATCH + 24, &[0, 0, 1, 0]);
    script.check_u64(SCRATCH + 32, 10);
    script.check(SCRATCH + 48 + 8, &[8, 0, 1, 0]);
    script.check(SCRATCH + 80 + 24, &[1, 0]);
    // What cannot be waited for is told as an event, so that nobody waits for ever.
    let odd = script.clock(14, 9, 1, false);
    script.descriptor(15, 77, 0);
    poll(&mut script, odd, 2, 0);
    script.check(SCRATCH, &[2, 0, 0, 0]);
    script.check(SCRATCH + 24, &[28, 0, 0, 0]);
    script.check(SCRATCH + 56, &[28, 0, 77, 0]);
    script.run();
}

#[test]
fn there_are_no_sockets_and_no_signals() {
    let (_kept, mut script) = readable();
    script.open("file", 0, READING, 0, 0);
    for fd in [0, ROOT, FIRST] {
        script.expect("sock_accept", &[fd, 0, SCRATCH], NOTSOCK);
        script.expect("sock_recv", &[fd, 0, 0, 0, SCRATCH, SCRATCH], NOTSOCK);
        script.expect("sock_send", &[fd, 0, 0, 0, SCRATCH], NOTSOCK);
        script.expect("sock_shutdown", &[fd, 3], NOTSOCK);
    }
    script.expect("proc_raise", &[9], NOTSUP);
    script.expect("sched_yield", &[], 0);
    script.run();
}

#[test]
fn an_exit_ends_the_call_with_its_code() {
    for code in [0, 3, -1] {
        let (_kept, mut script) = place();
        script.step("proc_exit", &[code]);
        let error = script.try_run().unwrap_err().report();
        let code = u32::try_from(code & 0xFFFF_FFFF).unwrap();
        assert_eq!(
            error,
            format!("plugin odd: observe() exited with code {code}")
        );
    }
}

#[test]
fn what_is_printed_is_told_by_lines_of_a_bounded_length() {
    let (_kept, mut script) = place();
    let bytes = script.bytes(b"no end, and then one\nand \xff a last");
    let first = script.iovecs(&[(bytes, 6)]);
    let second = script.iovecs(&[(bytes + 6, 27)]);
    // 100 000 times the same byte, in one line.
    let long = script.iovecs(&[(bytes, 1); 1000]);
    let end = script.iovecs(&[(bytes + 20, 1)]);
    script.expect("fd_write", &[2, first, 1, SCRATCH], 0);
    for _ in 0..100 {
        script.expect("fd_write", &[1, long, 1000, SCRATCH], 0);
    }
    script.expect("fd_write", &[1, end, 1, SCRATCH], 0);
    script.expect("fd_write", &[2, second, 1, SCRATCH], 0);
    let lines = script.run();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let [long, one, last] = lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(one, "no end, and then one");
    assert_eq!(last, "and \u{fffd} a last");
    assert!(long.len() < 9000 && long.ends_with('…'), "{}", long.len());
}

/// An empty world, no grants, and any words at all: the host answers every call.
#[test]
fn any_arguments_are_answered() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let odd = [
        0,
        1,
        2,
        3,
        4,
        8,
        16,
        255,
        1024,
        4096,
        SCRATCH,
        131_071,
        NOWHERE,
        -1,
        i64::MIN,
    ];
    for _ in 0..20 {
        let mut script = Script::new("/still");
        for (name, signature) in FUNCTIONS.iter().filter(|(name, _)| *name != "proc_exit") {
            for _ in 0..10 {
                let pick = |number: u64| odd[usize::try_from(number % 15).unwrap()];
                let args: Vec<i64> = signature.chars().map(|_| pick(random())).collect();
                script.step(name, &args);
            }
        }
        script.run_still();
    }
}
