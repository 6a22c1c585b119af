//! Preview 1 on files and directories, function by function: descriptors, paths, the flags of opening,
//! and what a guest may not do. The rest of preview 1 is in `wasi_conformance.rs`.

use crate::support::{place::named, preview1};

use preview1::*;
use std::fs;

#[test]
fn streams_and_the_one_directory_are_open_from_the_start() {
    let (_kept, mut script) = place();
    for (fd, filetype) in [(0, 2), (1, 2), (2, 2), (ROOT, 3)] {
        script.expect("fd_fdstat_get", &[fd, SCRATCH], 0);
        script.check(SCRATCH, &[filetype, 0, 0, 0]);
    }
    script.expect("fd_prestat_get", &[ROOT, SCRATCH], 0);
    script.check(SCRATCH, &[0, 0, 0, 0, 1, 0, 0, 0]);
    script.expect("fd_prestat_dir_name", &[ROOT, SCRATCH, 1], 0);
    script.check(SCRATCH, b"/");
    script.expect("fd_prestat_dir_name", &[ROOT, SCRATCH, 0], NAMETOOLONG);
    for fd in [0, 1, 2, 4, 5] {
        script.expect("fd_prestat_get", &[fd, SCRATCH], BADF);
        script.expect("fd_prestat_dir_name", &[fd, SCRATCH, 1], BADF);
    }
    let buffers = script.iovecs(&[(SCRATCH + 16, 8)]);
    script.expect("fd_read", &[0, buffers, 1, SCRATCH], 0);
    script.check(SCRATCH, &[0, 0, 0, 0]);
    script.expect("fd_write", &[0, buffers, 1, SCRATCH], BADF);
    script.expect("fd_read", &[1, buffers, 1, SCRATCH], BADF);
    script.expect("fd_seek", &[1, 0, 0, SCRATCH], SPIPE);
    script.expect("fd_pwrite", &[1, buffers, 1, 0, SCRATCH], SPIPE);
    script.expect("fd_read", &[ROOT, buffers, 1, SCRATCH], ISDIR);
    script.expect("fd_fdstat_set_flags", &[1, 4], 0);
    script.expect("fd_fdstat_get", &[1, SCRATCH], 0);
    script.check(SCRATCH, &[2, 0, 4, 0]);
    script.expect("fd_fdstat_set_flags", &[1, 32], INVAL);
    script.expect("fd_fdstat_set_rights", &[1, 0, 0], NOTSUP);
    script.expect("fd_close", &[1], 0);
    script.expect("fd_write", &[1, buffers, 1, SCRATCH], BADF);
    script.run();
}

#[test]
fn files_are_read_where_the_guest_is_and_where_it_says() {
    let (_kept, mut script) = readable();
    script.open("file", 0, READING, 0, 0);
    script.check(SCRATCH, &[4, 0, 0, 0]);
    let two = script.iovecs(&[(SCRATCH + 16, 3), (SCRATCH + 32, 3)]);
    script.expect("fd_read", &[FIRST, two, 2, SCRATCH], 0);
    script.check(SCRATCH, &[6, 0, 0, 0]);
    script.check(SCRATCH + 16, b"012");
    script.check(SCRATCH + 32, b"345");
    script.expect("fd_tell", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH, 6);
    script.expect("fd_pread", &[FIRST, two, 1, 8, SCRATCH], 0);
    script.check(SCRATCH, &[2, 0, 0, 0]);
    script.check(SCRATCH + 16, b"892");
    script.expect("fd_seek", &[FIRST, -2, 2, SCRATCH], 0);
    script.check_u64(SCRATCH, 8);
    script.expect("fd_seek", &[FIRST, 5, 1, SCRATCH], 0);
    script.check_u64(SCRATCH, 13);
    script.expect("fd_read", &[FIRST, two, 2, SCRATCH], 0);
    script.check(SCRATCH, &[0, 0, 0, 0]);
    for (offset, whence) in [
        (-14, 1),
        (-11, 2),
        (-1, 0),
        (0, 3),
        (i64::MAX, 1),
        (i64::MIN, 2),
    ] {
        script.expect("fd_seek", &[FIRST, offset, whence, SCRATCH], INVAL);
    }
    script.expect("fd_pread", &[FIRST, two, 1, i64::MIN, SCRATCH], INVAL);
    script.expect("fd_advise", &[FIRST, 0, 0, 0], 0);
    script.expect("fd_advise", &[FIRST, 0, 0, 6], INVAL);
    script.expect("fd_filestat_get", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH + 32, 10);
    // What was opened to be read is not written, whatever the rights said.
    script.expect("fd_write", &[FIRST, two, 1, SCRATCH], BADF);
    script.expect("fd_pwrite", &[FIRST, two, 1, 0, SCRATCH], BADF);
    script.expect("fd_filestat_set_size", &[FIRST, 0], BADF);
    script.expect("fd_allocate", &[FIRST, 0, 100], BADF);
    // Times need the grant to write, and not a descriptor that was opened for it.
    script.expect("fd_filestat_set_times", &[FIRST, 0, 0, 1], ACCES);
    script.expect("fd_close", &[FIRST], 0);
    script.expect("fd_read", &[FIRST, two, 2, SCRATCH], BADF);
    script.expect("fd_close", &[FIRST], BADF);
    script.run();
}

#[test]
fn files_are_written_cut_extended_and_dated() {
    let (kept, mut script) = place();
    script.open("file", 0, BOTH, 0, 0);
    let bytes = script.bytes(b"abcdef");
    let buffers = script.iovecs(&[(bytes, 2), (bytes + 4, 1)]);
    script.expect("fd_write", &[FIRST, buffers, 2, SCRATCH], 0);
    script.check(SCRATCH, &[3, 0, 0, 0]);
    script.expect("fd_pwrite", &[FIRST, buffers, 1, 8, SCRATCH], 0);
    script.expect("fd_pwrite", &[FIRST, buffers, 1, i64::MIN, SCRATCH], INVAL);
    script.expect("fd_write", &[FIRST, buffers, 0, SCRATCH], 0);
    script.check(SCRATCH, &[0, 0, 0, 0]);
    script.expect("fd_fdstat_set_flags", &[FIRST, APPEND], 0);
    script.expect("fd_write", &[FIRST, buffers, 1, SCRATCH], 0);
    script.expect("fd_tell", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH, 12);
    script.expect("fd_sync", &[FIRST], 0);
    script.expect("fd_datasync", &[FIRST], 0);
    script.expect("fd_filestat_set_size", &[FIRST, 11], 0);
    script.expect("fd_filestat_set_size", &[FIRST, i64::MIN], INVAL);
    script.expect("fd_allocate", &[FIRST, 4, 2], 0);
    script.expect("fd_allocate", &[FIRST, 10, 3], 0);
    script.expect("fd_allocate", &[FIRST, 0, 0], INVAL);
    script.expect("fd_allocate", &[FIRST, i64::MIN, 1], INVAL);
    script.expect("fd_allocate", &[FIRST, i64::MAX, 1], FBIG);
    script.expect("fd_filestat_set_times", &[FIRST, 0, 5_000_000_000, 4], 0);
    script.expect("fd_filestat_get", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH + 48, 5_000_000_000);
    script.expect("fd_filestat_set_times", &[FIRST, 0, 0, 12], INVAL);
    script.expect("fd_filestat_set_times", &[FIRST, 0, 0, 16], INVAL);
    script.open("file", 0, READING, 0, 0);
    let reading = FIRST + 1;
    script.expect("fd_filestat_set_times", &[reading, 0, 6_000_000_000, 4], 0);
    script.expect("fd_filestat_get", &[reading, SCRATCH], 0);
    script.check_u64(SCRATCH + 48, 6_000_000_000);
    script.run();
    assert_eq!(
        fs::read(kept.path().join("file")).unwrap(),
        b"abe34567aba\0\0"
    );
}

#[test]
fn directories_are_listed_by_cookies_over_one_snapshot() {
    let (kept, mut script) = readable();
    fs::create_dir(kept.path().join("sub")).unwrap();
    script.open("", DIRECTORY, READING, 0, 0);
    script.expect("fd_readdir", &[FIRST, SCRATCH + 16, 512, 0, SCRATCH], 0);
    // Four entries of 24 bytes and their names: ".", "..", "file", "sub".
    script.check(SCRATCH, &(4 * 24 + 10u32).to_le_bytes());
    script.check_u64(SCRATCH + 16, 1);
    script.check(SCRATCH + 32, &[1, 0, 0, 0, 3, 0, 0, 0, b'.']);
    script.expect("fd_readdir", &[FIRST, SCRATCH + 16, 512, 2, SCRATCH], 0);
    script.check(SCRATCH, &(2 * 24 + 7u32).to_le_bytes());
    script.check_u64(SCRATCH + 16, 3);
    script.check(SCRATCH + 32, b"\x04\0\0\0\x04\0\0\0file");
    // An entry that does not fit is cut, and fills the buffer.
    script.expect("fd_readdir", &[FIRST, SCRATCH + 16, 26, 2, SCRATCH], 0);
    script.check(SCRATCH, &[26, 0, 0, 0]);
    script.expect("fd_readdir", &[FIRST, SCRATCH + 16, 0, 2, SCRATCH], 0);
    for past in [4, 5, 1_000_000, -1, i64::MIN] {
        script.expect("fd_readdir", &[FIRST, SCRATCH + 16, 512, past, SCRATCH], 0);
        script.check(SCRATCH, &[0, 0, 0, 0]);
    }
    script.expect("fd_seek", &[FIRST, 0, 0, SCRATCH], 0);
    // A position of its own, as Linux gives it; listing goes by cookies.
    script.expect("fd_seek", &[FIRST, 7, 0, SCRATCH], 0);
    script.expect("fd_seek", &[FIRST, -2, 1, SCRATCH], 0);
    script.check_u64(SCRATCH, 5);
    script.expect("fd_tell", &[FIRST, SCRATCH], 0);
    script.check_u64(SCRATCH, 5);
    script.expect("fd_seek", &[FIRST, -6, 1, SCRATCH], INVAL);
    script.expect("fd_seek", &[FIRST, -1, 0, SCRATCH], INVAL);
    script.expect("fd_seek", &[FIRST, 0, 2, SCRATCH], INVAL);
    script.expect("fd_seek", &[FIRST, 0, 3, SCRATCH], INVAL);
    script.expect("fd_readdir", &[ROOT, SCRATCH + 16, 512, 0, SCRATCH], ACCES);
    // That the root is a directory is no secret.
    script.expect("fd_filestat_get", &[ROOT, SCRATCH], 0);
    script.check(SCRATCH, &[&[0; 16][..], &[3], &[0; 47]].concat());
    script.open("file", 0, READING, 0, 0);
    script.expect(
        "fd_readdir",
        &[FIRST + 1, SCRATCH + 16, 512, 0, SCRATCH],
        NOTDIR,
    );
    script.expect("fd_readdir", &[1, SCRATCH + 16, 512, 0, SCRATCH], NOTDIR);
    script.run();
}

#[test]
fn paths_are_read_as_far_as_they_are_paths() {
    let (kept, mut script) = place();
    fs::create_dir(kept.path().join("sub")).unwrap();
    script.open("sub", 0, READING, 0, 0);
    let stat = |script: &mut Script, fd, path: &[u8], errno| {
        let (ptr, len) = script.raw(path);
        script.expect("path_filestat_get", &[fd, FOLLOW, ptr, len, SCRATCH], errno);
    };
    let root = script.root.clone();
    let under = |path: &str| format!("{root}/{path}").trim_start_matches('/').to_owned();
    stat(&mut script, ROOT, under("file").as_bytes(), 0);
    stat(
        &mut script,
        ROOT,
        format!("/{}", under("file")).as_bytes(),
        0,
    );
    stat(
        &mut script,
        ROOT,
        format!("./.././/{}", under("sub/../file")).as_bytes(),
        0,
    );
    // Whether there is such a directory is not to be learned.
    for beside in ["x", "etc"] {
        stat(
            &mut script,
            ROOT,
            format!("{beside}/../{}", under("file")).as_bytes(),
            ACCES,
        );
    }
    stat(
        &mut script,
        ROOT,
        format!("../../{}", under("file")).as_bytes(),
        0,
    );
    stat(&mut script, FIRST, b"../file", 0);
    stat(&mut script, FIRST, b".", 0);
    stat(&mut script, FIRST, b"../file/", NOTDIR);
    stat(&mut script, FIRST, b"../file/.", NOTDIR);
    stat(&mut script, FIRST, b"../sub/", 0);
    stat(&mut script, FIRST, b"none", NOENT);
    stat(&mut script, FIRST, b"../file/x", NOTDIR);
    stat(&mut script, FIRST, b"", NOENT);
    stat(&mut script, FIRST, b"a\0b", INVAL);
    stat(&mut script, FIRST, b"\xff", ILSEQ);
    stat(&mut script, FIRST, &[b'x'; 4097], NAMETOOLONG);
    stat(&mut script, FIRST, &[b'x'; 300], NAMETOOLONG);
    stat(&mut script, 1, b"file", NOTDIR);
    let (ptr, _) = script.text("file");
    script.expect(
        "path_filestat_get",
        &[ROOT, 0, ptr, 0xFFFF_FFFF, SCRATCH],
        NAMETOOLONG,
    );
    // Nobody learns what exists where nothing is granted.
    for path in ["etc/passwd", "etc/none", "none", "proc/self/environ"] {
        stat(&mut script, ROOT, path.as_bytes(), ACCES);
        let (ptr, len) = script.text(path);
        let open = [ROOT, FOLLOW, ptr, len, 0, READING, 0, 0, SCRATCH];
        script.expect("path_open", &open, ACCES);
    }
    script.run();
}

#[test]
fn opening_does_what_the_flags_say() {
    let (kept, mut script) = place();
    fs::create_dir(kept.path().join("sub")).unwrap();
    script.open("file", DIRECTORY, READING, 0, NOTDIR);
    script.open("file/", 0, READING, 0, NOTDIR);
    script.open("sub", 0, BOTH, 0, ISDIR);
    script.open("none", 0, READING, 0, NOENT);
    script.open("file", CREAT | EXCL, WRITING, 0, EXIST);
    script.open("new", CREAT | DIRECTORY, WRITING, 0, INVAL);
    script.open("file", 0, READING, 64, INVAL);
    script.open("new", CREAT | EXCL, WRITING, 0, 0);
    script.open("file", TRUNC, WRITING, 0, 0);
    script.check(SCRATCH, &[5, 0, 0, 0]);
    // What was opened to be written only is not read.
    let buffers = script.iovecs(&[(SCRATCH + 16, 4)]);
    script.expect("fd_read", &[FIRST, buffers, 1, SCRATCH], BADF);
    script.expect("fd_write", &[FIRST, buffers, 1, SCRATCH], 0);
    // A number is used again once it was given back.
    script.expect("fd_close", &[FIRST], 0);
    script.open("file", 0, READING, 0, 0);
    script.check(SCRATCH, &[4, 0, 0, 0]);
    script.run();
    assert_eq!(fs::read(kept.path().join("file")).unwrap(), b"");
    assert_eq!(fs::read(kept.path().join("new")).unwrap().len(), 4);
}

/// D3-03, D3-04: what means writing is in other words than the rights alone.
#[test]
fn f7_every_word_that_means_writing_needs_a_grant_for_writing() {
    let (kept, mut script) = readable();
    // All rights but the one to write, and inheriting all: a plain read.
    script.open("file", 0, READING, 0, 0);
    script.open("file", TRUNC, READING, 0, ACCES);
    script.open("file", CREAT, READING, 0, ACCES);
    script.open("new", CREAT, READING, 0, ACCES);
    script.open("new", CREAT | EXCL, READING, 0, ACCES);
    script.open("file", EXCL, READING, 0, ACCES);
    script.open("file", 0, READING, APPEND, ACCES);
    script.open("file", 0, WRITING, 0, ACCES);
    script.open("file", 0, 64, 0, ACCES);
    script.open("file", 0, 0, 0, 0);
    let (file, file_len) = script.at("file");
    let (new, new_len) = script.at("new");
    for (name, args) in [
        ("path_create_directory", vec![ROOT, new, new_len]),
        ("path_remove_directory", vec![ROOT, new, new_len]),
        ("path_unlink_file", vec![ROOT, file, file_len]),
        (
            "path_rename",
            vec![ROOT, file, file_len, ROOT, new, new_len],
        ),
        (
            "path_link",
            vec![ROOT, 0, file, file_len, ROOT, new, new_len],
        ),
        ("path_symlink", vec![file, file_len, ROOT, new, new_len]),
        (
            "path_filestat_set_times",
            vec![ROOT, 1, file, file_len, 0, 0, 1],
        ),
    ] {
        script.expect(name, &args, ACCES);
    }
    script.run();
    assert_eq!(fs::read(kept.path().join("file")).unwrap(), b"0123456789");
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 1);
}

#[test]
fn names_are_made_moved_and_removed() {
    let (kept, mut script) = place();
    let (file, file_len) = script.at("file");
    let (sub, sub_len) = script.at("sub");
    let (inner, inner_len) = script.at("sub/inner");
    script.expect("path_create_directory", &[ROOT, sub, sub_len], 0);
    script.expect("path_create_directory", &[ROOT, sub, sub_len], EXIST);
    script.expect(
        "path_link",
        &[ROOT, 0, file, file_len, ROOT, inner, inner_len],
        0,
    );
    script.expect(
        "path_link",
        &[ROOT, 1, file, file_len, ROOT, inner, inner_len],
        INVAL,
    );
    script.expect("path_remove_directory", &[ROOT, sub, sub_len], NOTEMPTY);
    script.expect(
        "path_rename",
        &[ROOT, inner, inner_len, ROOT, file, file_len],
        0,
    );
    script.expect("path_unlink_file", &[ROOT, inner, inner_len], 0);
    script.expect("path_unlink_file", &[ROOT, inner, inner_len], NOENT);
    script.expect("path_remove_directory", &[ROOT, file, file_len], NOTDIR);
    script.expect("path_remove_directory", &[ROOT, sub, sub_len], 0);
    let times = [ROOT, 1, file, file_len, 3_000_000_000, 4_000_000_000, 5];
    script.expect("path_filestat_set_times", &times, 0);
    script.expect("path_filestat_get", &[ROOT, 1, file, file_len, SCRATCH], 0);
    script.check_u64(SCRATCH + 40, 3_000_000_000);
    script.check_u64(SCRATCH + 48, 4_000_000_000);
    script.expect("path_unlink_file", &[ROOT, file, file_len], 0);
    script.run();
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn links_are_made_read_and_followed() {
    let (kept, mut script) = place();
    let (target, target_len) = script.text("file");
    let (link, link_len) = script.at("link");
    let (file, file_len) = script.at("file");
    script.expect(
        "path_symlink",
        &[target, target_len, ROOT, link, link_len],
        0,
    );
    script.expect(
        "path_readlink",
        &[ROOT, link, link_len, SCRATCH + 16, 64, SCRATCH],
        0,
    );
    script.check(SCRATCH, &[4, 0, 0, 0]);
    script.check(SCRATCH + 16, b"file\0");
    script.expect(
        "path_readlink",
        &[ROOT, link, link_len, SCRATCH + 32, 2, SCRATCH],
        0,
    );
    script.check(SCRATCH, &[2, 0, 0, 0]);
    script.check(SCRATCH + 32, b"fi\0");
    script.expect(
        "path_readlink",
        &[ROOT, file, file_len, SCRATCH + 16, 64, SCRATCH],
        INVAL,
    );
    script.expect("path_filestat_get", &[ROOT, 0, link, link_len, SCRATCH], 0);
    script.check(SCRATCH + 16, &[7]);
    script.expect("path_filestat_get", &[ROOT, 1, link, link_len, SCRATCH], 0);
    script.check(SCRATCH + 16, &[4]);
    let no_follow = [ROOT, 0, link, link_len, 0, READING, 0, 0, SCRATCH];
    script.expect("path_open", &no_follow, LOOP);
    script.open("link", 0, READING, 0, 0);
    // A link out of what is granted can be neither made nor followed.
    let (out, out_len) = script.text("/etc/hosts");
    let (new, new_len) = script.at("new");
    script.expect("path_symlink", &[out, out_len, ROOT, new, new_len], ACCES);
    std::os::unix::fs::symlink("/etc/hosts", kept.path().join("out")).unwrap();
    script.open("out", 0, READING, 0, ACCES);
    // Where a relative target leads is counted from where the link really is: by the path it
    // would stay in the directory.
    fs::create_dir_all(kept.path().join("a/b")).unwrap();
    std::os::unix::fs::symlink("../..", kept.path().join("a/b/up")).unwrap();
    let (above, above_len) = script.text("../../../x");
    let (deep, deep_len) = script.at("a/b/up/new");
    script.expect(
        "path_symlink",
        &[above, above_len, ROOT, deep, deep_len],
        ACCES,
    );
    script.run();
}

#[test]
fn descriptors_are_moved_and_capped() {
    let (kept, mut script) = place();
    script.open("file", 0, BOTH, 0, 0);
    script.expect("fd_renumber", &[FIRST, FIRST], 0);
    script.expect("fd_renumber", &[FIRST, 50], BADF);
    // As a shell redirects the standard output.
    script.expect("fd_renumber", &[FIRST, 1], 0);
    script.expect("fd_tell", &[FIRST, SCRATCH], BADF);
    let bytes = script.bytes(b"printed");
    let buffers = script.iovecs(&[(bytes, 7)]);
    script.expect("fd_write", &[1, buffers, 1, SCRATCH], 0);
    let (file, len) = script.at("file");
    let open = [ROOT, 1, file, len, 0, READING, 0, 0, SCRATCH];
    for _ in FIRST..256 {
        script.expect("path_open", &open, 0);
    }
    script.expect("path_open", &open, MFILE);
    script.expect("fd_close", &[77], 0);
    script.expect("path_open", &open, 0);
    script.check(SCRATCH, &[77, 0, 0, 0]);
    script.run();
    assert_eq!(fs::read(kept.path().join("file")).unwrap(), b"printed789");
}

/// However little of a listing is fetched, the host has made all of it.
#[test]
fn listing_a_directory_costs_all_its_names() {
    let (kept, mut script) = readable();
    for number in 0..100 {
        fs::write(kept.path().join(format!("{number:0200}")), "").unwrap();
    }
    script.open("", DIRECTORY, READING, 0, 0);
    for _ in 0..50 {
        script.expect("fd_readdir", &[4, SCRATCH, 0, 0, SCRATCH], 0);
    }
    let error = script.run_on(500_000).unwrap_err();
    assert!(error.report().contains("fuel"), "{error}");
}

/// A new name must not open what the old one kept closed.
#[test]
fn moving_a_file_does_not_make_it_readable() {
    let (kept, mut script) = place();
    fs::create_dir(kept.path().join("pub")).unwrap();
    let path = kept.path().canonicalize().unwrap();
    let path = &named(&path);
    script.grants = vec![
        format!("fs:write:{path}/**"),
        format!("fs:read:{path}/pub/**"),
    ];
    let (file, file_len) = script.at("file");
    let (moved, moved_len) = script.at("moved");
    let (readable, readable_len) = script.at("pub/file");
    script.expect(
        "path_rename",
        &[ROOT, file, file_len, ROOT, readable, readable_len],
        ACCES,
    );
    // What is to be read nowhere may be moved, and what was readable too.
    script.expect(
        "path_rename",
        &[ROOT, file, file_len, ROOT, moved, moved_len],
        0,
    );
    script.open("pub/new", CREAT, WRITING, 0, 0);
    let (new, new_len) = script.at("pub/new");
    script.expect(
        "path_rename",
        &[ROOT, new, new_len, ROOT, readable, readable_len],
        0,
    );
    script.run();
}

/// Moving a directory moves all that is below it.
#[test]
fn a_directory_is_moved_only_where_all_below_it_is_granted() {
    let (kept, mut script) = place();
    let path = kept.path().canonicalize().unwrap();
    fs::create_dir(path.join("private")).unwrap();
    fs::write(path.join("private/secret"), "secret").unwrap();
    fs::create_dir_all(path.join("pub/own/deep")).unwrap();
    let path = &named(&path);
    script.grants = vec![
        format!("fs:write:{path}/*"),
        format!("fs:read:{path}/*"),
        format!("fs:write:{path}/pub/**"),
        format!("fs:read:{path}/pub/**"),
    ];
    let (private, private_len) = script.at("private");
    let (inside, inside_len) = script.at("pub/private");
    let (beside, beside_len) = script.at("away");
    let (own, own_len) = script.at("pub/own");
    let (other, other_len) = script.at("pub/other");
    let moves = |script: &mut Script, from: (i64, i64), to: (i64, i64), errno| {
        let args = [ROOT, from.0, from.1, ROOT, to.0, to.1];
        script.expect("path_rename", &args, errno);
    };
    moves(
        &mut script,
        (private, private_len),
        (inside, inside_len),
        ACCES,
    );
    moves(
        &mut script,
        (private, private_len),
        (beside, beside_len),
        ACCES,
    );
    moves(&mut script, (own, own_len), (beside, beside_len), ACCES);
    moves(&mut script, (own, own_len), (other, other_len), 0);
    script.run();
    assert!(kept.path().join("private/secret").exists());
    assert!(kept.path().join("pub/other/deep").exists());
}

/// A link is made where its directory really is, and leads from there.
#[cfg(unix)]
#[test]
fn a_link_made_behind_a_link_is_judged_by_where_it_leads_from_there() {
    let (kept, mut script) = place();
    let root = kept.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("open/deep/er")).unwrap();
    fs::write(root.join("secret"), "secret").unwrap();
    fs::create_dir(root.join("closed")).unwrap();
    std::os::unix::fs::symlink("deep/er", root.join("open/short")).unwrap();
    std::os::unix::fs::symlink("../..", root.join("open/deep/er/top")).unwrap();
    std::os::unix::fs::symlink(root.join("closed"), root.join("open/leak")).unwrap();
    std::os::unix::fs::symlink(root.join("missing"), root.join("open/gone")).unwrap();
    let path = root.to_str().unwrap();
    script.grants = vec![
        format!("fs:write:{path}/open/**"),
        format!("fs:read:{path}/open/**"),
    ];
    let link = |script: &mut Script, target: &str, name: &str, errno| {
        let (target, target_len) = script.text(target);
        let (name, name_len) = script.at(name);
        let args = [target, target_len, ROOT, name, name_len];
        script.expect("path_symlink", &args, errno);
    };
    // By its text this would lead to `open/closed`; really it is `open/deep/er/closed`.
    link(&mut script, "closed", "open/short/a", 0);
    // Where `..` leads changes when a link is moved, so it is in no link of a plugin.
    link(&mut script, "../../fine", "open/short/b", ACCES);
    link(&mut script, "../../../secret", "open/deep/er/b", ACCES);
    link(&mut script, "../secret", "open/deep/er/top/b", ACCES);
    link(&mut script, "deep/er/top/../secret", "open/c", ACCES);
    link(&mut script, "deep/er/top/../missing", "open/c", ACCES);
    // Nobody learns what a link out of here leads to.
    link(&mut script, "x", "open/leak/l", ACCES);
    link(&mut script, "x", "open/gone/l", ACCES);
    script.run();
}

#[test]
fn nothing_is_found_from_a_directory_that_was_removed() {
    let grants = ["fs:read:@/**", "fs:write:@/**"];
    in_both_worlds(&["sub/", "sub/below/", "file"], &grants, |script| {
        script.open("sub", DIRECTORY, 0, 0, 0);
        script.open("sub/below", DIRECTORY, 0, 0, 0);
        for name in ["sub/below", "sub"] {
            let (path, len) = script.at(name);
            script.expect("path_remove_directory", &[ROOT, path, len], 0);
        }
        for fd in [FIRST, FIRST + 1] {
            for name in [
                ".",
                "file",
                "../file",
                "x/../file",
                "../../../../../../../../etc/passwd",
                "../../../../../../../../none/x",
            ] {
                let (path, len) = script.text(name);
                let stat = [fd, FOLLOW, path, len, SCRATCH];
                script.expect("path_filestat_get", &stat, NOENT);
                script.expect("path_create_directory", &[fd, path, len], NOENT);
            }
        }
    });
}
