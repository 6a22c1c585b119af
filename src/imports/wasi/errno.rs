//! The error numbers of preview 1, and which of them a refusal is.

use crate::{
    effect::{Denial, Failure, Refusal},
    guest::Stop,
};
use alloc::boxed::Box;
use tollgate_abi::host::kinds;

/// An error number of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub(super) u16);

impl Errno {
    pub(super) const ACCES: Errno = Errno(2);
    pub(super) const BADF: Errno = Errno(8);
    pub(super) const BUSY: Errno = Errno(10);
    pub(super) const EXIST: Errno = Errno(20);
    pub(super) const FAULT: Errno = Errno(21);
    pub(super) const FBIG: Errno = Errno(22);
    pub(super) const ILSEQ: Errno = Errno(25);
    pub(super) const INVAL: Errno = Errno(28);
    pub(super) const IO: Errno = Errno(29);
    pub(super) const ISDIR: Errno = Errno(31);
    pub(super) const LOOP: Errno = Errno(32);
    pub(super) const MFILE: Errno = Errno(33);
    pub(super) const NAMETOOLONG: Errno = Errno(37);
    pub(super) const NOENT: Errno = Errno(44);
    pub(super) const NOMEM: Errno = Errno(48);
    pub(super) const NOSPC: Errno = Errno(51);
    pub(super) const NOTDIR: Errno = Errno(54);
    pub(super) const NOTEMPTY: Errno = Errno(55);
    pub(super) const NOTSOCK: Errno = Errno(57);
    pub(super) const NOTSUP: Errno = Errno(58);
    pub(super) const PERM: Errno = Errno(63);
    pub(super) const ROFS: Errno = Errno(69);
    pub(super) const SPIPE: Errno = Errno(70);
    pub(super) const TIMEDOUT: Errno = Errno(73);
    pub(super) const XDEV: Errno = Errno(75);
}

/// Why a function does not succeed: an answer for the guest, or the end of its call.
pub(super) enum Halt {
    Errno(Errno),
    /// "Permission denied", whose reason the guest can ask for: "does not exist" would make a check of a denied
    /// file pass, and Go programs do not take "not capable" for an error of permission.
    Denied(Box<Denial>),
    Stop(Stop),
}

impl From<Errno> for Halt {
    fn from(errno: Errno) -> Halt {
        Halt::Errno(errno)
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Halt {
        Halt::Stop(stop)
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Halt {
        match refusal {
            Refusal::Denied(denial) => Halt::Denied(Box::new(denial)),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt::Errno(of_failure(&failure))
    }
}

fn of_failure(failure: &Failure) -> Errno {
    match &*failure.code {
        "EACCES" => Errno::ACCES,
        "EBADF" => Errno::BADF,
        "EBUSY" => Errno::BUSY,
        "EEXIST" => Errno::EXIST,
        "EFBIG" => Errno::FBIG,
        "EINVAL" => Errno::INVAL,
        "EISDIR" => Errno::ISDIR,
        "ELOOP" => Errno::LOOP,
        "EMFILE" => Errno::MFILE,
        "ENAMETOOLONG" => Errno::NAMETOOLONG,
        "ENOENT" => Errno::NOENT,
        "ENOMEM" => Errno::NOMEM,
        "ENOSPC" => Errno::NOSPC,
        "ENOTDIR" => Errno::NOTDIR,
        "ENOTEMPTY" => Errno::NOTEMPTY,
        "ENOTSUP" | "UNSUPPORTED" => Errno::NOTSUP,
        "EPERM" => Errno::PERM,
        "EROFS" => Errno::ROFS,
        "ETIMEDOUT" => Errno::TIMEDOUT,
        "EXDEV" => Errno::XDEV,
        _ if failure.kind == kinds::TIMEOUT => Errno::TIMEDOUT,
        _ => Errno::IO,
    }
}
