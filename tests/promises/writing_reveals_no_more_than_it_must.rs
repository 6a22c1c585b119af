//! A grant to write reveals only what the errors of writing reveal, as SECURITY.md lists it: not the
//! content, size, age or owner of a file. A plugin that may also read the file may examine what it
//! opened to write.

use crate::support::preview1;

use preview1::*;
use std::fs;
use tollgate::{Runtime, world::Simulated};

/// What a plugin does to a file of 10 bytes and to a directory, of which it may not read anything.
fn blind(root: &str) -> Script {
    let mut script = Script::new(root);
    script.grant(&format!("fs:write:{root}/**"));
    let bytes = script.bytes(b"abc");
    let buffers = script.iovecs(&[(bytes, 3)]);
    let zeros = [0; 64];
    let nothing_told = |script: &mut Script| {
        let (zero, _) = script.raw(&zeros);
        script.expect("fd_filestat_get", &[FIRST, zero], ACCES);
        script.check(zero, &zeros);
        script.expect("fd_seek", &[FIRST, 0, 2, zero], ACCES);
        script.check(zero, &zeros);
        script.expect("fd_allocate", &[FIRST, 0, 1], ACCES);
    };
    script.open("file", 0, WRITING, 0, 0);
    nothing_told(&mut script);
    script.expect("fd_read", &[FIRST, buffers, 1, SCRATCH], BADF);
    script.expect("fd_pread", &[FIRST, buffers, 1, 0, SCRATCH], BADF);
    // Behind what is there, wherever that ends.
    script.expect("fd_fdstat_set_flags", &[FIRST, APPEND], 0);
    script.expect("fd_write", &[FIRST, buffers, 1, SCRATCH], 0);
    script.expect("fd_tell", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH, 3);
    script.expect("fd_close", &[FIRST], 0);
    // Nor of what it has just made.
    script.open("new", CREAT, WRITING, 0, 0);
    nothing_told(&mut script);
    script.expect("fd_close", &[FIRST], 0);

    let (file, file_len) = script.at("file");
    let (sub, sub_len) = script.at("sub");
    for (path, length) in [(file, file_len), (sub, sub_len)] {
        for follow in [0, FOLLOW] {
            let (zero, _) = script.raw(&zeros);
            script.expect(
                "path_filestat_get",
                &[ROOT, follow, path, length, zero],
                ACCES,
            );
            script.check(zero, &zeros);
        }
        script.expect(
            "path_readlink",
            &[ROOT, path, length, SCRATCH, 8, SCRATCH + 16],
            ACCES,
        );
    }
    script.open("file", 0, READING, 0, ACCES);
    script.open("file", 0, BOTH, 0, ACCES);
    script.open("file", 0, 0, 0, ACCES);
    script.open("sub", DIRECTORY, READING, 0, ACCES);
    script.open("none", 0, READING, 0, ACCES);
    // What cannot be hidden from who may write.
    script.open("file", CREAT | EXCL, WRITING, 0, EXIST);
    script.open("none", 0, WRITING, 0, NOENT);
    script.open("sub", 0, WRITING, 0, ISDIR);
    script.open("file/below", CREAT, WRITING, 0, NOTDIR);
    script.expect("path_remove_directory", &[ROOT, sub, sub_len], NOTEMPTY);
    script.expect("path_unlink_file", &[ROOT, sub, sub_len], 31);
    script
}

#[test]
fn a_grant_to_write_alone_reveals_neither_size_nor_times_nor_content() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    fs::write(root.join("file"), "0123456789").unwrap();
    fs::create_dir_all(root.join("sub/sub")).unwrap();
    let text = root.to_str().unwrap();
    blind(text).run();
    assert_eq!(
        fs::read_to_string(root.join("file")).unwrap(),
        "0123456789abc"
    );

    let world = Simulated::new()
        .file(&format!("{text}/file"), "0123456789")
        .directory(&format!("{text}/sub/sub"));
    let ran = blind(text).run_in(Runtime::builder().world(move || world.clone()));
    ran.unwrap();
}

#[test]
fn who_may_read_a_file_may_examine_what_it_opened_to_write() {
    let (_kept, mut script) = place();
    let bytes = script.bytes(b"abc");
    let buffers = script.iovecs(&[(bytes, 3)]);
    script.open("file", 0, WRITING, APPEND, 0);
    script.expect("fd_filestat_get", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH + 32, 10);
    script.expect("fd_write", &[FIRST, buffers, 1, SCRATCH], 0);
    script.expect("fd_tell", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH, 13);
    script.expect("fd_seek", &[FIRST, 0, 2, SCRATCH], 0);
    script.check_u64(SCRATCH, 13);
    script.expect("fd_allocate", &[FIRST, 0, 20], 0);
    script.run();
}
