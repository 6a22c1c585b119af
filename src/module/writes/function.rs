//! Writes one function with its marks.

use super::{
    BLOCK_SHIFT, Indices, LIST, LIST_ENTRIES, LIST_ENTRY,
    scan::{BLOCK, Kind, Origin, Scan, Store},
    unreadable,
};
use crate::{
    error::LoadError,
    module::encode::{op::*, push_i64, push_u32},
    room::OutOfMemory,
};
use alloc::vec::Vec;
use wasmparser::{FunctionBody, ValType};

const TYPES: [(ValType, u8); 5] = [
    (ValType::I32, 0x7F),
    (ValType::I64, 0x7E),
    (ValType::F32, 0x7D),
    (ValType::F64, 0x7C),
    (ValType::V128, 0x7B),
];

/// So many bytes from its beginning on, the eight marks of a range are for.
const SHORT_RANGE: u32 = 7 << BLOCK_SHIFT;

/// The most bytes that a site adds.
const MOST_ADDED: usize = 96;

/// Writes functions one after the other.
#[derive(Debug)]
pub(super) struct Function {
    indices: Indices,
    scan: Scan,
    out: Vec<u8>,
    /// The first local that is added: an address, and then a length.
    address: u32,
    /// For each type, the local for what is stored.
    values: [Option<u32>; TYPES.len()],
}

impl Function {
    pub(super) fn new(indices: Indices) -> Function {
        Function {
            indices,
            scan: Scan::default(),
            out: Vec::new(),
            address: 0,
            values: [None; TYPES.len()],
        }
    }

    /// Returns a function that has so many parameters, with marks.
    pub(super) fn write(
        &mut self,
        body: &FunctionBody<'_>,
        params: u32,
    ) -> Result<&[u8], LoadError> {
        let bytes = body.as_bytes();
        let start = body.range().start;
        let mut reader = body.get_binary_reader();
        let groups = reader.read_var_u32().map_err(unreadable)?;
        let declared = reader.original_position() - start;
        let mut locals = params;
        for _ in 0..groups {
            locals = locals.saturating_add(reader.read_var_u32().map_err(unreadable)?);
            reader.read::<ValType>().map_err(unreadable)?;
        }
        let first = reader.original_position() - start;
        self.scan.read(reader, bytes, start, [params, locals])?;
        let sites = core::mem::take(&mut self.scan.sites);
        self.out.clear();
        let added = sites
            .len()
            .saturating_add(usize::try_from(params).unwrap_or(usize::MAX));
        let added = added
            .saturating_mul(MOST_ADDED)
            .saturating_add(bytes.len() + 64);
        self.out.try_reserve(added).map_err(|_| OutOfMemory)?;
        self.locals(
            groups,
            bytes.get(declared..first).unwrap_or_default(),
            locals,
            &sites,
        );
        let mut copied = first;
        for param in 0..params {
            self.set(param);
        }
        for site in &sites {
            self.copy(bytes, &mut copied, site.at);
            match site.kind {
                Kind::Set(local) => {
                    self.copy(bytes, &mut copied, site.next);
                    self.set(local);
                }
                Kind::Store(store) => self.store(store, bytes, &mut copied, site.next),
                Kind::Bulk => self.bulk(bytes, &mut copied, site.next),
            }
        }
        self.copy(bytes, &mut copied, bytes.len());
        self.scan.sites = sites;
        Ok(&self.out)
    }

    /// Declares the locals, with those that are added.
    fn locals(&mut self, groups: u32, declared: &[u8], locals: u32, sites: &[super::scan::Site]) {
        self.address = locals;
        self.values = [None; TYPES.len()];
        let mut next = locals.saturating_add(2);
        let mut added = Vec::new();
        for (value, (ty, byte)) in self.values.iter_mut().zip(TYPES) {
            let uses = |kind: &Kind| match kind {
                Kind::Store(store) => store.value == ty,
                Kind::Bulk => ty == ValType::I32,
                Kind::Set(_) => false,
            };
            if sites.iter().any(|site| uses(&site.kind)) {
                *value = Some(next);
                next = next.saturating_add(1);
                added.extend_from_slice(&[1, byte]);
            }
        }
        let (more, i32s): (u32, &[u8]) = match added.is_empty() {
            true => (0, &[]),
            false => (1, &[2, 0x7F]),
        };
        let more = more.saturating_add(u32::try_from(added.len() / 2).unwrap_or_default());
        push_u32(&mut self.out, groups.saturating_add(more));
        self.out.extend_from_slice(declared);
        self.out.extend_from_slice(i32s);
        self.out.extend_from_slice(&added);
    }

    fn copy(&mut self, bytes: &[u8], copied: &mut usize, to: usize) {
        let run = bytes.get(*copied..to);
        self.out.extend_from_slice(run.unwrap_or_default());
        *copied = to;
    }

    fn with(&mut self, operator: u8, immediate: u32) {
        self.out.push(operator);
        push_u32(&mut self.out, immediate);
    }

    fn constant(&mut self, value: u32) {
        self.out.push(I32_CONST);
        push_i64(&mut self.out, value.cast_signed().into());
    }

    /// A store into the memory of the marks, of so many bytes as a power of two.
    fn access(&mut self, operator: u8, power: u8, offset: u32) {
        const HAS_MEMORY: u8 = 1 << 6;
        self.out.extend_from_slice(&[operator, power | HAS_MEMORY]);
        push_u32(&mut self.out, self.indices.memory);
        push_u32(&mut self.out, self.indices.at.saturating_add(offset));
    }

    /// Marks so many blocks from an offset on, which is in blocks. The first one is on the stack.
    fn mark(&mut self, first: u64, blocks: u64) {
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        match blocks {
            0 | 1 => {
                self.constant(0x01);
                self.access(I32_STORE8, 0, first);
            }
            2 => {
                self.constant(0x0101);
                self.access(I32_STORE16, 0, first);
            }
            _ => {
                self.constant(0x0101_0101);
                self.access(I32_STORE, 0, first);
            }
        }
    }

    /// Marks so many blocks by the address in a local.
    fn mark_by(&mut self, local: u32, first: u64, blocks: u64) {
        self.with(LOCAL_GET, local);
        self.constant(BLOCK_SHIFT);
        self.out.push(I32_SHR_U);
        self.mark(first, blocks);
    }

    /// A local was set.
    fn set(&mut self, local: u32) {
        if let Some(blocks) = self.scan.marked_when_set(local) {
            self.mark_by(local, 0, blocks);
        }
    }

    fn store(&mut self, store: Store, bytes: &[u8], copied: &mut usize, next: usize) {
        let (first, blocks) = store.blocks();
        let when_set = self.scan.is_marked_when_set(&store);
        match store.origin {
            _ if when_set || store.is_marked => self.copy(bytes, copied, next),
            Origin::Local(local) => {
                self.copy(bytes, copied, next);
                self.mark_by(local, first, blocks);
            }
            Origin::Constant(address) => {
                self.copy(bytes, copied, next);
                let from = u64::from(address).saturating_add(store.offset);
                let to = from.saturating_add(store.bytes - 1);
                // Else it traps.
                if let Ok(block) = u32::try_from(from / BLOCK)
                    && to <= u64::from(u32::MAX)
                {
                    self.constant(block);
                    self.mark(0, to / BLOCK - from / BLOCK + 1);
                }
            }
            Origin::Former(_) | Origin::Unknown => {
                let value = self.value(store.value);
                self.with(LOCAL_SET, value);
                self.with(LOCAL_TEE, self.address);
                self.with(LOCAL_GET, value);
                self.copy(bytes, copied, next);
                self.mark_by(self.address, first, blocks);
            }
        }
    }

    /// The local for values of a type, which [`locals`](Self::locals) has added.
    fn value(&self, ty: ValType) -> u32 {
        let mut values = TYPES.iter().zip(self.values);
        let found = values.find(|((known, _), _)| *known == ty);
        found.and_then(|(_, local)| local).unwrap_or_default()
    }

    fn bulk(&mut self, bytes: &[u8], copied: &mut usize, next: usize) {
        let [address, length, second] = [
            self.address,
            self.address.saturating_add(1),
            self.value(ValType::I32),
        ];
        self.with(LOCAL_SET, length);
        self.with(LOCAL_SET, second);
        self.with(LOCAL_TEE, address);
        self.with(LOCAL_GET, second);
        self.with(LOCAL_GET, length);
        self.copy(bytes, copied, next);
        self.with(LOCAL_GET, address);
        self.constant(BLOCK_SHIFT);
        self.out.push(I32_SHR_U);
        self.out.push(I64_CONST);
        push_i64(&mut self.out, 0x0101_0101_0101_0101);
        self.access(I64_STORE, 0, 0);
        // The next entry of the list, which counts only if the range is long.
        let listed = self.indices.listed;
        self.with(GLOBAL_GET, listed);
        self.out.push(I32_WRAP_I64);
        self.constant((LIST_ENTRIES - 1) * LIST_ENTRY);
        self.out.push(I32_AND);
        self.with(LOCAL_TEE, second);
        self.with(LOCAL_GET, address);
        self.access(I32_STORE, 0, LIST);
        self.with(LOCAL_GET, second);
        self.with(LOCAL_GET, length);
        self.access(I32_STORE, 0, LIST + 4);
        self.with(GLOBAL_GET, listed);
        self.with(LOCAL_GET, length);
        self.constant(SHORT_RANGE);
        self.out.push(I32_GT_U);
        self.constant(LIST_ENTRY.trailing_zeros());
        self.out.push(I32_SHL);
        self.out.push(I64_EXTEND_I32_U);
        self.out.push(I64_ADD);
        self.with(GLOBAL_SET, listed);
    }
}
