//! Devices, sockets and FIFOs have their types in preview 1. Of them only `/dev/null` can be opened,
//! where it is granted; why another one cannot is reported to the operator.

use crate::support::preview1;

use preview1::*;
use std::sync::{Arc, Mutex};
use tollgate::{
    Event, Runtime, RuntimeBuilder,
    effect::DenialReason,
    world::{Simulated, Special},
};

/// What preview 1 calls a type.
const UNKNOWN: u8 = 0;
const BLOCK_DEVICE: u8 = 1;
const CHARACTER_DEVICE: u8 = 2;
const SOCKET: u8 = 6;

/// Examines an absolute path, which must have this type.
fn examine(script: &mut Script, path: &str, filetype: u8) {
    let (text, len) = script.text(path.trim_start_matches('/'));
    let stat = [ROOT, FOLLOW, text, len, SCRATCH];
    script.expect("path_filestat_get", &stat, 0);
    script.check(SCRATCH + 16, &[filetype]);
}

/// Opens an absolute path.
fn open(script: &mut Script, path: &str, (oflags, rights): (i64, i64), errno: u16) {
    let (text, len) = script.text(path.trim_start_matches('/'));
    let args = [ROOT, FOLLOW, text, len, oflags, rights, 0, 0, SCRATCH];
    script.expect("path_open", &args, errno);
}

/// The special files that the steps of a test use: those of the machine as far as there are some, and
/// made ones in the test's directory.
struct Found {
    path: String,
    filetype: u8,
    kind: Special,
}

#[cfg(unix)]
fn on_this_machine(directory: &std::path::Path) -> Vec<Found> {
    use std::os::unix::fs::FileTypeExt as _;
    let mut found = Vec::new();
    let mut add = |path: &std::path::Path, filetype, kind| {
        let path = path.to_str().unwrap().to_owned();
        found.push(Found {
            path,
            filetype,
            kind,
        });
    };
    add(
        "/dev/zero".as_ref(),
        CHARACTER_DEVICE,
        Special::CharacterDevice,
    );
    let socket = directory.join("socket");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    add(&socket, SOCKET, Special::Socket);
    let fifo = directory.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if made.is_ok_and(|status| status.success()) {
        add(&fifo, UNKNOWN, Special::Fifo);
    } else {
        eprintln!("skipped: needs mkfifo");
    }
    let devices = std::fs::read_dir("/dev").unwrap().flatten();
    let is_block =
        |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_block_device());
    match devices.into_iter().find(is_block) {
        Some(entry) => add(&entry.path(), BLOCK_DEVICE, Special::BlockDevice),
        None => eprintln!("skipped: needs a block device"),
    }
    found
}

#[cfg(unix)]
#[test]
fn a_special_file_has_its_type_and_why_it_is_not_opened_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let mut found = on_this_machine(&directory.path().canonicalize().unwrap());
    let check = |found: &[Found], builder: RuntimeBuilder| {
        let mut script = Script::new("/");
        script.grant("fs:read:/**");
        script.grant("fs:write:/**");
        for Found { path, filetype, .. } in found {
            examine(&mut script, path, *filetype);
            open(&mut script, path, (0, READING), ACCES);
            open(&mut script, path, (CREAT | TRUNC, WRITING), ACCES);
            open(&mut script, path, (DIRECTORY, READING), NOTDIR);
            open(&mut script, path, (CREAT | EXCL, WRITING), EXIST);
        }
        let mut denied = Vec::new();
        for event in script.watch(builder).unwrap() {
            if let Event::Denied(denial) = event {
                assert!(denial.needs.as_str().is_empty(), "{denial}");
                assert!(matches!(denial.reason, DenialReason::SpecialFile { .. }));
                denied.push(denial.to_string());
            }
        }
        assert_eq!(denied.len(), 2 * found.len());
        for (found, texts) in found.iter().zip(denied.chunks(2)) {
            for (text, access) in texts.iter().zip(["read", "write"]) {
                let request = format!("fs:{access}:{}", found.path);
                assert!(text.contains(&request), "{text}");
                assert!(text.contains("no grant can allow it"), "{text}");
            }
        }
        denied
    };
    let real = check(&found, Runtime::builder());
    let mut world = Simulated::new();
    for Found { path, kind, .. } in &found {
        world = world.special(path, *kind);
    }
    let simulated = world.clone();
    let builder = Runtime::builder().world(move || simulated.clone());
    assert_eq!(check(&found, builder), real);

    // What this machine may lack.
    for (kind, filetype) in [
        (Special::BlockDevice, BLOCK_DEVICE),
        (Special::Fifo, UNKNOWN),
        (Special::Socket, SOCKET),
        (Special::CharacterDevice, CHARACTER_DEVICE),
    ] {
        let path = "/dev/made".to_owned();
        found = vec![Found {
            path,
            filetype,
            kind,
        }];
        let world = world.clone().special("/dev/made", kind);
        check(&found, Runtime::builder().world(move || world.clone()));
    }
}

#[cfg(unix)]
#[test]
fn dev_null_is_read_and_written_where_it_is_granted() {
    let check = |builder: RuntimeBuilder| {
        let mut script = Script::new("/");
        script.grant("fs:read:/dev/null");
        script.grant("fs:write:/dev/null");
        let bytes = script.bytes(b"gone");
        let buffers = script.iovecs(&[(bytes, 4)]);
        examine(&mut script, "/dev/null", CHARACTER_DEVICE);
        for fd in [FIRST, FIRST + 1] {
            open(&mut script, "/dev/null", (TRUNC, BOTH), 0);
            script.expect("fd_fdstat_get", &[fd, SCRATCH], 0);
            // A character device that has places is no terminal.
            script.check(SCRATCH, &[CHARACTER_DEVICE]);
            script.check(SCRATCH + 8, &[0xFF]);
            script.expect("fd_write", &[fd, buffers, 1, SCRATCH], 0);
            script.check(SCRATCH, &[4, 0, 0, 0]);
            script.expect("fd_pread", &[fd, buffers, 1, 0, SCRATCH], 0);
            script.check(SCRATCH, &[0, 0, 0, 0]);
            script.check(bytes, b"gone");
            script.expect("fd_filestat_get", &[fd, SCRATCH], 0);
            script.check(SCRATCH + 16, &[CHARACTER_DEVICE]);
            script.check_u64(SCRATCH + 32, 0);
            script.expect("fd_filestat_set_size", &[fd, 1], INVAL);
        }
        open(&mut script, "/dev/null", (CREAT | EXCL, WRITING), EXIST);
        open(&mut script, "/dev/null", (DIRECTORY, READING), NOTDIR);
        assert_eq!(script.watch(builder).unwrap(), []);
    };
    check(Runtime::builder());
    let world = Simulated::new().special("/dev/null", Special::Null);
    check(Runtime::builder().world(move || world.clone()));
    let world = Simulated::from_json(r#"{"files":{"/dev/null":{"special":"null"}}}"#).unwrap();
    check(Runtime::builder().world(move || world.clone()));
}

/// Without a grant nobody learns what a name in `/dev` is.
#[cfg(unix)]
#[test]
fn a_special_file_without_a_grant_is_like_any_other() {
    let denied = Arc::new(Mutex::new(Vec::new()));
    for world in [
        None,
        Some(Simulated::new().special("/dev/null", Special::Null)),
    ] {
        let mut builder = Runtime::builder();
        if let Some(world) = world {
            builder = builder.world(move || world.clone());
        }
        let mut script = Script::new("/");
        for path in ["/dev/null", "/dev/none"] {
            let (text, len) = script.text(path.trim_start_matches('/'));
            let stat = [ROOT, FOLLOW, text, len, SCRATCH];
            script.expect("path_filestat_get", &stat, ACCES);
            open(&mut script, path, (0, READING), ACCES);
        }
        for event in script.watch(builder).unwrap() {
            if let Event::Denied(denial) = event {
                denied.lock().unwrap().push(denial.needs.to_string());
            }
        }
    }
    let both = ["fs:read:/dev/null", "fs:read:/dev/none"].repeat(2);
    assert_eq!(*denied.lock().unwrap(), both);
}
