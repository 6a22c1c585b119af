//! Harnesses in the style of libFuzzer, which have no contract but `malloc` and
//! `LLVMFuzzerTestOneInput(bytes, length) -> int`.

use super::{Instance, finish, run};
use crate::{
    error::Error,
    module::{AbiVersion, HARNESS_INITIALIZE},
};
use alloc::vec::Vec;
use tollgate_abi::to_json;

/// What `LLVMFuzzerInitialize` may read and write: the number of arguments, where their list is, the list, and
/// the one argument.
const ARGUMENTS: usize = 24;

impl Instance {
    /// Runs `LLVMFuzzerInitialize(&argc, &argv)`, if there is one.
    pub(super) fn initialize_harness(&mut self) -> Result<(), Error> {
        let name = HARNESS_INITIALIZE;
        if self.instance.get_func(&self.store, name).is_none() {
            return Ok(());
        }
        let (at, _) = self.place_config(name, &[0; ARGUMENTS])?;
        let word = |offset: i32| at.wrapping_add(offset).to_le_bytes();
        let words = [
            1_i32.to_le_bytes(),
            word(8),
            word(16),
            [0; 4],
            *b"fuzz",
            [0; 4],
        ];
        let start = usize::try_from(at.cast_unsigned()).unwrap_or(usize::MAX);
        let memory = self.exports.memory.data_mut(&mut self.store);
        let target = memory.get_mut(start..);
        if let Some(target) = target.and_then(|rest| rest.get_mut(..ARGUMENTS)) {
            target.copy_from_slice(words.as_flattened());
        }
        self.call::<(i32, i32), i32>(name, name, (at, at.wrapping_add(4)))?;
        Ok(())
    }

    /// Runs one input. What the harness returns comes as evidence: `{"status":true,"data":{"returned":0}}`.
    pub(crate) fn test_one_input(&mut self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let name = AbiVersion::Harness.observe();
        // A `malloc` may return no address for nothing.
        let placed = if input.is_empty() { &[0] } else { input };
        let (at, _) = self.place_config(name, placed)?;
        let function = self.function::<(i32, i32), i32>(name, name)?;
        let len = i32::try_from(input.len()).unwrap_or(i32::MAX);
        let outcome = run::call(&mut self.store, function, (at, len));
        finish(&mut self.store);
        let returned = outcome.map_err(|stop| self.fail(name, stop))?;
        Ok(to_json(
            &serde_json::json!({ "status": true, "data": { "returned": returned } }),
        ))
    }
}
