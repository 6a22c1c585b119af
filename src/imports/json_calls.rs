//! What all functions share that exchange JSON documents with plugins: those of `reglet_host` and the embedder's.

use crate::{
    effect::{Effect, Output},
    guest::{BadRequest, Host},
    printable::counted,
};
use serde::de::DeserializeOwned;
use tollgate_abi::{ErrorDetail, from_json, host::kinds};

/// Reads a request; `name` is that of the function.
pub(super) fn decode<Request: DeserializeOwned>(
    name: &str,
    request: Result<&[u8], BadRequest>,
) -> Result<Request, ErrorDetail> {
    match request {
        Ok(bytes) => from_json(bytes).map_err(|error| {
            ErrorDetail::new(
                kinds::INTERNAL,
                format!("failed to unmarshal {name} request: {error}"),
            )
        }),
        Err(BadRequest::OutOfBounds) => Err(ErrorDetail::new(
            kinds::INTERNAL,
            format!("failed to read {name} request from guest memory: the range is outside it"),
        )),
        Err(BadRequest::TooLarge { limit }) => Err(ErrorDetail::new(
            kinds::CONFIG,
            format!(
                "{name} request is larger than the limit of {}",
                counted(limit, "byte")
            ),
        )),
    }
}

/// Lets an effect happen, and takes what its answer holds.
pub(super) fn pass<T: Output>(host: &mut Host, effect: &Effect) -> Result<T, ErrorDetail> {
    Ok(host.gate.pass_for_json(effect)?.take()?)
}
