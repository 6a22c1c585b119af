//! What stands for protocol version 2 in a build without the feature `reglet-v2`, in which no plugin of that version
//! loads.

use super::Manifest;
use crate::error::ProtocolError;
use tollgate_abi::Evidence;

pub(crate) fn read_manifest(_: &[u8]) -> Result<Manifest, ProtocolError> {
    Err(left_out())
}

pub(crate) fn read_result(_: &[u8]) -> Result<Evidence, ProtocolError> {
    Err(left_out())
}

fn left_out() -> ProtocolError {
    ProtocolError::WrongShape("it is of version 2, which this build leaves out".into())
}
