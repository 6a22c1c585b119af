//! What is wrong with a module that cannot be a plugin here.

use crate::{
    limits::MemoryLimit,
    printable::{Text, counted},
};
use alloc::{string::String, vec::Vec};
use core::fmt;
use wasmi::{ExternType, ValType};

/// The type of a function as text, such as `(i32, i32) -> i64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeText(String);

impl fmt::Display for TypeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The most values of a type that are listed: a few bytes of a module can name a type of hundreds.
const MOST_VALUES: usize = 16;

impl TypeText {
    pub(crate) fn new(params: &[ValType], results: &[ValType]) -> TypeText {
        let join = |types: &[ValType]| {
            let mut names: Vec<String> = types
                .iter()
                .take(MOST_VALUES)
                .map(|ty| format!("{ty:?}").to_lowercase())
                .collect();
            if let Some(more) = types.len().checked_sub(MOST_VALUES + 1) {
                names.push(format!("and {} more", more + 1));
            }
            names.join(", ")
        };
        let results = match results {
            [one] => join(core::slice::from_ref(one)),
            several => format!("({})", join(several)),
        };
        TypeText(format!("({}) -> {results}", join(params)))
    }

    pub(crate) fn of_memory() -> TypeText {
        TypeText("a memory".into())
    }

    pub(crate) fn of(ty: &ExternType) -> TypeText {
        match ty {
            ExternType::Func(func) => TypeText::new(func.params(), func.results()),
            ExternType::Memory(_) => TypeText::of_memory(),
            ExternType::Table(_) => TypeText("a table".into()),
            ExternType::Global(_) => TypeText("a global".into()),
        }
    }
}

/// One way in which a module breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It exports none of a plugin's functions.
    #[error(
        "not a plugin: it exports neither describe() and observe() nor _manifest() and _observe()"
    )]
    NotAPlugin,
    /// It uses the protocol from before 0.2.
    #[error(
        "built for the protocol before 0.2 ({export}() returns i32, a pointer to text); rebuild it with a current SDK"
    )]
    Before02 {
        /// The export that shows it.
        export: &'static str,
    },
    /// It uses version 2 of the protocol, and this build of the library has no feature `reglet-v2`.
    #[error(
        "built for version 2 of the protocol, which this host leaves out; have the host built with the feature `reglet-v2` of tollgate"
    )]
    Version2,
    /// It is a program, not a library.
    #[error(
        "exports _start, so it is a program and not a plugin; build it as a library (a reactor)"
    )]
    Program,
    /// A required export is missing.
    #[error("does not export {name}, which must be {expected}")]
    MissingExport {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: TypeText,
    },
    /// An export has another type.
    #[error("exports {name} as {found}, and it must be {expected}")]
    ExportType {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: TypeText,
        /// What it is.
        found: TypeText,
    },
    /// An import that this host does not offer.
    #[error(
        "imports {module}.{name}, which this host does not offer{}",
        offers(.offered.as_ref())
    )]
    UnknownImport {
        /// The module it is imported from.
        module: Text,
        /// Its name.
        name: Text,
        /// What is offered instead, in the first of the problems with this module.
        offered: Option<Text>,
    },
    /// Imports that belong to another host.
    #[error("{_0}; {}", _0.fix)]
    Foreign(Foreign),
    /// An import has another type.
    #[error("imports {module}.{name} as {found}, and it is {expected}")]
    ImportType {
        /// The module it is imported from.
        module: Text,
        /// Its name.
        name: Text,
        /// What the host offers.
        expected: TypeText,
        /// What the module declares.
        found: TypeText,
    },
    /// Its minimum of memory is above the limit.
    #[error("needs {} of memory to start, more than the memory limit of {limit}", counted(.pages, "page"))]
    MemoryMinimum {
        /// Its minimum, in pages of 64 KiB.
        pages: u64,
        /// The limit.
        limit: MemoryLimit,
    },
    /// The minimum of its tables is above the limit.
    #[error("needs tables of {} to start, more than the limit of {limit}", counted(.elements, "element"))]
    TableMinimum {
        /// The minimum of all of them, in elements.
        elements: u64,
        /// The limit.
        limit: u32,
    },
}

fn offers(offered: Option<&Text>) -> String {
    let list = offered.map(|offered| format!(" (it offers {offered})"));
    list.unwrap_or_default()
}

/// Imports that belong to another host, such as a JavaScript runtime: named once, however many there
/// are. `Display` says what they are, without the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// The module of the first of them.
    pub module: Text,
    /// The name of the first of them.
    pub name: Text,
    /// The number of others.
    pub others: usize,
    /// What they are.
    pub what: &'static str,
    /// How to build the plugin without them.
    pub fix: &'static str,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "imports {}.{}", self.module, self.name)?;
        if self.others > 0 {
            write!(f, " and {} more", self.others)?;
        }
        write!(f, ": {}", self.what)
    }
}
