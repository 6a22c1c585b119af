//! From the addresses of a host to the one that answers: the same in every world.

use crate::effect::{Denial, Failure, Refusal};
use std::{net::IpAddr, ops::ControlFlow};
use tollgate_abi::host::kinds;

/// Judges each of these addresses and has `reach` try those that pass, in order, told whether it
/// is the last of all, until one settles the matter; the last reason why none did, or nothing if
/// there are none.
pub(super) fn try_each<T, P>(
    addresses: Vec<IpAddr>,
    judge: impl Fn(IpAddr) -> Result<P, Denial>,
    mut reach: impl FnMut(IpAddr, bool) -> ControlFlow<Result<T, Failure>, Failure>,
) -> Option<Result<(T, P), Refusal>> {
    let mut last: Option<Refusal> = None;
    let mut addresses = addresses.into_iter();
    while let Some(address) = addresses.next() {
        let permit = match judge(address) {
            Ok(permit) => permit,
            // A denial is told only if no other address can be reached.
            Err(denial) => {
                last.get_or_insert(denial.into());
                continue;
            }
        };
        match reach(address, addresses.len() == 0) {
            ControlFlow::Break(Ok(reached)) => return Some(Ok((reached, permit))),
            ControlFlow::Break(Err(failure)) => return Some(Err(failure.into())),
            ControlFlow::Continue(failure) => last = Some(failure.into()),
        }
    }
    last.map(Err)
}

pub(super) fn no_such_host(host: &str) -> Failure {
    Failure::new(
        kinds::NETWORK,
        "NXDOMAIN",
        format!("lookup {host}: no such host"),
    )
}
