//! What the operators of one byte do, as far as the cost model needs it: which cost nothing, and which
//! leave a constant that the engine folds.

use super::regions::Cost;

/// What an operator takes from the stack of operands and leaves on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Leaves a value that is not constant, whatever it takes.
    Variable,
    /// Leaves a constant.
    Constant,
    /// Replaces the last operand; the result is constant if it was.
    Unary,
    /// Replaces two operands; the result is constant if both were.
    Binary,
    /// Leaves one of two operands, by a third, or nothing.
    Other,
    /// Costs nothing.
    Free,
    /// Changes what runs next, or needs to be read whole.
    Special,
}

impl Class {
    #[inline]
    pub(super) fn of(operator: u8) -> Class {
        let class = CLASSES.get(usize::from(operator));
        class.copied().unwrap_or(Class::Special)
    }
}

/// Fuel of an operator of one byte; `None` if it changes what runs next, or needs to be read whole.
#[inline]
pub(super) fn cost(operator: u8) -> Option<Cost> {
    match COSTS.get(usize::from(operator)) {
        Some(cost) if *cost != SPECIAL => Some(Cost::from(*cost)),
        _ => None,
    }
}

/// In place of the cost of a special operator.
const SPECIAL: u8 = u8::MAX;

#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
static COSTS: [u8; 256] = {
    let mut costs = [SPECIAL; 256];
    let mut operator = 0;
    while operator < costs.len() {
        costs[operator] = match CLASSES[operator] {
            Class::Free => 0,
            Class::Special => SPECIAL,
            _ => 1,
        };
        operator += 1;
    }
    costs
};

#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Special; 256];
    let mut operator = 0;
    while operator < classes.len() {
        classes[operator] = match operator {
            // nop, drop
            0x01 | 0x1A => Class::Free,
            // local.set, global.set, stores
            0x21 | 0x24 | 0x36..=0x3E => Class::Other,
            // local.get, table.get, loads, memory.size, ref.func
            0x20 | 0x25 | 0x28..=0x35 | 0x3F | 0xD2 => Class::Variable,
            // local.tee; eqz, clz and the like; conversions; ref.is_null
            0x22 | 0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7B | 0xD1 => Class::Unary,
            0x8B..=0x91 | 0x99..=0x9F | 0xA7..=0xC4 => Class::Unary,
            // constants, ref.null
            0x41..=0x44 | 0xD0 => Class::Constant,
            // comparisons and arithmetic
            0x46..=0x4F | 0x51..=0x66 | 0x6A..=0x78 | 0x7C..=0x8A => Class::Binary,
            0x92..=0x98 | 0xA0..=0xA6 => Class::Binary,
            _ => Class::Special,
        };
        operator += 1;
    }
    classes
};

/// The last eight operators, the last one in the lowest byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History(u64);

/// Stands for an operator that leaves a value that is not constant.
const VARIABLE: u8 = 0x20;

/// Stands for an operator of which nothing is known.
const UNKNOWN: u8 = 0x00;

impl History {
    #[inline]
    pub(super) fn push(&mut self, operator: u8) {
        self.0 = self.0 << 8 | u64::from(operator);
    }

    /// An operator with its immediates; of those that are special, only some that leave what is not
    /// constant are known.
    pub(super) fn push_whole(&mut self, operator: &[u8]) {
        match operator {
            [operator, ..] if Class::of(*operator) != Class::Special => self.push(*operator),
            _ => self.push_unknown(),
        }
    }

    /// An operator left a value.
    pub(super) fn push_variable(&mut self) {
        self.push(VARIABLE);
    }

    /// An operator left what may be a constant.
    pub(super) fn push_unknown(&mut self) {
        self.push(UNKNOWN);
    }

    /// Whether the value that the last operator left may be a constant. What lies too far back, or is
    /// not followed, may be one.
    pub(super) fn may_be_constant(mut self) -> bool {
        // How many operands are looked for, each of which makes the value variable if it is.
        let mut operands = 1u32;
        while operands > 0 {
            let [operator, ..] = self.0.to_le_bytes();
            self.0 >>= 8;
            match Class::of(operator) {
                Class::Variable => return false,
                Class::Constant => operands -= 1,
                Class::Unary => {}
                Class::Binary => operands += 1,
                Class::Other | Class::Free | Class::Special => return true,
            }
        }
        true
    }

    /// Whether the engine may have translated the value that the last operator left to a comparison with
    /// zero: `i32.eqz`, `i32.eq`, `i32.ne`, `ref.is_null`, or such a comparison negated, or passed through by
    /// what it does not translate.
    pub(super) fn may_compare(self) -> bool {
        let [last, before, ..] = self.0.to_le_bytes();
        match last {
            // i64.eqz of an extended comparison.
            0x50 => {
                matches!(before, UNKNOWN | 0x01 | 0x1A | 0x74..=0x78 | 0x86..=0x8A | 0xAC | 0xAD)
            }
            // i64.eq, i64.ne of an extended comparison and a constant, which may be computed.
            0x51 | 0x52 => {
                History(self.0 >> 8).may_be_constant() || self.0.to_le_bytes().contains(&0xAD)
            }
            // Other comparisons; arithmetic, but for shifts; i32.wrap_i64 and other conversions.
            0x48..=0x4F | 0x53..=0x73 | 0xA7..=0xAB | 0xC0 | 0xC1 => false,
            _ => Class::of(last) != Class::Variable,
        }
    }
}
