//! Offsets, lengths, cookies, times and addresses at the limits of their types each have a defined
//! result, the same on every file system as far as no file is that long.

use crate::support::{self, preview1};

use preview1::*;
use proptest::prelude::*;
use serde_json::json;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Seek as _, SeekFrom, Write as _},
};
use support::{
    Guest, ask, kind,
    place::{Place, on_this_system},
};
use tollgate::{Runtime, world::Simulated};

/// The last offset of preview 1.
const LAST: i128 = i64::MAX as i128;
/// What a file holds at first.
const CONTENT: &[u8] = b"0123456789";
/// The end of a script's memory.
const END: i64 = 0x10_0000;

/// Numbers where something ends, and some in between.
fn edges() -> impl Strategy<Value = i64> {
    const ENDS: &[i64] = &[
        0,
        10,
        1 << 31,
        1 << 32,
        1 << 44,
        1 << 62,
        i64::MAX,
        i64::MIN,
        -1,
        -10,
    ];
    let near = (prop::sample::select(ENDS), -2i64..=2)
        .prop_map(|(end, more)| end.wrapping_add(more))
        .boxed();
    prop_oneof![4 => near, 1 => any::<i64>(), 3 => -12i64..=12]
}

#[derive(Clone, Debug)]
enum Op {
    Seek(i64, i64),
    Pread(i64),
    Read,
    Pwrite(i64),
    Allocate(i64, i64),
    SetSize(i64),
    Advise(i64, i64, i64),
    SetTimes(i64, i64, i64),
    Readdir(i64, i64),
}

fn op() -> impl Strategy<Value = Op> {
    let whence = prop_oneof![5 => 0i64..=2, 1 => prop::sample::select(&[3, 255, 256, -1][..])];
    let advice = prop_oneof![3 => 0i64..=6, 1 => Just(-1)];
    let which = prop_oneof![4 => 0i64..=17, 1 => Just(-1)];
    let room = prop::sample::select(&[0i64, 1, 23, 24, 25, 60, 512][..]);
    prop_oneof![
        4 => (edges(), whence).prop_map(|(offset, whence)| Op::Seek(offset, whence)),
        3 => edges().prop_map(Op::Pread),
        2 => Just(Op::Read),
        2 => edges().prop_map(Op::Pwrite),
        2 => (edges(), edges()).prop_map(|(offset, len)| Op::Allocate(offset, len)),
        1 => edges().prop_map(Op::SetSize),
        1 => (edges(), edges(), advice).prop_map(|(offset, len, advice)| Op::Advise(offset, len, advice)),
        1 => (edges(), edges(), which).prop_map(|(a, m, which)| Op::SetTimes(a, m, which)),
        2 => (edges(), room).prop_map(|(cookie, room)| Op::Readdir(cookie, room)),
    ]
}

/// What the system says to the same, by the numbers of preview 1.
fn told<T>(result: &io::Result<T>) -> u16 {
    match result.as_ref().map_err(io::Error::kind) {
        Ok(_) => 0,
        Err(ErrorKind::InvalidInput) => INVAL,
        Err(ErrorKind::FileTooLarge) => FBIG,
        Err(ErrorKind::StorageFull) => NOSPC,
        Err(other) => panic!("{other:?}"),
    }
}

/// A file of which much is said here, and where it is read next.
struct Model {
    /// Another file, to which all is done that reaches the system.
    twin: File,
    position: i128,
}

impl Model {
    fn size(&self) -> i128 {
        self.twin.metadata().unwrap().len().into()
    }

    fn set_size(&mut self, size: i128) -> u16 {
        told(&self.twin.set_len(u64::try_from(size).unwrap()))
    }

    /// Adds the step to a script, and what must come of it. Descriptors 4 and 5 are a file and the
    /// directory.
    fn expect(&mut self, script: &mut Script, op: &Op) {
        let buffers = script.iovecs(&[(SCRATCH + 64, 4)]);
        match *op {
            Op::Seek(offset, whence) => {
                let from = match whence {
                    0 => Some(0),
                    1 => Some(self.position),
                    2 => Some(self.size()),
                    _ => None,
                };
                let to = from.map(|from| from + i128::from(offset));
                let to = to.filter(|to| (0..=LAST).contains(to));
                let errno = if to.is_some() { 0 } else { INVAL };
                script.expect("fd_seek", &[FIRST, offset, whence, SCRATCH], errno);
                self.position = to.unwrap_or(self.position);
                script.expect("fd_tell", &[FIRST, SCRATCH], 0);
                script.check_u64(SCRATCH, u64::try_from(self.position).unwrap());
            }
            Op::Pread(offset) if offset < 0 => {
                script.expect("fd_pread", &[FIRST, buffers, 1, offset, SCRATCH], INVAL);
            }
            Op::Pread(offset) => {
                script.expect("fd_pread", &[FIRST, buffers, 1, offset, SCRATCH], 0);
                let read = (self.size() - i128::from(offset)).clamp(0, 4);
                script.check(SCRATCH, &u32::try_from(read).unwrap().to_le_bytes());
            }
            Op::Read => {
                script.expect("fd_read", &[FIRST, buffers, 1, SCRATCH], 0);
                let read = (self.size() - self.position).clamp(0, 4);
                script.check(SCRATCH, &u32::try_from(read).unwrap().to_le_bytes());
                self.position += read;
            }
            Op::Pwrite(offset) if offset < 0 => {
                script.expect("fd_pwrite", &[FIRST, buffers, 1, offset, SCRATCH], INVAL);
            }
            Op::Pwrite(offset) => {
                let to = SeekFrom::Start(offset.cast_unsigned());
                let written = self
                    .twin
                    .seek(to)
                    .and_then(|_| self.twin.write_all(b"four"));
                let args = [FIRST, buffers, 1, offset, SCRATCH];
                script.expect("fd_pwrite", &args, told(&written));
            }
            Op::Allocate(offset, len) => {
                let end = i128::from(offset) + i128::from(len);
                let errno = match (offset, len) {
                    (i64::MIN..0, _) | (_, i64::MIN..=0) => INVAL,
                    _ if end > LAST => FBIG,
                    _ if end > self.size() => self.set_size(end),
                    _ => 0,
                };
                script.expect("fd_allocate", &[FIRST, offset, len], errno);
            }
            Op::SetSize(size) => {
                let errno = if size < 0 {
                    INVAL
                } else {
                    self.set_size(size.into())
                };
                script.expect("fd_filestat_set_size", &[FIRST, size], errno);
                script.expect("fd_filestat_get", &[FIRST, SCRATCH], 0);
                script.check_u64(SCRATCH + 32, u64::try_from(self.size()).unwrap());
            }
            Op::Advise(offset, len, advice) => {
                let errno = if (0..=5).contains(&advice) { 0 } else { INVAL };
                script.expect("fd_advise", &[FIRST, offset, len, advice], errno);
            }
            Op::SetTimes(accessed, modified, which) => {
                let both = |bits| which & bits == bits;
                let odd = !(0..16).contains(&which) || both(3) || both(12);
                let errno = if odd { INVAL } else { 0 };
                let args = [FIRST, accessed, modified, which];
                script.expect("fd_filestat_set_times", &args, errno);
                let (path, len) = script.at("twin");
                let args = [ROOT, 1, path, len, accessed, modified, which];
                script.expect("path_filestat_set_times", &args, errno);
                script.expect("fd_filestat_get", &[FIRST, SCRATCH], 0);
            }
            Op::Readdir(cookie, room) => {
                // Itself, its parent, `file` and `twin`.
                let sizes = [25, 26, 28, 28];
                let first = usize::try_from(cookie).unwrap_or(usize::MAX);
                let left: u32 = sizes.iter().skip(first).sum();
                let args = [FIRST + 1, SCRATCH + 64, room, cookie, SCRATCH];
                script.expect("fd_readdir", &args, 0);
                let told = left.min(u32::try_from(room).unwrap());
                script.check(SCRATCH, &told.to_le_bytes());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::support::tenth(150), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_has_its_answer(ops in prop::collection::vec(op(), 1..20)) {
        let (kept, mut script) = place();
        let twin = kept.path().join("twin");
        fs::write(&twin, CONTENT).unwrap();
        let twin = OpenOptions::new().read(true).write(true).open(twin).unwrap();
        let mut model = Model { twin, position: 0 };
        script.open("file", 0, BOTH, 0, 0);
        script.open("", DIRECTORY, READING, 0, 0);
        for op in &ops {
            model.expect(&mut script, op);
        }
        script.run();
    }
}

/// What lies past the end of every file is nothing, by the host functions too.
#[test]
fn offsets_and_limits_of_the_host_function() {
    let root = tempfile::tempdir().unwrap();
    let place = Place { root };
    let file = place.path("file");
    fs::write(on_this_system(&file), CONTENT).unwrap();
    let real = place.plugin("fs_read", &["fs:read:ROOT/**"]);
    let world = Simulated::new().file(&file, CONTENT);
    let runtime = Runtime::builder()
        .world(move || world.clone())
        .grant("odd", "fs:read:/**".parse().unwrap());
    let made_up = Guest::relay("fs_read").load_in(&runtime.build().unwrap());
    for plugin in [real, made_up] {
        for offset in [
            10,
            11,
            1 << 31,
            1 << 32,
            1 << 44,
            1 << 62,
            i64::MAX as u64,
            1 << 63,
            u64::MAX,
        ] {
            let request = json!({"path": file, "offset": offset, "encoding": "utf-8"});
            let reply = ask(&plugin, request);
            assert_eq!(
                (kind(&reply), &reply["content"]),
                ("none", &json!("")),
                "{offset}: {reply}"
            );
            assert_eq!(reply["size"], 10);
        }
        for limit in [10, 11, 1 << 32, i64::MAX as u64, u64::MAX] {
            let request = json!({"path": file, "offset": 1, "limit": limit, "encoding": "utf-8"});
            assert_eq!(ask(&plugin, request)["content"], "123456789", "{limit}");
        }
        for odd in [json!(-1), json!(1e19), json!(1.5), json!("1")] {
            let reply = ask(&plugin, json!({"path": file, "offset": odd}));
            assert_eq!(kind(&reply), "internal", "{odd}: {reply}");
        }
    }
}

/// The arguments of a call whose answer goes to a place.
type Arguments<'a> = &'a dyn Fn(i64) -> Vec<i64>;

/// The last place where an answer fits, and the first where it does not.
#[test]
fn answers_fit_to_the_last_byte_of_memory() {
    let (_kept, mut script) = place();
    let (path, len) = script.at("file");
    script.open("file", 0, BOTH, 0, 0);
    script.open("", DIRECTORY, READING, 0, 0);
    let dir = FIRST + 1;
    let rows: [(&str, i64, Arguments); 16] = [
        ("args_sizes_get", 4, &|out| vec![out, SCRATCH]),
        ("environ_sizes_get", 4, &|out| vec![SCRATCH, out]),
        ("clock_res_get", 8, &|out| vec![0, out]),
        ("clock_time_get", 8, &|out| vec![1, -1, out]),
        ("random_get", 100, &|out| vec![out, 100]),
        ("fd_fdstat_get", 24, &|out| vec![FIRST, out]),
        ("fd_filestat_get", 64, &|out| vec![FIRST, out]),
        ("fd_prestat_get", 8, &|out| vec![ROOT, out]),
        ("fd_prestat_dir_name", 1, &|out| vec![ROOT, out, 1]),
        ("fd_seek", 8, &|out| vec![FIRST, 0, 0, out]),
        ("fd_tell", 8, &|out| vec![FIRST, out]),
        ("fd_read", 8, &|iovecs| vec![FIRST, iovecs, 1, SCRATCH]),
        ("fd_readdir", 100, &|buffer| {
            vec![dir, buffer, 100, 0, SCRATCH]
        }),
        ("fd_readdir", 4, &|out| vec![dir, SCRATCH, 100, 0, out]),
        ("path_filestat_get", 64, &|out| {
            vec![ROOT, 1, path, len, out]
        }),
        ("path_open", 4, &|out| {
            vec![ROOT, 1, path, len, 0, READING, 0, 0, out]
        }),
    ];
    for (name, size, args) in rows {
        script.expect(name, &args(END - size), 0);
        for outside in [1, 2, size] {
            script.expect(name, &args(END - size + outside), FAULT);
        }
        for outside in [
            1 << 31,
            0xFFFF_FFFF,
            0xFFFF_FFFF - size,
            0xFFFF_FFFF - size + 1,
        ] {
            script.expect(name, &args(outside), FAULT);
        }
    }
    // Nothing, at the very end, and behind it.
    script.expect("random_get", &[END, 0], 0);
    script.expect("random_get", &[END + 1, 0], FAULT);
    script.expect("fd_read", &[FIRST, END, 0, SCRATCH], 0);
    script.expect("fd_readdir", &[dir, END, 0, 0, SCRATCH], 0);
    script.expect("fd_readdir", &[dir, END + 1, 0, 0, SCRATCH], FAULT);
    script.expect(
        "fd_readdir",
        &[dir, SCRATCH, 0xFFFF_FFFF, 0, SCRATCH],
        FAULT,
    );
    // A name that is the last of memory, and one that goes past it.
    script.expect("path_filestat_get", &[ROOT, 1, END - 1, 1, SCRATCH], INVAL);
    script.expect("path_filestat_get", &[ROOT, 1, END - 1, 2, SCRATCH], FAULT);
    script.expect("path_filestat_get", &[ROOT, 1, END, 0, SCRATCH], NOENT);
    // Counts whose products pass 32 bits.
    for count in [
        0x2000_0000,
        0x2000_0001,
        0x0555_5556,
        0x1000_0000,
        0x8000_0000,
    ] {
        script.expect("fd_read", &[FIRST, SCRATCH, count, SCRATCH], INVAL);
        script.expect("fd_write", &[FIRST, SCRATCH, count, SCRATCH], INVAL);
        script.expect("poll_oneoff", &[SCRATCH, SCRATCH, count, SCRATCH], INVAL);
    }
    script.run();
}
