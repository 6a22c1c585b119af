//! `env_get`: one variable of the environment, as it was when the runtime was built.

use super::{config_error, not_canceled, pass};
use crate::{effect::Effect, guest::Host};
use alloc::string::String;
use tollgate_abi::{
    ErrorDetail,
    host::{EnvGetReply, EnvGetRequest},
};

pub(super) fn get(host: &mut Host, request: EnvGetRequest) -> Result<EnvGetReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let name = request.name;
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(config_error("name cannot be empty, or contain = or NUL"));
    }
    let value: Option<String> = pass(host, &Effect::Variable { name })?;
    Ok(EnvGetReply {
        is_set: value.is_some(),
        value: value.unwrap_or_default(),
        error: None,
    })
}
