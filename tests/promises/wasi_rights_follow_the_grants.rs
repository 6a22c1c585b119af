//! The rights that preview 1 reports are those that apply: to a file what it was opened for, to a
//! directory what can be done with directories, and to what is opened below it what the grants allow.
//! C libraries ask for no more rights than a directory reports, and answer `access` by them.

use crate::support::preview1;

use preview1::*;

const FD_READ: u64 = 1 << 1;
const FD_SEEK: u64 = 1 << 2;
const FD_TELL: u64 = 1 << 5;
const FD_WRITE: u64 = 1 << 6;
const FD_ALLOCATE: u64 = 1 << 8;
const FD_READDIR: u64 = 1 << 14;
const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
/// What every directory can do, with grants for writing below it, by the specification: all rights
/// of paths but the one that no function has, and those of the directory itself.
const DIRECTORY_RIGHTS: u64 = 0x07B7_FE18;
/// What can be done with files, and with further directories.
const ALL_RIGHTS: u64 = 0x0FF7_FFFF;

/// What C libraries ask for to write only, where a directory hands down `inheriting`.
fn write_only(inheriting: u64) -> u64 {
    !(FD_READ | FD_READDIR) & inheriting
}

/// What C libraries ask for to read only.
fn read_only(inheriting: u64) -> u64 {
    !(1 | FD_WRITE | FD_ALLOCATE | FD_FILESTAT_SET_SIZE) & inheriting
}

/// What C libraries ask for to search only, or to execute.
fn search_only(inheriting: u64) -> u64 {
    read_only(inheriting) & !FD_READ & !FD_READDIR
}

fn rights(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

fn expect_rights(script: &mut Script, fd: i64, base: u64, inheriting: u64) {
    script.expect("fd_fdstat_get", &[fd, SCRATCH], 0);
    script.check_u64(SCRATCH + 8, base);
    script.check_u64(SCRATCH + 16, inheriting);
}

/// Asks as `access` of C libraries does: examines the path, and then reads what is handed down.
fn access(script: &mut Script, name: &str, inheriting: u64) {
    let (path, len) = match name.strip_prefix('/') {
        Some(absolute) => script.text(absolute),
        None => script.at(name),
    };
    let stat = [ROOT, FOLLOW, path, len, SCRATCH];
    script.expect("path_filestat_get", &stat, 0);
    script.expect("fd_fdstat_get", &[ROOT, SCRATCH], 0);
    script.check_u64(SCRATCH + 16, inheriting);
}

#[test]
fn a_directory_is_opened_with_the_rights_that_it_reports() {
    let grants = ["fs:read:@/**", "fs:write:@/**"];
    in_both_worlds(&["sub/", "sub/file"], &grants, |script| {
        expect_rights(script, ROOT, DIRECTORY_RIGHTS, ALL_RIGHTS);
        // With what it reports, with nothing, to be searched, and to be read.
        for (number, asked) in [
            DIRECTORY_RIGHTS,
            0,
            search_only(ALL_RIGHTS),
            read_only(ALL_RIGHTS),
            FD_READ,
            FD_SEEK | FD_TELL,
        ]
        .into_iter()
        .enumerate()
        {
            let fd = FIRST + 2 * i64::try_from(number).unwrap();
            for (fd, oflags) in [(fd, 0), (fd + 1, DIRECTORY)] {
                script.open("sub", oflags, rights(asked), 0, 0);
                expect_rights(script, fd, DIRECTORY_RIGHTS, ALL_RIGHTS);
                // Only what was asked for can be listed.
                let listed = asked & (FD_READ | FD_READDIR) != 0;
                let list = [fd, SCRATCH + 64, 512, 0, SCRATCH];
                script.expect("fd_readdir", &list, if listed { 0 } else { BADF });
                let (name, len) = script.text("file");
                let stat = [fd, FOLLOW, name, len, SCRATCH];
                script.expect("path_filestat_get", &stat, 0);
            }
        }
        for asked in [
            FD_WRITE,
            FD_ALLOCATE,
            FD_READ | FD_WRITE,
            write_only(ALL_RIGHTS),
        ] {
            script.open("sub", 0, rights(asked), 0, ISDIR);
            script.open("sub", DIRECTORY, rights(asked), 0, ISDIR);
        }
        script.expect("fd_fdstat_set_rights", &[FIRST, 0, 0], NOTSUP);
        script.expect("fd_fdstat_set_rights", &[99, 0, 0], BADF);
    });
    // No function sets the size of what a path names.
    assert_eq!(DIRECTORY_RIGHTS & PATH_FILESTAT_SET_SIZE, 0);
}

#[test]
fn a_file_has_the_rights_that_it_was_opened_with() {
    let grants = ["fs:read:@/**", "fs:write:@/**"];
    in_both_worlds(&["file"], &grants, |script| {
        let buffers = script.iovecs(&[(SCRATCH + 16, 4)]);
        let (read, write) = (FD_READ, FD_WRITE);
        // Creating a file needs a grant for writing, and makes no descriptor that writes.
        for (fd, (asked, oflags)) in (FIRST..).zip([
            (0, 0),
            (read, 0),
            (write, 0),
            (read | write, 0),
            (read, CREAT),
            (0, CREAT),
            (FD_READDIR, 0),
        ]) {
            script.open("file", oflags, rights(asked), 0, 0);
            let (read, write) = (asked & read != 0, asked & write != 0);
            let mut base = 0x08A0_00BC;
            base |= if read { FD_READ } else { 0 };
            base |= if write {
                FD_WRITE | FD_ALLOCATE | FD_FILESTAT_SET_SIZE | 1
            } else {
                0
            };
            expect_rights(script, fd, base, 0);
            let allowed = |allowed| if allowed { 0 } else { BADF };
            for (name, args, errno) in [
                ("fd_read", vec![fd, buffers, 1, SCRATCH], allowed(read)),
                ("fd_pread", vec![fd, buffers, 1, 0, SCRATCH], allowed(read)),
                ("fd_write", vec![fd, buffers, 1, SCRATCH], allowed(write)),
                (
                    "fd_pwrite",
                    vec![fd, buffers, 1, 0, SCRATCH],
                    allowed(write),
                ),
                ("fd_allocate", vec![fd, 0, 1], allowed(write)),
                ("fd_filestat_set_size", vec![fd, 8], allowed(write)),
            ] {
                script.expect(name, &args, errno);
            }
        }
    });
}

/// A C library leaves the right to write out where a directory does not hand it down.
#[test]
fn writing_is_denied_at_opening_where_the_right_is_not_handed_down() {
    let handed_down = ALL_RIGHTS & !FD_WRITE;
    let seen = in_both_worlds(&["file", "sub/"], &["fs:read:@/**"], |script| {
        let base = DIRECTORY_RIGHTS & 0x0024_E018;
        expect_rights(script, ROOT, base, handed_down);
        script.open("file", 0, rights(read_only(handed_down)), 0, 0);
        script.open("file", 0, rights(search_only(handed_down)), 0, 0);
        script.open("sub", 0, rights(search_only(handed_down)), 0, 0);
        // No directory is ever written, so there is nothing to deny.
        script.open("sub", 0, rights(write_only(handed_down)), 0, ISDIR);
        script.open("sub", CREAT, 0, 0, ISDIR);
        script.open("sub", CREAT | EXCL, 0, 0, EXIST);
        let both = write_only(handed_down) | FD_READ;
        script.open("file", 0, rights(write_only(handed_down)), 0, ACCES);
        script.open("file", 0, rights(both), 0, ACCES);
        script.open("none", 0, rights(write_only(handed_down)), 0, ACCES);
    });
    let denied = |name: &str| {
        format!(
            r#"{{"type":"denied","plugin":"odd","request":"fs:write:@/{name}","needs":"fs:write:@/{name}","reason":"not_covered"}}"#
        )
    };
    assert_eq!(seen[..2], ["file", "none"].map(denied));
    // That it is a directory is not revealed where it may not be read.
    in_both_worlds(&["sub/", "file"], &["fs:write:@/sub/x"], |script| {
        for name in ["sub", "file", "none"] {
            script.open(name, 0, rights(FD_WRITE), 0, ACCES);
            script.open(name, CREAT | EXCL, 0, 0, ACCES);
        }
    });
    // The right to read is always handed down: without a grant, opening is denied.
    in_both_worlds(&["file"], &["fs:write:@/**"], |script| {
        expect_rights(script, ROOT, DIRECTORY_RIGHTS, ALL_RIGHTS);
        script.open("file", 0, rights(read_only(ALL_RIGHTS) | FD_READ), 0, ACCES);
        script.open("file", 0, rights(ALL_RIGHTS), 0, ACCES);
        script.open("file", 0, rights(write_only(ALL_RIGHTS)), 0, 0);
    });
    in_both_worlds(&[], &["env:HOME"], |script| {
        let base = DIRECTORY_RIGHTS & 0x0024_E018;
        expect_rights(script, ROOT, base, handed_down);
    });
}

#[test]
fn access_is_answered_for_the_path_that_was_examined() {
    let names = ["own", "read", "sub/", "sub/below", "list/", "list/x"];
    let grants = [
        "fs:read:@/own",
        "fs:write:@/own",
        "fs:read:@/read",
        "fs:read:@/sub/*",
        "fs:write:@/sub/b*",
        "fs:read:@/list",
    ];
    let (read_only, all) = (ALL_RIGHTS & !FD_WRITE, ALL_RIGHTS);
    let seen = in_both_worlds(&names, &grants, |script| {
        access(script, "own", all);
        access(script, "read", read_only);
        access(script, "sub/below", all);
        // In a directory something may be created; this one may be searched, and not listed.
        access(script, "sub", all);
        access(script, "list", read_only);
        access(script, "", all & !FD_READDIR);
        access(script, "/.", all & !FD_READDIR);
        // It is the answer to the very next question only, and to none about another descriptor.
        let (path, len) = script.at("read");
        let stat = [ROOT, FOLLOW, path, len, SCRATCH];
        script.expect("path_filestat_get", &stat, 0);
        script.expect("sched_yield", &[], 0);
        expect_rights(script, ROOT, DIRECTORY_RIGHTS, all);
        script.open("list", 0, rights(FD_READ), 0, 0);
        script.expect("path_filestat_get", &stat, 0);
        expect_rights(script, FIRST, DIRECTORY_RIGHTS, all);
        expect_rights(script, ROOT, DIRECTORY_RIGHTS, all);
        // A file that is opened right after another was examined is opened for all that was asked.
        script.expect("path_filestat_get", &stat, 0);
        expect_rights(script, ROOT, DIRECTORY_RIGHTS, read_only);
        script.open("own", 0, rights(write_only(read_only)), 0, 0);
        let buffers = script.iovecs(&[(SCRATCH + 16, 4)]);
        script.expect("fd_write", &[FIRST + 1, buffers, 1, SCRATCH], 0);
    });
    assert_eq!(seen, [""; 0]);
}

/// By the name of a link nothing is known of what it leads to.
#[cfg(unix)]
#[test]
fn access_through_a_link_is_answered_for_all_that_is_granted() {
    let (kept, mut script) = place();
    let root = kept.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("real")).unwrap();
    std::fs::write(root.join("real/file"), "").unwrap();
    std::os::unix::fs::symlink("real", root.join("link")).unwrap();
    let real = root.join("real");
    script.grants = vec![
        format!("fs:read:{}/**", real.display()),
        format!("fs:write:{}/**", real.display()),
    ];
    access(&mut script, "link/file", ALL_RIGHTS);
    script.run();
}

#[test]
fn standard_input_is_no_terminal_and_the_outputs_are() {
    in_both_worlds(&[], &[], |script| {
        for (fd, seekable) in [(0, true), (1, false), (2, false)] {
            script.expect("fd_fdstat_get", &[fd, SCRATCH], 0);
            script.check(SCRATCH, &[2]);
            // Both are about places: without them a device is a terminal.
            let places = if seekable { 0x24 } else { 0 };
            let other = if seekable { 0x98 | 2 } else { 0x98 | 0x40 };
            script.check(SCRATCH + 8, &[places | other]);
        }
        for whence in 0..3 {
            script.expect("fd_seek", &[0, 5, whence, SCRATCH], 0);
            script.check_u64(SCRATCH, 0);
        }
        script.expect("fd_seek", &[0, 0, 3, SCRATCH], INVAL);
        script.expect("fd_tell", &[0, SCRATCH], 0);
        script.check_u64(SCRATCH, 0);
        script.expect("fd_seek", &[1, 0, 1, SCRATCH], SPIPE);
    });
}
