//! How often each operator of a module runs, by the counters of its blocks; and how many regions functions
//! have.

use super::{
    Charge, Installed,
    fuel::{Outline, costs},
};
use crate::error::LoadError;
use alloc::vec::Vec;
use wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload, TypeRef, ValType};

/// An operator of the module that was loaded, or the beginning of a region before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The index of the function.
    pub(crate) function: u32,
    /// Its offset in the module.
    pub(crate) offset: u32,
    /// The counter of how often it runs, by its number.
    pub(crate) ran: usize,
    /// The counter of how often it is charged for, which the engine does for a whole region at once.
    pub(crate) charged: usize,
    /// What is charged for it each time.
    pub(crate) fuel: u64,
    /// Whether it does something, and not only structures code.
    pub(crate) acts: bool,
}

/// Visits the operators that can run, in their order. Code that no counter leads to never runs.
///
/// Operators behind a call or a trap that ended the run are counted as if it had gone on.
pub(crate) fn visit_operators(
    module: &[u8],
    installed: &Installed,
    mut visit: impl FnMut(Place),
) -> Result<(), BinaryReaderError> {
    let mut function = 0;
    // What is of one function is together.
    let mut counters = (0..).zip(&installed.counters).peekable();
    let mut charges = installed.charges.iter().peekable();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports {
                    function += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut begins = Vec::new();
                while let Some((number, counter)) =
                    counters.next_if(|(_, counter)| counter.function == function)
                {
                    begins.extend(counter.begins.map(|begins| (begins, number)));
                }
                let charges =
                    core::iter::from_fn(|| charges.next_if(|charge| charge.function == function));
                visit_body(&body, begins, charges, &mut visit)?;
                function += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Visits the operators of a function: `begins` has where counters begin, and their numbers.
fn visit_body<'c>(
    body: &FunctionBody<'_>,
    mut begins: Vec<(u32, usize)>,
    charges: impl Iterator<Item = &'c Charge>,
    visit: &mut impl FnMut(Place),
) -> Result<(), BinaryReaderError> {
    begins.sort_unstable();
    let mut begins = begins.into_iter().peekable();
    let mut charges = charges.peekable();
    let Some(first) = charges.peek() else {
        return Ok(());
    };
    let (function, mut charged) = (first.function, first.counter);
    // The counter of the code here; `None` if it never runs.
    let mut running = None;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        let offset = super::count(offset);
        while let Some((_, number)) = begins.next_if(|(begins, _)| *begins <= offset) {
            running = Some(number);
        }
        while let Some(charge) = charges.next_if(|charge| charge.offset <= offset) {
            charged = charge.counter;
            if charge.begins {
                visit(Place {
                    function,
                    offset,
                    ran: charged,
                    charged,
                    fuel: 1,
                    acts: false,
                });
            }
        }
        if let Some(ran) = running {
            visit(Place {
                function,
                offset,
                ran,
                charged,
                fuel: costs(&operator).into(),
                acts: acts(&operator),
            });
        }
        match operator {
            Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Unreachable => running = None,
            _ => {}
        }
    }
    // Regions that end the function are empty.
    Ok(())
}

fn acts(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    !matches!(
        operator,
        Op::Nop | Op::Block { .. } | Op::Loop { .. } | Op::Else | Op::End
    )
}

/// How many regions each function with a body has in a module that was written, in their order: places at which
/// fuel is charged.
pub(crate) fn region_counts(written: &[u8]) -> Result<Vec<usize>, LoadError> {
    let mut regions = Vec::new();
    let mut outline = Outline::default();
    for payload in Parser::new(0).parse_all(written) {
        if let Payload::CodeSectionEntry(body) = payload.map_err(super::unreadable)? {
            let mut operators = body.get_binary_reader();
            for _ in 0..operators.read_var_u32().map_err(super::unreadable)? {
                operators.read_var_u32().map_err(super::unreadable)?;
                operators.read::<ValType>().map_err(super::unreadable)?;
            }
            outline.read(operators)?;
            crate::room::push(&mut regions, outline.regions.len())?;
        }
    }
    Ok(regions)
}
