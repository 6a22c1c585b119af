//! Which functions an address is in: a function of the source, and those inlined into it.

use super::budget::Stop;
use crate::room::{push, reserved};
use core::{cmp::Reverse, ops::Range};

/// Stands for no scope, no name.
pub(super) const NONE: u32 = u32::MAX;

/// The most scopes that are followed outwards.
const DEEPEST: usize = 256;

/// All functions of the source that have code, and all places where one was inlined.
#[derive(Default)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
    names: Vec<Box<str>>,
    /// In the order of addresses; each is valid up to the next.
    segments: Vec<Segment>,
}

/// A function, or a place where one was inlined.
pub(super) struct Scope {
    /// The scope that it was inlined into; [`NONE`] for a function.
    pub parent: u32,
    /// The number of its name.
    pub name: u32,
    /// Where it was called, if it was inlined.
    pub file: u32,
    pub line: u32,
    pub column: u32,
}

/// The innermost scope from this address on.
struct Segment {
    address: u32,
    scope: u32,
}

/// The code of a scope.
pub(super) struct Extent {
    pub addresses: Range<u32>,
    pub scope: u32,
}

impl Scopes {
    /// The number of the next scope.
    pub(super) fn next_number(&self) -> u32 {
        // Each takes more than a byte of the section, which has fewer bytes.
        u32::try_from(self.scopes.len()).unwrap_or(NONE)
    }

    /// Adds a scope, whose parent was added before.
    pub(super) fn add(&mut self, scope: Scope) -> Result<(), Stop> {
        Ok(push(&mut self.scopes, scope)?)
    }

    /// Gives a name to some scopes.
    pub(super) fn set_name(&mut self, scopes: &[(u32, u32)], name: &str) -> Result<(), Stop> {
        let number = u32::try_from(self.names.len()).map_err(|_| Stop::Exhausted)?;
        push(&mut self.names, name.into())?;
        for (_, scope) in scopes {
            if let Some(scope) = self.scopes.get_mut(*scope as usize) {
                scope.name = number;
            }
        }
        Ok(())
    }

    /// Sorts the code by its innermost scopes. Code that is not inside of the scope around it is clipped.
    pub(super) fn set_extents(&mut self, mut extents: Vec<Extent>) -> Result<(), Stop> {
        // A scope around others begins before them or ends after them, or was added before.
        extents
            .sort_unstable_by_key(|it| (it.addresses.start, Reverse(it.addresses.end), it.scope));
        let mut segments = Vec::new();
        let mut open: Vec<Extent> = reserved(0)?;
        for extent in extents {
            let Range { start, end } = extent.addresses;
            close(&mut open, start, &mut segments)?;
            let end = open
                .last()
                .map_or(end, |around| end.min(around.addresses.end));
            if start < end {
                begin(&mut segments, start, extent.scope)?;
                let addresses = start..end;
                push(
                    &mut open,
                    Extent {
                        addresses,
                        ..extent
                    },
                )?;
            }
        }
        close(&mut open, u32::MAX, &mut segments)?;
        self.segments = segments;
        Ok(())
    }

    /// The inlined functions at an address, the innermost first.
    pub(super) fn inlined(&self, address: u32) -> impl Iterator<Item = &Scope> {
        self.around(address)
            .take_while(|scope| scope.parent != NONE)
    }

    /// The name of the function that an address is in.
    pub(super) fn function(&self, address: u32) -> Option<&str> {
        self.around(address)
            .find(|scope| scope.parent == NONE)
            .and_then(|scope| self.name(scope))
    }

    pub(super) fn name(&self, scope: &Scope) -> Option<&str> {
        self.names.get(scope.name as usize).map(|name| &**name)
    }

    /// The scopes around an address, the innermost first.
    fn around(&self, address: u32) -> impl Iterator<Item = &Scope> {
        let next = self.segments.partition_point(|it| it.address <= address);
        let segment = next.checked_sub(1).and_then(|at| self.segments.get(at));
        let scope = |number: u32| self.scopes.get(number as usize);
        let innermost = segment.and_then(|segment| scope(segment.scope));
        core::iter::successors(innermost, move |inner| scope(inner.parent)).take(DEEPEST)
    }
}

/// Ends the scopes that end at `address` or before.
fn close(open: &mut Vec<Extent>, address: u32, to: &mut Vec<Segment>) -> Result<(), Stop> {
    while let Some(ended) = open.pop_if(|it| it.addresses.end <= address) {
        let scope = open.last().map_or(NONE, |around| around.scope);
        begin(to, ended.addresses.end, scope)?;
    }
    Ok(())
}

fn begin(segments: &mut Vec<Segment>, address: u32, scope: u32) -> Result<(), Stop> {
    match segments.last_mut() {
        Some(last) if last.address == address => last.scope = scope,
        _ => push(segments, Segment { address, scope })?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// For scopes that are inside of each other, as compilers write them.
        #[test]
        fn the_innermost_scope_is_found(cuts in proptest::collection::vec((0u32..100, 0u32..100), 0..40)) {
            let mut scopes = Scopes::default();
            let mut extents: Vec<Extent> = Vec::new();
            for (a, b) in cuts {
                let (start, end) = (a.min(b), a.max(b) + 1);
                let holds = |it: &&Extent| it.addresses.start <= start && end <= it.addresses.end;
                let meets = |it: &Extent| it.addresses.start < end && start < it.addresses.end;
                let around = extents.iter().rfind(holds).map(|it| it.scope);
                // It is inside of all that it meets, or it is left out.
                if extents.iter().any(|it| meets(it) && !holds(&it)) {
                    continue;
                }
                let scope = Scope { parent: around.unwrap_or(NONE), name: NONE, file: 0, line: 0, column: 0 };
                let number = scopes.next_number();
                prop_assert!(scopes.add(scope).is_ok());
                let scope = number;
                extents.push(Extent { addresses: start..end, scope });
            }
            let copy = extents.iter().map(|it| Extent { addresses: it.addresses.clone(), scope: it.scope });
            prop_assert!(scopes.set_extents(copy.collect()).is_ok());
            for address in 0..110 {
                let mut expected = extents.iter().rfind(|it| it.addresses.contains(&address)).map(|it| it.scope);
                for scope in scopes.around(address) {
                    let found = expected.and_then(|it| scopes.scopes.get(it as usize)).unwrap();
                    prop_assert!(std::ptr::eq(scope, found));
                    expected = Some(scope.parent).filter(|parent| *parent != NONE);
                }
                prop_assert_eq!(expected, None);
            }
        }
    }
}
