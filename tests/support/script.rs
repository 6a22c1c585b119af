//! A guest that calls functions of preview 1 one after the other, and what must come of each.

use std::sync::{Arc, Mutex};
use tollgate::{Config, Error, Event, Limits, Runtime, RuntimeBuilder};

/// Every function with its parameters: `i` for 32 bits, `I` for 64.
pub const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Whether a function takes a descriptor.
pub fn is_fd(name: &str) -> bool {
    ["fd_", "path_", "sock_"]
        .iter()
        .any(|family| name.starts_with(family))
}

/// A place in guest memory that nothing else uses, 1 KiB long.
pub const SCRATCH: i64 = 1024;
/// Where the data of a script begin.
const DATA: i64 = 0x1_0000;
/// Where config, answer and the like lie: behind what a script may use.
const OWN: i64 = 0x4_0000;

pub struct Script {
    /// A directory of the test's.
    pub root: String,
    pub grants: Vec<String>,
    /// The body of the guest, a step in each line.
    body: String,
    steps: Vec<String>,
    data: Vec<u8>,
}

impl Script {
    pub fn new(root: &str) -> Script {
        Script {
            root: root.to_owned(),
            grants: Vec::new(),
            body: String::new(),
            steps: Vec::new(),
            data: Vec::new(),
        }
    }

    pub fn grant(&mut self, grant: &str) {
        self.grants.push(grant.to_owned());
    }

    /// Bytes in guest memory: where.
    pub fn bytes(&mut self, bytes: &[u8]) -> i64 {
        while !self.data.len().is_multiple_of(8) {
            self.data.push(0);
        }
        let at = DATA + i64::try_from(self.data.len()).unwrap();
        self.data.extend_from_slice(bytes);
        at
    }

    /// Bytes in guest memory: where, and how many.
    pub fn raw(&mut self, bytes: &[u8]) -> (i64, i64) {
        (self.bytes(bytes), i64::try_from(bytes.len()).unwrap())
    }

    pub fn text(&mut self, text: &str) -> (i64, i64) {
        self.raw(text.as_bytes())
    }

    /// A path in the test's directory, relative to `/`.
    pub fn at(&mut self, name: &str) -> (i64, i64) {
        let path = format!("{}/{name}", self.root);
        self.text(path.trim_start_matches('/'))
    }

    pub fn iovecs(&mut self, buffers: &[(i64, i64)]) -> i64 {
        let words = buffers.iter().flat_map(|(ptr, len)| [*ptr, *len]);
        let bytes: Vec<u8> = words.flat_map(|word| low(word).to_le_bytes()).collect();
        self.bytes(&bytes)
    }

    /// A subscription to a clock; several lie behind each other.
    pub fn clock(&mut self, userdata: u64, clock: u32, timeout: i64, absolute: bool) -> i64 {
        let mut record = [0; 48];
        record[..8].copy_from_slice(&userdata.to_le_bytes());
        record[16..20].copy_from_slice(&clock.to_le_bytes());
        record[24..32].copy_from_slice(&timeout.to_le_bytes());
        record[40] = absolute.into();
        self.bytes(&record)
    }

    /// A subscription to a descriptor.
    pub fn descriptor(&mut self, userdata: u64, tag: u8, fd: i64) -> i64 {
        let mut record = [0; 48];
        record[..8].copy_from_slice(&userdata.to_le_bytes());
        record[8] = tag;
        record[16..20].copy_from_slice(&low(fd).to_le_bytes());
        self.bytes(&record)
    }

    /// Calls a function, whatever comes of it.
    pub fn step(&mut self, name: &str, args: &[i64]) {
        let (_, signature) = FUNCTIONS.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(args.len(), signature.len(), "{name}");
        let given = signature.chars().zip(args).map(|(ty, value)| match ty {
            'I' => format!("(i64.const {value})"),
            _ => format!("(i32.const {})", low(*value)),
        });
        let call = format!("(call ${name} {})", given.collect::<String>());
        let line = match name {
            "proc_exit" => call,
            _ => format!("(drop {call})"),
        };
        self.body.push_str(&line);
    }

    /// Calls a function that must answer with this error number.
    pub fn expect(&mut self, name: &str, args: &[i64], errno: u16) {
        let length = self.body.len();
        self.step(name, args);
        let line = self.body.split_off(length);
        let call = line
            .strip_prefix("(drop ")
            .and_then(|line| line.strip_suffix(')'))
            .unwrap();
        let number = self.note(format!("{name}{args:?} must give {errno}"));
        self.body.push_str(&format!(
            "(call $compare (i32.const {number}) {call} (i32.const {errno}))"
        ));
    }

    /// What must stand in memory now.
    pub fn check(&mut self, at: i64, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            let number = self.note(format!("byte at {at} must be {byte} of {bytes:?}"));
            self.body.push_str(&format!(
                "(call $compare (i32.const {number}) (i32.load8_u (i32.const {at})) (i32.const {byte}))"
            ));
        }
    }

    pub fn check_u64(&mut self, at: i64, value: u64) {
        self.check(at, &value.to_le_bytes());
    }

    /// Opens a name in the test's directory, following links; the number is left at `SCRATCH`.
    pub fn open(&mut self, name: &str, oflags: i64, rights: i64, fdflags: i64, errno: u16) {
        let (path, len) = match name {
            "" => {
                let root = self.root.clone();
                self.text(root.trim_start_matches('/'))
            }
            name => self.at(name),
        };
        let args = [
            3,
            1,
            path,
            len,
            oflags,
            rights,
            0x0FFF_FFFF,
            fdflags,
            SCRATCH,
        ];
        self.expect("path_open", &args, errno);
    }

    /// What a message says that is about the step just made.
    fn note(&mut self, what: String) -> usize {
        let before = self.steps.len();
        let after = match self.steps.last() {
            Some(last) if what.starts_with("byte") => {
                let call = last.split(" after ").last().unwrap_or_default();
                format!("{what} after {call}")
            }
            _ => what,
        };
        self.steps.push(after);
        before
    }

    /// Runs the script on the operating system; gives the lines it printed.
    pub fn run(self) -> Vec<String> {
        self.try_run().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_run(self) -> Result<Vec<String>, Error> {
        self.run_in(Runtime::builder())
    }

    /// Runs the script on so much fuel.
    pub fn run_on(self, fuel: u64) -> Result<Vec<String>, Error> {
        let limits = Limits {
            fuel: fuel.into(),
            ..Limits::default()
        };
        self.run_in(Runtime::builder().limits(limits))
    }

    /// Runs the script in a made-up world in which nothing is there and nobody waits.
    pub fn run_still(self) {
        let outcome = self.run_in(Runtime::deterministic(7));
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn run_in(self, builder: RuntimeBuilder) -> Result<Vec<String>, Error> {
        let lines = self.watch(builder)?.into_iter();
        let lines = lines.filter_map(|event| match event {
            Event::Log(record) => Some(record.message),
            _ => None,
        });
        Ok(lines.collect())
    }

    /// Runs the script and gives what was reported.
    pub fn watch(self, mut builder: RuntimeBuilder) -> Result<Vec<Event>, Error> {
        for grant in &self.grants {
            builder = builder.grant("odd", grant.parse().unwrap());
        }
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = events.clone();
        let runtime = builder.on_event(move |_, event| sink.lock().unwrap().push(event.clone()));
        let wasm = wat::parse_str(self.wat()).unwrap_or_else(|error| panic!("{error}"));
        let plugin = runtime.build()?.load("odd", &wasm)?;
        let evidence = plugin.observe(&Config::new())?.evidence;
        let number = |key: &str| usize::try_from(evidence.data[key].as_u64().unwrap()).unwrap();
        if !evidence.status {
            let step = &self.steps[number("step")];
            panic!("{step}, and it is {}", number("found"));
        }
        let events = events.lock().unwrap();
        Ok(events.clone())
    }

    fn wat(&self) -> String {
        let imports: String = FUNCTIONS
            .iter()
            .map(|(name, signature)| {
                let params: String = signature
                    .chars()
                    .map(|ty| if ty == 'I' { "i64 " } else { "i32 " })
                    .collect();
                let result = if *name == "proc_exit" { "" } else { "(result i32)" };
                format!(
                    "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) {result}))"
                )
            })
            .collect();
        let data: String = self
            .data
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        let pages = 16 + self.data.len() / 65_536;
        // The answer is written with room for two numbers of five digits.
        let failed = "{\"status\":false,\"data\":{\"step\":     ,\"found\":     }}";
        let fine = "{\"status\":true}";
        let text = |text: &str| text.replace('"', "\\22");
        let (failed_at, fine_at) = (OWN, OWN + 256);
        let pack = |at: i64, len: usize| (at << 32) | i64::try_from(len).unwrap();
        let step_end = failed.find(",\"found").unwrap();
        let found_end = failed.rfind("}}").unwrap();
        format!(
            "(module {imports}
               (memory (export \"memory\") {pages})
               (global $failed (mut i32) (i32.const 0))
               (data (i32.const {DATA}) \"{data}\")
               (data (i32.const {failed_at}) \"{}\")
               (data (i32.const {fine_at}) \"{}\")
               (func $digits (param $end i32) (param $number i32)
                 (loop $next
                   (local.set $end (i32.sub (local.get $end) (i32.const 1)))
                   (i32.store8 (local.get $end)
                     (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
                   (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
                   (br_if $next (local.get $number))))
               (func $compare (param $step i32) (param $found i32) (param $expected i32)
                 (if (i32.and (i32.eqz (global.get $failed))
                              (i32.ne (local.get $found) (local.get $expected)))
                   (then (global.set $failed (i32.const 1))
                     (call $digits (i32.const {}) (local.get $step))
                     (call $digits (i32.const {}) (local.get $found)))))
               (func (export \"allocate\") (param i32) (result i32) (i32.const {}))
               (func (export \"describe\") (result i64) (i64.const 0))
               (func (export \"observe\") (param i32 i32) (result i64)
                 {}
                 (if (result i64) (global.get $failed)
                   (then (i64.const {})) (else (i64.const {})))))",
            text(failed),
            text(fine),
            failed_at + i64::try_from(step_end).unwrap(),
            failed_at + i64::try_from(found_end).unwrap(),
            OWN + 512,
            self.body,
            pack(failed_at, failed.len()),
            pack(fine_at, fine.len()),
        )
    }
}

/// The low 32 bits, as an argument of that size.
fn low(value: i64) -> u32 {
    u32::try_from(value & 0xFFFF_FFFF).unwrap()
}
