//! What the operators of one byte do with operands, as far as the cost model needs it: which cost
//! nothing, and which leave a constant that the engine folds.

use super::regions::Cost;

/// What an operator takes from the stack of operands and leaves on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Leaves a value that is not constant.
    Push,
    /// Leaves a constant.
    Constant,
    /// Replaces the last operand; the result is constant if it was.
    Unary,
    /// Replaces two operands; the result is constant if both were.
    Binary,
    /// Replaces the last operand by a value that is not constant.
    Load,
    /// Takes one operand.
    Pop,
    /// Takes one operand and costs nothing.
    Drop,
    /// Takes two operands.
    Store,
    /// Leaves one of two operands, by a third.
    Select,
    /// Does nothing and costs nothing.
    Nop,
    /// Changes what runs next, or needs to be read whole.
    Special,
}

impl Class {
    pub(super) fn of(operator: u8) -> Class {
        let class = CLASSES.get(usize::from(operator));
        class.copied().unwrap_or(Class::Special)
    }

    /// Fuel of the operator, which is not special.
    pub(super) fn cost(self) -> Cost {
        match self {
            Class::Drop | Class::Nop => 0,
            _ => 1,
        }
    }
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Special; 256];
    let mut operator = 0;
    while operator < classes.len() {
        classes[operator] = match operator {
            0x01 => Class::Nop,
            0x1A => Class::Drop,
            0x1B | 0x1C => Class::Select,
            // local.get, memory.size, ref.func
            0x20 | 0x3F | 0xD2 => Class::Push,
            // local.set, global.set
            0x21 | 0x24 => Class::Pop,
            // local.tee; eqz, clz and the like; conversions; ref.is_null
            0x22 | 0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7B | 0xD1 => Class::Unary,
            0x8B..=0x91 | 0x99..=0x9F | 0xA7..=0xC4 => Class::Unary,
            // table.get, loads
            0x25 | 0x28..=0x35 => Class::Load,
            0x36..=0x3E => Class::Store,
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

/// Which operands may be constants, the last one in the lowest bit. What is not known may be one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants(u64);

impl Constants {
    pub(super) fn unknown() -> Constants {
        Constants(u64::MAX)
    }

    /// Whether the last operand may be a constant.
    pub(super) fn is_last(self) -> bool {
        self.0 & 1 != 0
    }

    pub(super) fn push(&mut self, is_constant: bool) {
        self.0 = self.0 << 1 | u64::from(is_constant);
    }

    pub(super) fn pop(&mut self, count: u32) {
        // Ones come in from above.
        self.0 = !((!self.0).checked_shr(count).unwrap_or(0));
    }

    /// Replaces some operands by one that is constant if all of them were.
    pub(super) fn fold(&mut self, operands: u32) {
        let operators = 1u64.checked_shl(operands).map_or(u64::MAX, |bit| bit - 1);
        let all = self.0 & operators == operators;
        self.pop(operands);
        self.push(all);
    }

    pub(super) fn step(&mut self, class: Class) {
        match class {
            Class::Push => self.push(false),
            Class::Constant => self.push(true),
            Class::Unary | Class::Nop | Class::Special => {}
            Class::Binary => self.fold(2),
            Class::Load => self.0 &= !1,
            Class::Pop | Class::Drop => self.pop(1),
            Class::Store => self.pop(2),
            Class::Select => {
                // Two operands that are the same constant are one, whatever the condition is.
                self.pop(1);
                self.fold(2);
            }
        }
    }
}
