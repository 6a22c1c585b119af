//! Names and source lines of a module's functions.

use super::sections::Sections;
#[cfg(feature = "debug-info")]
use super::{demangle::demangle, lines::Lines};
use crate::{
    error::{Backtrace, Frame},
    printable::Text,
};

use alloc::vec::Vec;
use core::{fmt, ops::Range};
use serde::Serialize;

/// The names and source lines of a module's functions, as far as the module has them.
///
/// A function's name is that of the name section, else that of its first export, else, for an imported
/// function, `module.name`, else that of the debug information, else `func[INDEX]`. With the feature
/// `debug-info`, names that Rust and C++ compilers mangled are demangled, C++ names
/// without parameters; and the module's DWARF gives source
/// lines and the functions that were inlined. DWARF in other files is not read.
///
/// Reading takes time and memory in proportion to the bytes. A section that is damaged, or that takes more
/// work than its size explains, gives fewer names and lines, but no error.
///
/// ```no_run
/// use tollgate::inspect::Symbols;
///
/// let module = std::fs::read("plugin.wasm")?;
/// let symbols = Symbols::new(&module);
/// for function in symbols.functions() {
///     println!("{:6} bytes: {}", function.size, function.name);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Symbols {
    imported: usize,
    bodies: Vec<Range<usize>>,
    names: Vec<Option<Text>>,
    #[cfg(feature = "debug-info")]
    lines: Lines,
}

/// A function that has a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Function {
    /// Its index; imported functions have the first indices.
    pub index: u32,
    /// Its name, demangled.
    pub name: Text,
    /// Where its body begins, in bytes from the start of the module.
    pub offset: u64,
    /// The size of its body in bytes.
    pub size: u64,
    /// The source file, if known.
    pub file: Option<Text>,
    /// The line at which the function begins, from 1.
    pub line: Option<u32>,
}

impl Symbols {
    /// Reads the symbols of a module.
    #[must_use]
    pub fn new(module: &[u8]) -> Symbols {
        let sections = Sections::read(module);
        Symbols {
            #[cfg(feature = "debug-info")]
            lines: Lines::read(&sections),
            imported: sections.imported,
            bodies: sections.bodies,
            names: sections.names,
        }
    }

    /// The functions that have a body, in the module's order.
    pub fn functions(&self) -> impl Iterator<Item = Function> {
        self.bodies.iter().enumerate().map(|(at, body)| {
            let index = u32::try_from(self.imported + at).unwrap_or(u32::MAX);
            let (file, line) = self.beginning(body);
            Function {
                index,
                name: self.name(index),
                offset: body.start as u64,
                size: body.len() as u64,
                file,
                line,
            }
        })
    }

    /// The name of the function with this index.
    #[must_use]
    pub fn name(&self, index: u32) -> Text {
        if let Some(Some(name)) = self.names.get(index as usize) {
            return readable(name.clone());
        }
        #[cfg(feature = "debug-info")]
        if let Some(body) = self.body(index)
            && let Some(name) = self.lines.function(body)
        {
            return readable(name.into());
        }
        format!("func[{index}]").into()
    }

    /// The function whose body contains the byte with this offset in the module.
    #[must_use]
    pub fn function_at(&self, offset: u64) -> Option<u32> {
        let offset = usize::try_from(offset).ok()?;
        let at = self.bodies.partition_point(|body| body.end <= offset);
        self.bodies.get(at).filter(|body| body.contains(&offset))?;
        u32::try_from(self.imported + at).ok()
    }

    /// The calls that one running function stands for, the innermost first: the functions that were inlined
    /// where it runs, and itself. `offset` is that of the instruction, in bytes from the start of the module.
    #[must_use]
    pub fn frames(&self, index: u32, offset: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        let own = Frame {
            function: self.name(index),
            index,
            offset,
            file: None,
            line: None,
            column: None,
            inlined: false,
        };
        #[cfg(feature = "debug-info")]
        if let Some(body) = self.body(index)
            && let Ok(at) = usize::try_from(offset)
            && body.contains(&at)
        {
            for call in self.lines.calls(body, at) {
                let inlined = call.inlined;
                frames.push(Frame {
                    function: match inlined {
                        Some(name) => readable(name.into()),
                        None => own.function.clone(),
                    },
                    file: call.place.file.map(Text::from),
                    line: call.place.line,
                    column: call.place.column,
                    inlined: inlined.is_some(),
                    ..own.clone()
                });
            }
        }
        if frames.is_empty() {
            frames.push(own);
        }
        frames
    }

    /// The source file and line of an instruction in a function, as the first of its [`frames`](Self::frames)
    /// has them.
    #[cfg(feature = "debug-info")]
    pub(super) fn line(&self, index: u32, offset: u32) -> Option<(&str, u32)> {
        let body = self.body(index)?;
        let place = self.lines.line(body, usize::try_from(offset).ok()?)?;
        Some((place.file?, place.line?))
    }

    #[cfg(not(feature = "debug-info"))]
    pub(super) fn line(&self, _: u32, _: u32) -> Option<(&str, u32)> {
        None
    }

    /// Resolves the functions that are running, the innermost first: the index of each and the offset of its
    /// instruction, in bytes from the start of the module.
    #[must_use]
    pub fn backtrace(&self, running: impl IntoIterator<Item = (u32, u64)>) -> Backtrace {
        let frames = running
            .into_iter()
            .flat_map(|(index, offset)| self.frames(index, offset));
        Backtrace {
            frames: frames.collect(),
        }
    }

    /// The same by the offsets alone.
    pub(crate) fn backtrace_at(&self, offsets: impl IntoIterator<Item = u64>) -> Backtrace {
        let running = offsets.into_iter();
        self.backtrace(running.filter_map(|at| Some((self.function_at(at)?, at))))
    }

    /// The text of a source file, if the compiler embedded it. `file` is a name as in [`Frame::file`].
    #[must_use]
    #[cfg(feature = "debug-info")]
    pub fn source(&self, file: &str) -> Option<&str> {
        self.lines.source(file)
    }

    /// The file and the line at which the function with this body begins.
    #[cfg(feature = "debug-info")]
    fn beginning(&self, body: &Range<usize>) -> (Option<Text>, Option<u32>) {
        let place = self.lines.first_place(body).unwrap_or_default();
        (place.file.map(Text::from), place.line)
    }

    #[cfg(not(feature = "debug-info"))]
    fn beginning(&self, _: &Range<usize>) -> (Option<Text>, Option<u32>) {
        (None, None)
    }

    #[cfg(feature = "debug-info")]
    fn body(&self, index: u32) -> Option<&Range<usize>> {
        let at = (index as usize).checked_sub(self.imported)?;
        self.bodies.get(at)
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Symbols");
        shown.field("imported", &self.imported);
        shown.field("functions", &self.bodies.len());
        #[cfg(feature = "debug-info")]
        shown.field("lines", &self.lines);
        shown.finish_non_exhaustive()
    }
}

#[cfg(feature = "debug-info")]
fn readable(name: Text) -> Text {
    match demangle(name.as_str()) {
        Some(name) => name.into(),
        None => name,
    }
}

#[cfg(not(feature = "debug-info"))]
fn readable(name: Text) -> Text {
    name
}
