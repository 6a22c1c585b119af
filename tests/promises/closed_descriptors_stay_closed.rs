//! A preview 1 descriptor refers to what was last opened or moved to it, and to nothing once closed. A
//! simple table is the reference.

use crate::support::preview1;

use preview1::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Input,
    Output,
    Root,
    /// A file, and where it is read next.
    File(u64),
    Directory,
}

use Open::{Directory, Input, Output, Root};

struct Table(BTreeMap<i64, Open>);

impl Table {
    fn new() -> Table {
        let first = [Input, Output, Output, Root];
        Table((0..).zip(first).collect())
    }

    /// The error number for what is there, `BADF` if nothing is.
    fn errno(&self, fd: i64, of: impl FnOnce(Open) -> u16) -> u16 {
        self.0.get(&fd).map_or(BADF, |open| of(*open))
    }

    /// Opens something that is there, by a name relative to `/`.
    fn open(&mut self, script: &mut Script, name: &str, oflags: i64, what: Open) {
        let free = (3..).find(|number| !self.0.contains_key(number)).unwrap();
        let (path, len) = script.text(name);
        let args = [ROOT, 1, path, len, oflags, READING, 0, 0, SCRATCH];
        let errno = self.relative(ROOT, true);
        script.expect("path_open", &args, errno);
        if errno == 0 {
            script.check(SCRATCH, &u32::try_from(free).unwrap().to_le_bytes());
            self.0.insert(free, what);
        }
    }

    /// What comes of a name relative to a number, where it is that of a file.
    fn relative(&self, fd: i64, is_there: bool) -> u16 {
        self.errno(fd, |open| match open {
            Root if is_there => 0,
            // Nothing at `/` is granted.
            Root => ACCES,
            Directory if is_there => NOENT,
            Directory => 0,
            _ => NOTDIR,
        })
    }

    fn renumber(&mut self, from: i64, to: i64) -> u16 {
        match (self.0.get(&from), self.0.get(&to)) {
            (Some(open), Some(_)) => {
                let open = *open;
                if from != to {
                    self.0.remove(&from);
                    self.0.insert(to, open);
                }
                0
            }
            _ => BADF,
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    OpenFile,
    OpenDirectory,
    Close(i64),
    Renumber(i64, i64),
    Use(i64),
}

/// Numbers that are likely to be open, and some that never are.
fn fd() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 0i64..8, 1 => prop::sample::select(&[255, 256, -1, 1 << 31][..])]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::OpenFile),
        2 => Just(Op::OpenDirectory),
        3 => fd().prop_map(Op::Close),
        3 => (fd(), fd()).prop_map(|(from, to)| Op::Renumber(from, to)),
        4 => fd().prop_map(Op::Use),
    ]
}

/// Everything that can be done with a number, and what must come of it.
fn use_it(table: &mut Table, script: &mut Script, fd: i64) {
    let fd_low = fd & 0xFFFF_FFFF;
    let streams = |errno: u16, open| match open {
        Input | Output => errno,
        Root | Directory => ISDIR,
        Open::File(_) => 0,
    };
    let buffers = script.iovecs(&[(SCRATCH + 64, 2)]);
    let (name, len) = script.text("file");
    let stat = [fd_low, 1, name, len, SCRATCH];
    script.expect("path_filestat_get", &stat, table.relative(fd, false));
    let open = [fd_low, 1, name, len, DIRECTORY, READING, 0, 0, SCRATCH];
    let not_there = table.errno(fd, |open| match open {
        Root => ACCES,
        // It is a file.
        _ => NOTDIR,
    });
    script.expect("path_open", &open, not_there);
    let read = table.errno(fd, |open| match open {
        Input => 0,
        Output => BADF,
        other => streams(0, other),
    });
    script.expect("fd_read", &[fd_low, buffers, 1, SCRATCH], read);
    if let Some(Open::File(position)) = table.0.get_mut(&fd) {
        *position = (*position + 2).min(10);
        script.expect("fd_tell", &[fd_low, SCRATCH + 32], 0);
        script.check_u64(SCRATCH + 32, *position);
    }
    let write = table.errno(fd, |open| match open {
        Input | Open::File(_) => BADF,
        Output => 0,
        Root | Directory => ISDIR,
    });
    script.expect("fd_write", &[fd_low, buffers, 1, SCRATCH], write);
    let apart = table.errno(fd, |open| streams(SPIPE, open));
    let tell = table.errno(fd, |open| match open {
        Root | Directory | Input => 0,
        other => streams(SPIPE, other),
    });
    script.expect("fd_tell", &[fd_low, SCRATCH], tell);
    script.expect("fd_pread", &[fd_low, buffers, 1, 0, SCRATCH], apart);
    script.expect("fd_advise", &[fd_low, 0, 0, 0], apart);
    let list = table.errno(fd, |open| match open {
        Directory => 0,
        Root => ACCES,
        _ => NOTDIR,
    });
    script.expect("fd_readdir", &[fd_low, SCRATCH + 64, 100, 0, SCRATCH], list);
    let about = table.errno(fd, |_| 0);
    script.expect("fd_filestat_get", &[fd_low, SCRATCH], about);
    let sync = table.errno(fd, |open| match open {
        Input | Output => INVAL,
        _ => 0,
    });
    script.expect("fd_sync", &[fd_low], sync);
    let given = table.errno(fd, |open| if open == Root { 0 } else { BADF });
    script.expect("fd_prestat_get", &[fd_low, SCRATCH], given);
    script.expect("fd_fdstat_get", &[fd_low, SCRATCH], table.errno(fd, |_| 0));
    let filetype = table.0.get(&fd).map(|open| match open {
        Input | Output => 2,
        Root | Directory => 3,
        Open::File(_) => 4,
    });
    if let Some(filetype) = filetype {
        script.check(SCRATCH, &[filetype]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::support::tenth(100), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_number_stands_for_what_was_last_put_there(ops in prop::collection::vec(op(), 1..30)) {
        let (_kept, mut script) = readable();
        let mut table = Table::new();
        let root = script.root.trim_start_matches('/').to_owned();
        for op in &ops {
            match *op {
                Op::OpenFile => {
                    table.open(&mut script, &format!("{root}/file"), 0, Open::File(0));
                }
                Op::OpenDirectory => table.open(&mut script, &root, DIRECTORY, Directory),
                Op::Close(fd) => {
                    let errno = table.errno(fd, |_| 0);
                    script.expect("fd_close", &[fd], errno);
                    table.0.remove(&fd);
                    // Closed twice is not closed.
                    script.expect("fd_close", &[fd], BADF);
                }
                Op::Renumber(from, to) => {
                    let errno = table.renumber(from, to);
                    script.expect("fd_renumber", &[from, to], errno);
                }
                Op::Use(fd) => use_it(&mut table, &mut script, fd),
            }
        }
        script.run();
    }
}

/// However often: what a number stood for is given back when another takes its place.
#[test]
fn what_is_replaced_or_closed_is_given_back() {
    let (_kept, mut script) = readable();
    script.open("file", 0, READING, 0, 0);
    for _ in 0..600 {
        script.open("", DIRECTORY, READING, 0, 0);
        script.expect("fd_renumber", &[FIRST + 1, FIRST], 0);
    }
    for _ in 0..3 {
        for _ in FIRST + 1..256 {
            script.open("file", 0, READING, 0, 0);
        }
        script.open("file", 0, READING, 0, MFILE);
        script.open("none", 0, READING, 0, MFILE);
        for fd in FIRST + 1..256 {
            script.expect("fd_close", &[fd], 0);
        }
    }
    script.run();
}

/// Without any number of its own a plugin gets no others, and its streams are no way out.
#[test]
fn the_first_numbers_can_be_closed_too() {
    let (_kept, mut script) = readable();
    script.open("file", 0, READING, 0, 0);
    for fd in 0..=ROOT {
        script.expect("fd_close", &[fd], 0);
    }
    script.open("file", 0, READING, 0, BADF);
    let (path, len) = script.text("file");
    let open = [FIRST, 1, path, len, 0, READING, 0, 0, SCRATCH];
    script.expect("path_open", &open, NOTDIR);
    // Nothing is at 0 to 3 for it to be moved to.
    for fd in 0..=ROOT {
        script.expect("fd_renumber", &[FIRST, fd], BADF);
    }
    let buffers = script.iovecs(&[(SCRATCH + 64, 2)]);
    script.expect("fd_read", &[FIRST, buffers, 1, SCRATCH], 0);
    script.run();
}
