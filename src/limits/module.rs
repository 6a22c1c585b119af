//! Limits on what a module may contain. Compilation costs no fuel, and much of it happens inside a
//! call, where no deadline can interrupt it. So a module that would be expensive to compile is refused
//! by counting, before the engine reads it.

use super::named::{Group, Setting};
use alloc::{borrow::ToOwned, vec::Vec};
use serde::Serialize;

/// Declares the limits: each with its default, what it counts, and where the count is found.
macro_rules! module_limits {
    ( $( $(#[doc = $doc:literal])* $field:ident = $default:expr, $what:literal, $found:ident; )* ) => {
        /// Limits on what a module may contain, counted before it is compiled.
        ///
        /// The defaults are several times what Go programs of 19 MB hold (20 000 functions,
        /// 100 000 data segments), and small enough that a module which is built to be expensive to
        /// compile costs about as much as an ordinary one of its size. Raise one only for modules
        /// whose author you trust: compilation costs no fuel.
        #[expect(clippy::exhaustive_structs, reason = "callers set single fields")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct ModuleLimits {
            $( $(#[doc = $doc])* pub $field: u64, )*
        }

        impl Default for ModuleLimits {
            fn default() -> ModuleLimits {
                ModuleLimits { $( $field: $default, )* }
            }
        }

        impl Group for ModuleLimits {
            fn settings(&mut self) -> Vec<Setting<'_>> {
                vec![ $( Setting {
                    name: stringify!($field).to_owned(),
                    unit: $what,
                    documentation: concat!($($doc),*),
                    amount: &mut self.$field,
                }, )* ]
            }
        }

        /// How much of everything a module holds.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct ModuleCounts {
            $( pub(crate) $found: u64, )*
        }

        impl ModuleLimits {
            /// Returns each limit with what a module has of it.
            pub(crate) fn measure(&self, counts: &ModuleCounts) -> Vec<Measured> {
                vec![ $( Measured {
                    name: stringify!($field),
                    what: $what,
                    found: counts.$found,
                    limit: self.$field,
                }, )* ]
            }
        }
    };
}

module_limits! {
    /// Bytes of the module. Default: 64 MiB.
    bytes = 64 << 20, "bytes", bytes;
    /// Bytes of custom sections (names, debugging information), which are never read.
    /// Default: 48 MiB: builds of Rust with debugging information come near 30.
    custom_bytes = 48 << 20, "bytes of custom sections", custom_bytes;
    /// Sections, of which the smallest takes two bytes. Default: 200 000; compilers write a few
    /// dozen.
    sections = 200_000, "sections", sections;
    /// Function types. Default: 10 000; compilers write each only once.
    types = 10_000, "types", types;
    /// Parameters of one type. Default: 255.
    params = 255, "parameters of one function type", most_params;
    /// Results of one type. Default: 32; Go and C never have more than one.
    results = 32, "results of one function type", most_results;
    /// Imports. Default: 1 000; this host offers about sixty functions.
    imports = 1_000, "imports", imports;
    /// Functions. Default: 100 000.
    functions = 100_000, "functions", functions;
    /// Global variables. Default: 10 000; Go has eight.
    globals = 10_000, "globals", globals;
    /// Operators of one constant expression, such as the place of a segment. Each takes a part of
    /// the thread's stack when the module is instantiated. Default: 100; compilers write up to
    /// three.
    constant_operators = 100, "operators in one constant expression", longest_constant;
    /// Exports. Default: 10 000.
    exports = 10_000, "exports", exports;
    /// Segments of table elements. Default: 10 000; most modules have one.
    element_segments = 10_000, "element segments", element_segments;
    /// Bytes of all element segments, of which one can be an element, which takes 24 when
    /// compiled. Default: 1 MiB; Go programs need three for each function.
    element_bytes = 1 << 20, "bytes of element segments", element_bytes;
    /// Segments of data. Default: 100 000, which is also the most that the engine takes.
    data_segments = 100_000, "data segments", data_segments;
    /// Bytes of all functions, each of which takes up to 20 when compiled. Default: 24 MiB.
    code_bytes = 24 << 20, "bytes of functions", code_bytes;
    /// Bytes of one function, which is compiled in one go when first called. Default: 4 MiB.
    function_bytes = 4 << 20, "bytes of one function", longest_function;
    /// Locals of one function. Each is cleared when it is called, which fuel does not count.
    /// Default: 10 000.
    locals_of_one = 10_000, "locals in one function", most_locals;
    /// Locals of all functions. Declaring any number of them takes four bytes. Default: 5 000 000.
    locals = 5_000_000, "locals in all functions", locals;
    /// Blocks within blocks. Default: 50 000: Go nests a block for each place where a function
    /// can be resumed.
    nesting = 50_000, "levels of nested blocks", nesting;
    /// Values that branches carry (and two more for each branch that carries any), and that calls
    /// and blocks carry beyond eight. With types of many results a branch of two bytes would
    /// compile to thousands. Default: 900 000, which take 60 MiB at most; branches of Go carry none.
    carried_values = 900_000, "values carried by branches, calls and blocks", carried_values;
}

/// The count of one thing in a module, with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// The field of [`ModuleLimits`].
    pub name: &'static str,
    /// What is counted, as text.
    #[serde(skip)]
    pub(crate) what: &'static str,
    /// The count.
    pub found: u64,
    /// The most that is allowed.
    pub limit: u64,
}
