//! `last_denial`: why a function of WASI returned that access is denied. Replies of JSON functions hold their
//! denials themselves.

use super::not_canceled;
use crate::{effect::Refusal, guest::Host};
use tollgate_abi::{
    ErrorDetail,
    host::{LastDenialReply, LastDenialRequest},
};

pub(super) fn last(
    host: &mut Host,
    request: LastDenialRequest,
) -> Result<LastDenialReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let denial = host.denial.as_deref().cloned();
    Ok(LastDenialReply {
        denial: denial.map(|denial| Refusal::Denied(denial).detail()),
        error: None,
    })
}
