//! Trying the addresses of a host in order: the same in every world.

use crate::{
    capability::address::{Host, parse_host},
    effect::{Denial, Failure, Refusal},
};
use alloc::vec::Vec;
use core::{net::IpAddr, ops::ControlFlow};
use tollgate_abi::host::kinds;

/// Judges each address and calls `reach` with those that pass, in order, until it breaks. The second
/// argument of `reach` is whether this is the last address.
///
/// Returns the last error if no address could be reached, and `None` if there are no addresses.
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
            // A denial is returned only if no other address can be reached.
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

/// The host of an effect: an address or a name.
pub(super) fn host(host: &str) -> Result<Host, Failure> {
    parse_host(host).map_err(|error| {
        let message = format!("failed to resolve host: {error}");
        Failure::new(kinds::CONFIG, "EINVAL", message)
    })
}

pub(super) fn no_such_host(host: &str) -> Failure {
    Failure::new(
        kinds::NETWORK,
        "NXDOMAIN",
        format!("lookup {host}: no such host"),
    )
}
