//! Functions have the names that their authors gave them, and instructions the lines that they were compiled
//! from, with the functions that were inlined. Damaged debug information gives fewer lines, and never an error.

use crate::support::{marks::marked, tenth};
use proptest::prelude::*;
use std::fs;
use tollgate::inspect::{Backtrace, Frame, Function, Symbols};
use wasm_encoder::{
    CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function as Body,
    FunctionSection, ImportSection, Instruction, Module, NameMap, NameSection, TypeSection,
};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap()
}

fn function(symbols: &Symbols, name: &str) -> Function {
    let mut found = symbols.functions().filter(|function| function.name == name);
    let function = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    function
}

/// What the instructions of a function stand for, each as `function:line`, the innermost first.
fn places(symbols: &Symbols, function: &Function) -> Vec<Vec<Frame>> {
    let bytes = function.offset..function.offset + function.size;
    bytes.map(|at| symbols.frames(function.index, at)).collect()
}

/// Whether an instruction of the function stands for these calls, the innermost first, and perhaps for
/// others that are inlined into the first.
fn has_calls(symbols: &Symbols, function: &Function, calls: &[(&str, u32)]) -> bool {
    places(symbols, function).iter().any(|frames| {
        let own = frames.len().checked_sub(calls.len());
        let own = own
            .and_then(|inner| frames.get(inner..))
            .unwrap_or_default();
        !own.is_empty()
            && own
                .iter()
                .zip(calls)
                .all(|(frame, (name, line))| frame.function == *name && frame.line == Some(*line))
    })
}

#[test]
fn instructions_of_c_have_lines_and_inlined_functions() {
    let symbols = Symbols::new(&fixture("fails-c"));
    let line = |mark| marked("fixtures/fails-c/plugin.c", mark);
    let header = function(&symbols, "parse_header");
    let calls = [("ratio", line("division")), ("parse_header", line("ratio"))];
    assert!(has_calls(&symbols, &header, &calls));
    for (name, mark) in [
        ("parse", "parse_header"),
        ("spin", "loop"),
        ("descend", "recursion"),
        ("hoard", "memory"),
        ("observe", "parse"),
        ("observe", "spin"),
        ("observe", "descend"),
        ("observe", "hoard"),
    ] {
        let function = function(&symbols, name);
        let calls = [(name, line(mark))];
        assert!(has_calls(&symbols, &function, &calls), "{name} {mark}");
        assert_eq!(function.file.as_ref().unwrap(), "plugin.c");
        // The locals come before the first instruction.
        for frame in places(&symbols, &function).into_iter().flatten() {
            let is_known = |file| file == "plugin.c" || file == "/tollgate/abi/kits/tollgate.h";
            let first = function.offset..function.offset + 2;
            let known = frame.file.as_ref().map(|file| is_known(file.as_str()));
            assert!(known.unwrap_or(first.contains(&frame.offset)), "{frame}");
        }
    }
}

#[test]
fn instructions_of_rust_have_lines_and_inlined_functions() {
    let symbols = Symbols::new(&fixture("fails-rust"));
    let line = |mark| marked("fixtures/fails-rust/src/lib.rs", mark);
    let header = function(&symbols, "fails_rust::parse_header");
    // The names of inlined functions are those of the source: the fixture has no more than tables of lines.
    let calls = [
        ("trap", line("trap")),
        ("ratio", line("division")),
        ("fails_rust::parse_header", line("ratio")),
    ];
    assert!(has_calls(&symbols, &header, &calls));
    for (name, mark) in [
        ("fails_rust::parse", "parse_header"),
        ("fails_rust::spin", "loop"),
        ("fails_rust::descend", "recursion"),
    ] {
        let function = function(&symbols, name);
        assert!(
            has_calls(&symbols, &function, &[(name, line(mark))]),
            "{name}"
        );
        assert_eq!(function.file.as_ref().unwrap(), "src/lib.rs");
    }
    let observed = |mark| {
        symbols.functions().any(|function| {
            places(&symbols, &function).iter().flatten().any(|frame| {
                frame.line == Some(line(mark)) && frame.file.as_ref().unwrap() == "src/lib.rs"
            })
        })
    };
    for mark in ["parse", "spin", "descend", "hoard", "memory", "wrong"] {
        assert!(observed(mark), "{mark}");
    }
    for function in symbols.functions() {
        let name = function.name.as_str();
        assert!(
            !name.starts_with("_ZN") && !name.starts_with("_R"),
            "{name}"
        );
    }
}

/// Neither compiler writes DWARF for WebAssembly: AssemblyScript writes source maps, in files of their own.
#[test]
fn functions_of_go_and_assemblyscript_have_names_but_no_lines() {
    for (fixture_name, names) in [
        (
            "fails-go",
            [
                "main.parseHeader",
                "main.parse",
                "main.spin",
                "main.descend",
                "main.hoard",
            ],
        ),
        (
            "fails-as",
            [
                "plugin/parseHeader",
                "plugin/parse",
                "plugin/spin",
                "plugin/descend",
                "plugin/hoard",
            ],
        ),
    ] {
        let symbols = Symbols::new(&fixture(fixture_name));
        for name in names {
            let function = function(&symbols, name);
            assert_eq!((function.file, function.line), (None, None));
            let [frame] = &symbols.frames(function.index, function.offset)[..] else {
                panic!("{name}");
            };
            let expected = format!("{name}   offset {:#x}", function.offset);
            assert_eq!(frame.to_string(), expected);
        }
    }
}

#[test]
fn embedded_sources_are_found_by_the_name_of_their_file() {
    let symbols = Symbols::new(&fixture("fails-c"));
    let source = fs::read_to_string("fixtures/fails-c/plugin.c").unwrap();
    assert_eq!(symbols.source("plugin.c"), Some(&*source));
    assert_eq!(symbols.source("other.c"), None);
    let rust = Symbols::new(&fixture("fails-rust"));
    assert_eq!(rust.source("src/lib.rs"), None);
}

/// A module with one imported function and five of its own, and with these custom sections before the code.
fn named(custom: &[(&str, &[u8])], names: &[(u32, &str)]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import("host", "ask", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    for _ in 0..5 {
        functions.function(0);
        let mut body = Body::new([]);
        body.instruction(&Instruction::Nop);
        body.instruction(&Instruction::End);
        code.function(&body);
    }
    let mut exports = ExportSection::new();
    exports.export("one", ExportKind::Func, 1);
    exports.export("again", ExportKind::Func, 1);
    exports.export("two", ExportKind::Func, 2);
    let mut map = NameMap::new();
    for (index, name) in names {
        map.append(*index, name);
    }
    let mut section = NameSection::new();
    section.functions(&map);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&exports);
    for (name, data) in custom {
        module.section(&CustomSection {
            name: (*name).into(),
            data: (*data).into(),
        });
    }
    module.section(&code).section(&section);
    module.finish()
}

#[test]
fn the_name_section_comes_before_exports_imports_and_numbers() {
    let names = [
        (2, "second"),
        (3, "_RNvCskwGfYPst2Cb_3foo16example_function"),
        (4, "_ZN4core9panicking5panic17h0123456789abcdefE"),
        (5, "_ZN5space6worker3runEiRKNS_5inputE"),
        (9, "of no function"),
    ];
    let symbols = Symbols::new(&named(&[], &names));
    let found: Vec<String> = (0..8)
        .map(|index| symbols.name(index).to_string())
        .collect();
    let expected = [
        "host.ask",
        "one",
        "second",
        "foo::example_function",
        "core::panicking::panic",
        "space::worker::run",
        "func[6]",
        "func[7]",
    ];
    assert_eq!(found, expected);
    let symbols = Symbols::new(&named(
        &[],
        &[(3, "core::panicking::panic::h0123456789abcdef")],
    ));
    assert_eq!(symbols.name(3), "core::panicking::panic");
    assert_eq!(symbols.name(2), "two");
    assert_eq!(symbols.name(4), "func[4]");
}

#[test]
fn functions_are_found_by_the_offset_of_an_instruction() {
    let module = fixture("fails-c");
    let symbols = Symbols::new(&module);
    for function in symbols.functions() {
        let end = function.offset + function.size;
        assert_eq!(
            module[usize::try_from(end).unwrap() - 1],
            0x0b,
            "the end of a function"
        );
        for offset in [function.offset, end - 1] {
            assert_eq!(symbols.function_at(offset), Some(function.index));
        }
        assert_ne!(symbols.function_at(end), Some(function.index));
    }
    assert_eq!(symbols.function_at(0), None);
    assert_eq!(symbols.function_at(u64::MAX), None);
}

#[test]
fn a_backtrace_is_a_line_for_each_frame() {
    let symbols = Symbols::new(&fixture("fails-c"));
    let header = function(&symbols, "parse_header");
    let line = |mark| marked("fixtures/fails-c/plugin.c", mark);
    let at = |name: &str, line| {
        let function = function(&symbols, name);
        let places = places(&symbols, &function);
        let place = places.iter().find(|frames| frames[0].line == Some(line));
        place.unwrap()[0].offset
    };
    let parse = function(&symbols, "parse");
    let running = [
        (header.index, at("parse_header", line("division"))),
        (parse.index, at("parse", line("parse_header"))),
    ];
    let backtrace = symbols.backtrace(running);
    let shown = backtrace.to_string();
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    let beginnings = [
        format!("  0: ratio          plugin.c:{}:", line("division")),
        format!("  1: parse_header   plugin.c:{}:", line("ratio")),
        format!("  2: parse          plugin.c:{}:", line("parse_header")),
    ];
    for (line, beginning) in shown.iter().zip(&beginnings) {
        assert!(line.starts_with(beginning), "{line}\n{beginning}");
    }
    assert!(shown[0].ends_with(" (inlined)"));
    let json = serde_json::to_value(&backtrace).unwrap();
    assert_eq!(json[0]["function"], "ratio");
    assert_eq!(json[0]["inlined"], true);
    assert_eq!(json[0]["index"], header.index);
    assert_eq!(json[1]["line"], line("ratio"));
    assert_eq!(json[2]["file"], "plugin.c");
}

#[test]
fn of_a_deep_backtrace_both_ends_are_shown() {
    let symbols = Symbols::new(&fixture("fails-c"));
    let descend = function(&symbols, "descend");
    let deep = symbols.backtrace((0..1000).map(|at| (descend.index, descend.offset + at % 2)));
    assert_eq!(deep.frames.len(), 1000);
    let shown = deep.to_string();
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown.len(), 33);
    assert!(shown[23].starts_with("  23: descend"), "{}", shown[23]);
    assert_eq!(shown[24], "      … 968 more frames");
    assert!(shown[25].starts_with(" 992: descend"), "{}", shown[25]);
    assert_eq!(Backtrace::default().to_string(), "");
    let same = symbols.backtrace((0..1000).map(|_| (descend.index, descend.offset)));
    let shown = same.to_string();
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].starts_with("   0: descend"), "{}", shown[0]);
    assert_eq!(shown[1], "      … and 999 more of the same");
}

#[test]
fn names_are_escaped_where_they_are_shown() {
    let symbols = Symbols::new(&named(&[], &[(1, "a\u{1b}[31m\nb")]));
    let shown = symbols.backtrace([(1, 0)]).to_string();
    assert_eq!(shown, r"  0: a\u{1b}[31m\nb   offset 0x0");
}

/// Asks everything there is to know.
fn explore(module: &[u8]) {
    let symbols = Symbols::new(module);
    for function in symbols.functions() {
        for offset in [function.offset, function.offset + function.size / 2] {
            let shown = symbols.backtrace([(function.index, offset)]).to_string();
            assert!(!shown.is_empty());
        }
    }
    drop(format!("{symbols:?}"));
}

/// Where the bytes of the sections with debug information and names are.
fn debug_bytes(module: &[u8]) -> Vec<usize> {
    let sections = wasmparser::Parser::new(0).parse_all(module);
    let custom = sections.filter_map(|payload| match payload.unwrap() {
        wasmparser::Payload::CustomSection(section) => Some(section),
        _ => None,
    });
    let ranges = custom.map(|section| section.data_offset()..section.range().end);
    ranges.flatten().collect()
}

#[test]
fn damaged_sections_give_fewer_lines_and_no_panic() {
    for (name, cases) in [("fails-c", 2000), ("fails-rust", 100), ("fails-as", 100)] {
        let module = fixture(name);
        let bytes = debug_bytes(&module);
        // The same numbers each time; `fuzz/` has more of them.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below as u64).unwrap()
        };
        for _ in 0..tenth(cases) {
            let mut damaged = module.clone();
            for _ in 0..=random(8) {
                let at = bytes[random(bytes.len())];
                damaged[at] = match random(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => 0x80 | damaged[at],
                    _ => u8::try_from(random(256)).unwrap(),
                };
            }
            if random(4) == 0 {
                damaged.truncate(random(damaged.len()));
            }
            explore(&damaged);
        }
    }
}

/// An entry of a table of abbreviations: a tag without children, and its attributes with their forms.
fn abbreviation(code: u8, tag: u8, attributes: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = vec![code, tag, 0];
    bytes.extend(attributes.iter().flat_map(|(name, form)| [*name, *form]));
    bytes.extend([0, 0]);
    bytes
}

/// A unit of DWARF 4 with this entry.
fn unit(entry: &[u8]) -> Vec<u8> {
    let length = u32::try_from(entry.len() + 7).unwrap();
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend([4, 0, 0, 0, 0, 0, 4]);
    bytes.extend(entry);
    bytes
}

const COMPILE_UNIT: u8 = 0x11;
const SUBPROGRAM: u8 = 0x2e;
const STATEMENT_LIST: (u8, u8) = (0x10, 0x17);
const EXTERNAL_FLAG: (u8, u8) = (0x3f, 0x19);
const NAME: (u8, u8) = (0x03, 0x0e);

/// Each of these asks with a few bytes for the reading of many, a hundred thousand times. Read without a limit,
/// they would keep a machine busy for hours.
#[test]
fn the_work_is_in_proportion_to_the_bytes() {
    const TIMES: usize = 100_000;
    // Units that share one long line number program; each names another part of it, which is one as well.
    let program: Vec<u8> = [0xf0, 0xff, 0x0f, 0x00, 4, 0].repeat(200_000);
    let table = [abbreviation(1, COMPILE_UNIT, &[STATEMENT_LIST]), vec![0]].concat();
    let units = (0..TIMES).flat_map(|at| {
        let offset = u32::try_from(at % 1000 * 6).unwrap().to_le_bytes();
        unit(&[&[1][..], &offset].concat())
    });
    let info: Vec<u8> = units.collect();
    explore(&named(
        &[
            (".debug_info", &info),
            (".debug_abbrev", &table),
            (".debug_line", &program),
        ],
        &[],
    ));
    // Entries with attributes that take no bytes.
    let table = [
        abbreviation(1, COMPILE_UNIT, &[]),
        abbreviation(2, SUBPROGRAM, &vec![EXTERNAL_FLAG; 400_000]),
        vec![0],
    ];
    let info = unit(&[&[1][..], &[2; 2 * TIMES]].concat());
    explore(&named(
        &[(".debug_info", &info), (".debug_abbrev", &table.concat())],
        &[],
    ));
    // Units that have one long name.
    let table = [abbreviation(1, COMPILE_UNIT, &[NAME]), vec![0]].concat();
    let info: Vec<u8> = unit(&[1, 0, 0, 0, 0]).repeat(TIMES);
    let text = vec![b'a'; 2_000_000];
    let text = [&text[..], &[0]].concat();
    explore(&named(
        &[
            (".debug_info", &info),
            (".debug_abbrev", &table),
            (".debug_str", &text),
        ],
        &[],
    ));
}

proptest! {
    #[test]
    fn any_bytes_may_be_debug_information(
        info in proptest::collection::vec(any::<u8>(), 0..200),
        abbreviations in proptest::collection::vec(0u8..64, 0..100),
        line in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        explore(&named(
            &[(".debug_info", &info), (".debug_abbrev", &abbreviations), (".debug_line", &line)],
            &[],
        ));
        explore(&info);
    }
}
