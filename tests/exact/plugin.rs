//! A plugin that returns what it executed instead of its evidence, so that the count is made where
//! the fuel is counted: under the library, with its host functions and grants.

use super::{
    Counted, globals_of, instrument,
    sections::{self, append, export, leb, rewrite},
};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Bytes of the result: two numbers. A config must have at least as many.
const RESULT: usize = 16;

/// Returns an instrumented plugin whose `observe` returns what was executed since it was initialised,
/// that call and its `allocate` included. [`read_counted`] reads the result.
pub fn instrument_plugin(module: &[u8]) -> Vec<u8> {
    let counters = globals_of(module);
    let module = instrument(module);
    let functions = Functions::of(&module);
    let mut types = Vec::new();
    let mut bodies = Vec::new();
    let mut renamed = Vec::new();
    for (name, index) in &functions.exported {
        let body = match name.as_str() {
            "observe" | "_observe" => observing(*index, counters),
            "_initialize" => initialising(*index, counters),
            _ => continue,
        };
        let number = functions.count() + u32::try_from(types.len()).unwrap();
        renamed.push((name.clone(), number));
        types.push(leb(u64::from(functions.types[*index as usize])));
        bodies.push(body);
    }
    rewrite(&module, |id, content| match id {
        sections::FUNCTION => append(content, &types),
        sections::CODE => append(content, &bodies),
        sections::EXPORT => {
            let exports = functions.exports.iter().map(|(name, kind, index)| {
                let renamed = renamed.iter().find(|(renamed, _)| renamed == name);
                export(name, *kind, renamed.map_or(*index, |(_, index)| *index))
            });
            append(&[], &exports.collect::<Vec<_>>())
        }
        _ => content.to_vec(),
    })
}

/// Reads the result of such a plugin.
pub fn read_counted(result: &[u8]) -> Counted {
    let number = |at: usize| u64::from_le_bytes(result[at..at + 8].try_into().unwrap());
    assert_eq!(result.len(), RESULT);
    Counted {
        operators: number(0),
        entries: number(8),
    }
}

/// `observe(ptr, len)`: calls the plugin's own, writes the counters over the config, returns them.
fn observing(own: u32, counters: u32) -> Vec<u8> {
    let mut body = vec![0, 0x20, 0, 0x20, 1, 0x10];
    body.extend(leb(u64::from(own)));
    body.push(0x1A);
    for (global, offset) in [(counters, 0), (counters + 1, 8)] {
        body.extend([0x20, 0, 0x23]);
        body.extend(leb(u64::from(global)));
        body.extend([0x37, 0, offset]);
    }
    // ptr << 32 | 16
    body.extend([
        0x20,
        0,
        0xAD,
        0x42,
        32,
        0x86,
        0x42,
        RESULT as u8,
        0x84,
        0x0B,
    ]);
    sized(body)
}

/// `_initialize()`: calls the plugin's own, and counts from 0 from then on.
fn initialising(own: u32, counters: u32) -> Vec<u8> {
    let mut body = vec![0, 0x10];
    body.extend(leb(u64::from(own)));
    for global in [counters, counters + 1] {
        body.extend([0x42, 0, 0x24]);
        body.extend(leb(u64::from(global)));
    }
    body.push(0x0B);
    sized(body)
}

fn sized(body: Vec<u8>) -> Vec<u8> {
    let mut entry = leb(body.len() as u64);
    entry.extend(body);
    entry
}

/// The functions of a module and what it exports.
#[derive(Default)]
struct Functions {
    /// The type of each function, those imported included.
    types: Vec<u32>,
    exports: Vec<(String, u8, u32)>,
    exported: Vec<(String, u32)>,
}

impl Functions {
    fn of(module: &[u8]) -> Functions {
        let mut found = Functions::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::ImportSection(imports) => {
                    let imports = imports.into_iter().map(|import| import.unwrap().ty);
                    found.types.extend(imports.filter_map(|ty| match ty {
                        TypeRef::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
                Payload::FunctionSection(types) => {
                    found.types.extend(types.into_iter().map(|ty| ty.unwrap()));
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.unwrap();
                        let name = export.name.to_owned();
                        let kind = match export.kind {
                            ExternalKind::Func => sections::FUNCTION_KIND,
                            ExternalKind::Table => 1,
                            ExternalKind::Memory => 2,
                            ExternalKind::Global => sections::GLOBAL_KIND,
                            ExternalKind::Tag => panic!("exceptions are not enabled"),
                        };
                        if kind == sections::FUNCTION_KIND {
                            found.exported.push((name.clone(), export.index));
                        }
                        found.exports.push((name, kind, export.index));
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn count(&self) -> u32 {
        u32::try_from(self.types.len()).unwrap()
    }
}
