//! What fuzzing begins with: the fixtures, the attacks, and one honest example of each request,
//! call and text, written so that each target reads it as what it is.

use crate::{
    codecs::SHAPES,
    driver::{DATA, JSON, SLOTS, WASI},
    transcripts::recorded,
};
use std::{fs, path::Path};
use tollgate::abi::functions::FUNCTIONS;

/// The seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "answers" => ANSWERS.iter().flat_map(two_generations).collect(),
        "capability_patterns" => (0..16).map(|kind| (kind..kind + 60).collect()).collect(),
        "capability_texts" => CAPABILITIES.iter().flat_map(capability).collect(),
        "codecs" => codecs(),
        "exec_grants" => exec_grants(),
        "host_functions" => {
            let examples = FUNCTIONS
                .iter()
                .map(|function| (function.name, function.request_example, REPLIES[1]));
            REQUESTS
                .iter()
                .copied()
                .chain(examples)
                .flat_map(|request| host_function(&request))
                .collect()
        }
        "linked_paths" => (0..12).map(|first| (first..first + 12).collect()).collect(),
        "manifests" => manifests(),
        "module_bytes" => modules(),
        "paths" => PATHS.iter().map(|path| path.as_bytes().to_vec()).collect(),
        "record_replay" => mixed(),
        "schemas" => {
            let texts = SCHEMAS.iter().map(|[schema, value]| {
                [&[0], block(schema.as_bytes()).as_slice(), value.as_bytes()].concat()
            });
            let made = (0..24).map(|seed| [vec![1], noise(seed, 200)].concat());
            texts.chain(made).collect()
        }
        "simulated_worlds" => {
            let worlds = WORLDS.iter().map(|world| block(world.as_bytes()));
            let worlds: Vec<_> = worlds.collect();
            let uses = mixed().into_iter().enumerate();
            uses.map(|(at, calls)| [worlds[at % worlds.len()].clone(), calls].concat())
                .collect()
        }
        "transcripts" => REPLIES.iter().map(|replies| recorded(replies)).collect(),
        "wasi_calls" => wasi_calls(),
        // Random code has no honest example.
        _ => (0..24).map(|seed| noise(seed, 2048)).collect(),
    }
}

/// Modules small enough to mutate: the fixtures without the Go plugin, and every attack.
fn modules() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut modules = Vec::new();
    for folder in ["fixtures", "tests/hostile"] {
        collect(&root.join(folder), &mut modules);
    }
    modules
}

fn collect(folder: &Path, modules: &mut Vec<Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, modules);
            continue;
        }
        let module = match path.extension().and_then(|extension| extension.to_str()) {
            Some("wasm") => fs::read(&path).ok(),
            Some("wat") => wat::parse_file(&path).ok(),
            _ => None,
        };
        modules.extend(module.filter(|module| module.len() < 1 << 18));
    }
}

/// A repeatable stream of bytes.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn block(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [len.to_le_bytes().as_slice(), bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    [&[len], text.as_bytes()].concat()
}

fn two_generations(answer: &&str) -> Vec<Vec<u8>> {
    [0, 1]
        .map(|generation| [&[generation], answer.as_bytes()].concat())
        .into()
}

const ANSWERS: &[&str] = &[
    r#"{"name":"n","version":"1","description":"d","capabilities":[{"kind":"fs","pattern":"read:/x"}],"min_host_version":"0.2.0"}"#,
    r#"{"status":true,"error":null,"timestamp":"2026-01-02T03:04:05.5+01:00","data":{"a":[1,2.5,null]},"raw":"r"}"#,
    r#"{"Status":false,"Error":{"Message":"m","Type":"network","Code":"ECONNREFUSED","Wrapped":{"message":"w"}},"Data":null}"#,
    r#"{"status":"success","message":"m","data":{},"timestamp":"2026-01-02T03:04:05Z","metadata":{"took":1}}"#,
    r#"{"name":"n","version":"1","config_schema":{"type":"object","required":["a"],"properties":{"a":{"type":["string","null"]}}},"capabilities":{"fs":{"rules":[{"read":["/etc/**"],"write":[]}]},"network":{"rules":[{"hosts":["*.a.b"],"ports":["80","1-9"]}]},"env":{"vars":["A*"]},"exec":{"commands":["ls"]},"kv":{"rules":[{"op":"read","keys":["a"]}]}}}"#,
    r#"{"p":["fs:read:/x/**",{"kind":"env","pattern":"A_*"}],"q":["network:outbound:a.b:80,443"]}"#,
    "[[[[[[[[[[[[[[[[[[[[[[[[{\"a\":\"\\ud800\"}",
];

const SCHEMAS: &[[&str; 2]] = &[
    [
        r##"{"type":"object","required":["path"],"additionalProperties":false,"properties":{"path":{"type":"string","minLength":1},"mode":{"enum":["a","b"],"default":"a"},"tls":{"$ref":"#/$defs/tls"}},"$defs":{"tls":{"properties":{"port":{"default":443,"maximum":65535}}}}}"##,
        r#"{"path":"/etc","tls":{},"list":[1,1.0]}"#,
    ],
    [
        r#"{"patternProperties":{"^x-[a-z]{1,9}$":{"type":["string","null"]}},"propertyNames":{"pattern":"\w+"},"additionalProperties":{"multipleOf":0.1}}"#,
        r#"{"x-a":null,"b":0.3}"#,
    ],
    [
        r#"{"items":{"if":{"minimum":5},"then":{"not":{"const":7}},"else":{"oneOf":[{"type":"integer"},{"exclusiveMaximum":1}]}},"uniqueItems":true,"contains":{"const":1},"minContains":1}"#,
        "[1,2.5,7,1e308]",
    ],
    [
        r##"{"dependentRequired":{"a":["b"]},"dependentSchemas":{"a":{"minProperties":2}},"prefixItems":[{}],"allOf":[{"$ref":"#"}]}"##,
        r#"{"a":[]}"#,
    ],
    [
        r#"{"pattern":"(?i)^(?<n>[^\W_]|\p{L}){2,5}?(a|b)*$"}"#,
        r#""abc""#,
    ],
];

const PATHS: &[&str] = &[
    "/etc/passwd",
    "a/../../b",
    "./x//y/",
    "..",
    "/",
    "a/./b/..",
    "/data/out/../../etc",
    "\\a\\..",
    "é/\u{202e}/..",
    "...",
    "/..//..//x/.",
    ".hidden/..",
    "a/b/c/../../../../../../x",
];

/// Whole manifests and grants files, and some made of words.
fn manifests() -> Vec<Vec<u8>> {
    let whole = MANIFESTS
        .iter()
        .map(|json| [vec![0], text("/etc/hosts"), json.as_bytes().to_vec()].concat());
    let words = (1..64).map(|seed| [vec![seed as u8], noise(seed, 60)].concat());
    whole.chain(words).collect()
}

const MANIFESTS: &[&str] = &[
    r#"{"fs":{"rules":[{"read":["/etc/{hosts,passwd}","/var/{log/**,run}"],"write":null}]}}"#,
    r#"{"network":{"rules":[{"hosts":["{a,b}.example.com","::1"],"ports":["80","*"]}]}}"#,
    r#"{"env":{"vars":["APP_{A,B}*","**"]},"exec":{"commands":["/usr/{,local/}bin/*","**"]}}"#,
    r#"{"p":["fs:read:glob:/{a,b}","kv:glob:{a,b}"],"q":{"kv":{"rules":[{"op":"read-write","keys":["{a,b/**}"]}]}}}"#,
];

const CAPABILITIES: &[[&str; 2]] = &[
    ["fs:read:/etc/**", "fs:read:/etc/ssl/*.pem"],
    ["fs:write:./out/[a-z]?", "fs:write:../x"],
    [
        "network:outbound:*.example.com:80,443-500",
        "network:outbound:a.example.com:443",
    ],
    [
        "network:outbound:10.0.0.0/8:22",
        "network:outbound:[::1]:53",
    ],
    [
        "network:outbound:https://example.com/a",
        "network:outbound:private",
    ],
    ["network:inbound:80", "network:outbound:*"],
    ["env:AWS_*", "env:glob:A[BC]?"],
    ["exec:/usr/bin/*", "exec:ls,cat"],
    ["exec:bash", "exec:**"],
    ["kv:get*", "kv:glob:a/**"],
];

fn capability([first, second]: &[&str; 2]) -> Vec<Vec<u8>> {
    let requests = [
        [vec![0], text("/etc/ssl/a.pem")].concat(),
        [vec![2, 1], text("a.example.com"), vec![187, 1]].concat(),
        [vec![3], text("https://example.com/a?b")].concat(),
        [vec![4], text("AWS_KEY")].concat(),
        [
            vec![5],
            text("/usr/bin/env"),
            vec![2],
            text("sh"),
            text("-c"),
        ]
        .concat(),
    ];
    let with = |request: Vec<u8>| {
        let before = [text("/work"), text(first), text(second)].concat();
        [before, request, b"fs:read:/**".to_vec()].concat()
    };
    requests.map(with).into()
}

fn codecs() -> Vec<Vec<u8>> {
    let texts = [
        "aGVsbG8=",
        "aA==",
        "2026-01-31T12:00:00.5Z",
        "0000-02-29t23:59:60+23:59",
    ];
    let plain = texts.iter().map(|text| text.as_bytes().to_vec());
    // One document for each shape, which the last byte names.
    let shapes = REQUESTS
        .iter()
        .map(|(_, request, _)| *request)
        .chain(ANSWERS.iter().copied());
    let shaped = shapes.flat_map(|document| {
        (0..u8::try_from(SHAPES.len()).unwrap_or(u8::MAX))
            .step_by(3)
            .map(move |shape| [document.as_bytes(), &[shape]].concat())
    });
    plain.chain(shaped).collect()
}

const COMMAND_GRANTS: &[&str] = &[
    "/usr/bin/systemctl is-active *",
    "/bin/sh -c \"echo a b\" **",
    "\"/opt/my tool\" \"\\u{9b}\\n\\\"\" \"\"",
    "ls, cat",
    "/usr/bin/*",
    "glob:/opt/my dir/*",
];

fn exec_grants() -> Vec<Vec<u8>> {
    let texts = COMMAND_GRANTS.iter().enumerate();
    let with_text = |(seed, text): (usize, &&str)| {
        // Two grants, a command and its arguments come before it.
        let before = noise(u64::try_from(seed).unwrap_or(0), 12);
        [before, text.as_bytes().to_vec()].concat()
    };
    let noise = (100..124).map(|seed| noise(seed, 128));
    texts.map(with_text).chain(noise).collect()
}

const WORLDS: &[&str] = &[
    "",
    r#"{"seed":7,"start":"2030-01-01T00:00:00Z","step":1000,"room":4096,"working_directory":"/data","variables":{"SHOWN_A":"b"}}"#,
    r#"{"files":{"/data/x":"x","/data/out/y":{"content":{"base64":"AP8="},"mode":"0600","uid":1},"/data/out":{"directory":true},"/data/z":{"link":"out/y"},"/data/again":{"same_as":"/data/x"}}}"#,
    r#"{"hosts":{"example.com":["93.184.215.14","::1"]},"answers":[{"when":{"http":{"url":"https://example.com/"}},"answer":{"fetched":{"status":301,"headers":[["location","/x"]],"body":"b","took":5}}},{"when":{"exchange":{"host":"example.com"}},"answer":{"exchanged":{"received":"hi"}},"once":true},{"when":{"write_file":{}},"fail":{"kind":"fs","code":"EIO","message":"m"}},{"when":{"run":{"command":"ls"}},"answer":{"ran":{"stdout":"s"}}}]}"#,
];

/// A function, a request, and how the world replies.
type Request = (&'static str, &'static str, &'static [u8]);

const REPLIES: &[&[u8]] = &[
    &[],
    &[0, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1],
    &[255, 0, 0, 3, b'b', b'a', b'd', 0, 0, 0, 0],
    &[
        0, 255, 2, 1, 248, 0, 0, 249, 1, b'x', 0, 0, 7, 7, 7, 7, 7, 7, 7, 7,
    ],
    &[1; 200],
];

const REQUESTS: &[Request] = &[
    (
        "fs_read",
        r#"{"path":"/data/x","encoding":"utf-8","offset":1,"limit":9}"#,
        REPLIES[1],
    ),
    (
        "fs_read",
        r#"{"path":"../../etc/passwd","context":{"deadline":"2026-01-01T00:00:00Z","timeout_ms":5}}"#,
        &[],
    ),
    (
        "fs_stat",
        r#"{"path":"/data","no_follow":true}"#,
        REPLIES[3],
    ),
    (
        "fs_list",
        r#"{"path":"/data/out/"}"#,
        &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 1, b'a'],
    ),
    (
        "fs_write",
        r#"{"path":"/data/out/y","content":"aGVsbG8=","mode":"append"}"#,
        &[],
    ),
    ("env_get", r#"{"name":"SHOWN_A"}"#, &[0, 0, 2, b'h', b'i']),
    (
        "net_connect",
        r#"{"host":"example.com","port":80,"send":"aGk=","receive":10}"#,
        &[0, 0, 2, 0, b'h', b'i'],
    ),
    (
        "tcp_connect",
        r#"{"host":"a.example.org","port":"443","tls":true}"#,
        &[],
    ),
    (
        "exec_run",
        r#"{"command":"ls","args":["-l"],"env":["A=b","LD_PRELOAD=x"],"dir":"/data"}"#,
        REPLIES[4],
    ),
    (
        "exec_command",
        r#"{"command":"/bin/true","args":[],"timeout_ms":1}"#,
        &[],
    ),
    (
        "http_request",
        r#"{"method":"POST","url":"https://example.com:443/a?b#c","headers":{"X":["y"],"Host":null},"body":"aGk="}"#,
        &[0, 0, 1, 1, 0, 2, b'/', b'x'],
    ),
    (
        "http_request",
        r#"{"url":"http://user@example.com\\@x/"}"#,
        &[],
    ),
    (
        "dns_lookup",
        r#"{"hostname":"example.com","type":"MX","nameserver":"9.9.9.9:53"}"#,
        &[0, 0, 2, 0, 0, 1, 1, b'a'],
    ),
    (
        "smtp_connect",
        r#"{"host":"mail.example.org","port":"25","starttls":true}"#,
        &[0, 0, 3, b'2', b'2', b'0'],
    ),
    ("last_denial", "{}", &[]),
    (
        "log_message",
        r#"{"level":"WARN+1","message":"\u001b[31m","attrs":[{"key":"k","type":"string","value":"v"}]}"#,
        &[],
    ),
];

fn json_call((name, request, _): &Request) -> Vec<u8> {
    let function = JSON
        .iter()
        .position(|own| own.name == *name)
        .unwrap_or(JSON.len());
    let function = u8::try_from(function).unwrap_or(0);
    [vec![function], block(request.as_bytes())].concat()
}

fn host_function(request: &Request) -> Vec<Vec<u8>> {
    let once = |replies: &[u8]| [vec![0], json_call(request), replies.to_vec()].concat();
    // The second leads what is granted to a file that is not.
    let replies = [request.2, &[0, 132], REPLIES[2], &noise(1, 64)];
    replies.map(once).into()
}

/// Arguments as the target reads them.
enum Given {
    Small(u8),
    Long(u64),
    Data(u8),
    Place(u8),
    Slot(u8),
}
use Given::{Data, Long, Place, Slot, Small};

fn wasi_call(name: &str, args: &[Given]) -> Vec<u8> {
    let which = WASI.iter().position(|(own, _)| *own == name).unwrap_or(0);
    let mut bytes = vec![u8::try_from(which).unwrap_or(0)];
    for arg in args {
        match arg {
            Small(number) => bytes.extend([1, *number]),
            Long(number) => {
                bytes.push(3);
                bytes.extend(number.to_le_bytes());
            }
            Data(offset) => bytes.extend([4, *offset]),
            Place(slot) => bytes.push(6 + slot * 8),
            Slot(slot) => bytes.push(7 + slot * 8),
        }
    }
    bytes
}

/// The memory of the examples: a path, an iovec, a subscription.
fn memory() -> Vec<u8> {
    let mut memory = b"data/out/y\0\0\0\0\0\0".to_vec();
    for word in [DATA, 10, SLOTS + 64, 16] {
        memory.extend(word.to_le_bytes());
    }
    memory.extend([0; 48]);
    memory
}

fn wasi_examples() -> Vec<Vec<Vec<u8>>> {
    let open = || {
        let args = [
            Small(3),
            Small(1),
            Data(0),
            Small(10),
            Small(1),
            Long(0x42),
            Long(0x42),
            Small(0),
            Place(0),
        ];
        wasi_call("path_open", &args)
    };
    let with = |calls: Vec<Vec<u8>>| [vec![open()], calls].concat();
    vec![
        with(vec![
            wasi_call("fd_write", &[Slot(0), Data(16), Small(2), Place(1)]),
            wasi_call("fd_seek", &[Slot(0), Long(1), Small(0), Place(2)]),
            wasi_call("fd_read", &[Slot(0), Data(24), Small(1), Place(1)]),
            wasi_call("fd_tell", &[Slot(0), Place(3)]),
            wasi_call("fd_close", &[Slot(0)]),
        ]),
        with(vec![
            wasi_call(
                "fd_pread",
                &[Slot(0), Data(16), Small(2), Long(u64::MAX), Place(1)],
            ),
            wasi_call(
                "fd_pwrite",
                &[Slot(0), Data(16), Small(1), Long(1 << 40), Place(1)],
            ),
            wasi_call("fd_filestat_get", &[Slot(0), Data(200)]),
            wasi_call("fd_filestat_set_size", &[Slot(0), Long(9)]),
            wasi_call("fd_renumber", &[Slot(0), Small(9)]),
        ]),
        with(vec![
            wasi_call(
                "fd_readdir",
                &[Slot(0), Data(100), Small(200), Long(0), Place(1)],
            ),
            wasi_call(
                "fd_readdir",
                &[Small(3), Data(100), Small(30), Long(2), Place(1)],
            ),
            wasi_call("fd_fdstat_get", &[Slot(0), Data(100)]),
            wasi_call("fd_allocate", &[Slot(0), Long(1), Long(u64::MAX)]),
        ]),
        vec![
            wasi_call(
                "path_filestat_get",
                &[Small(3), Small(1), Data(0), Small(10), Data(100)],
            ),
            wasi_call(
                "path_rename",
                &[Small(3), Data(0), Small(10), Small(3), Data(0), Small(9)],
            ),
            wasi_call(
                "path_symlink",
                &[Data(0), Small(4), Small(3), Data(0), Small(9)],
            ),
            wasi_call("path_unlink_file", &[Small(3), Data(0), Small(10)]),
            wasi_call(
                "path_readlink",
                &[Small(3), Data(0), Small(9), Data(90), Small(9), Place(1)],
            ),
        ],
        vec![
            wasi_call("poll_oneoff", &[Data(32), Data(100), Small(1), Place(0)]),
            wasi_call("clock_time_get", &[Small(0), Long(1), Place(1)]),
            wasi_call("random_get", &[Data(100), Small(40)]),
            wasi_call("environ_sizes_get", &[Place(0), Place(1)]),
            wasi_call("environ_get", &[Place(2), Data(100)]),
            wasi_call("args_get", &[Place(2), Data(100)]),
            wasi_call("fd_write", &[Small(1), Data(16), Small(1), Place(1)]),
            wasi_call("proc_exit", &[Small(3)]),
        ],
    ]
}

fn wasi_calls() -> Vec<Vec<u8>> {
    let example = |calls: &Vec<Vec<u8>>, replies: &[u8]| {
        let count = u8::try_from(calls.len() - 1).unwrap_or(0);
        [
            block(&memory()),
            vec![count],
            calls.concat(),
            replies.to_vec(),
        ]
        .concat()
    };
    let replies = [&[], REPLIES[1], REPLIES[3], REPLIES[4]];
    let examples = wasi_examples();
    let with_all = |calls| replies.map(|replies| example(calls, replies));
    examples.iter().flat_map(with_all).collect()
}

fn mixed() -> Vec<Vec<u8>> {
    let json = REQUESTS.iter().map(|request| {
        let call = [vec![0], json_call(request)].concat();
        let two = [call.clone(), call].concat();
        [block(&memory()), vec![1], two, request.2.to_vec()].concat()
    });
    let wasi = wasi_examples();
    let wasi = wasi.iter().map(|calls| {
        let count = u8::try_from(calls.len() - 1).unwrap_or(0);
        let calls = calls
            .iter()
            .flat_map(|call| [vec![1], call.clone()].concat());
        [
            block(&memory()),
            vec![count],
            calls.collect(),
            REPLIES[1].to_vec(),
        ]
        .concat()
    });
    json.chain(wasi).collect()
}
