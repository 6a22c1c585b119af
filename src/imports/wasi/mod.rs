//! Module `wasi_snapshot_preview1`: the operating system as compilers for Go, C, Rust and
//! AssemblyScript expect it, with one directory `/` open, one argument, no input and no sockets.
//! One file for each family of functions. Guest memory is decoded to effects here and replies are
//! encoded; nothing here decides or touches anything.

mod args;
mod call;
mod errno;
mod fds;
mod files;
mod layout;
mod paths;
mod poll;
mod sockets;

use super::{contain, imported::Imported};
use crate::{guest::Host, module::Offered};
use alloc::vec::Vec;
use call::serve;
use wasmi::{Caller, FuncType, ValType};

const MODULE: &str = "wasi_snapshot_preview1";

/// The type of a parameter in WebAssembly.
macro_rules! val_type {
    (u32) => {
        ValType::I32
    };
    (u64) => {
        ValType::I64
    };
    (i64) => {
        ValType::I64
    };
}

/// Declares the functions: each name with its parameters and the body that gets them.
macro_rules! functions {
    ( $( $name:literal ( $($param:ident: $ty:ident),* ) $body:expr; )* ) => {
        fn define_all(linker: &mut Imported<'_>) -> Result<(), wasmi::Error> {
            $(
                linker.func_wrap(
                    MODULE,
                    $name,
                    |mut caller: Caller<'_, Host> $(, $param: $ty)*| {
                        contain(|| serve(&mut caller, |call| $body(call $(, $param)*)))
                    },
                )?;
            )*
            Ok(())
        }

        fn offer_all() -> Vec<Offered> {
            vec![ $( Offered {
                module: MODULE.into(),
                name: $name.into(),
                ty: FuncType::new([ $( val_type!($ty) ),* ] as [ValType; count!($($param)*)], [ValType::I32]),
                listed: true,
            } ),* ]
        }
    };
}

macro_rules! count {
    () => { 0 };
    ($first:ident $($rest:ident)*) => { 1 + count!($($rest)*) };
}

functions! {
    "args_get"(argv: u32, text: u32) args::args_get;
    "args_sizes_get"(count: u32, size: u32) args::args_sizes_get;
    "environ_get"(list: u32, text: u32) args::environ_get;
    "environ_sizes_get"(count: u32, size: u32) args::environ_sizes_get;
    "clock_res_get"(id: u32, out: u32) args::clock_res_get;
    "clock_time_get"(id: u32, precision: u64, out: u32) args::clock_time_get;
    "random_get"(out: u32, len: u32) args::random_get;
    "sched_yield"() args::sched_yield;
    "proc_raise"(signal: u32) args::proc_raise;
    "poll_oneoff"(subscriptions: u32, events: u32, count: u32, out: u32) poll::oneoff;
    "fd_advise"(fd: u32, offset: u64, len: u64, advice: u32) files::advise;
    "fd_allocate"(fd: u32, offset: u64, len: u64) files::allocate;
    "fd_close"(fd: u32) fds::close;
    "fd_datasync"(fd: u32) files::sync;
    "fd_fdstat_get"(fd: u32, out: u32) fds::fdstat_get;
    "fd_fdstat_set_flags"(fd: u32, flags: u32) fds::fdstat_set_flags;
    "fd_fdstat_set_rights"(fd: u32, base: u64, inheriting: u64) fds::fdstat_set_rights;
    "fd_filestat_get"(fd: u32, out: u32) files::filestat_get;
    "fd_filestat_set_size"(fd: u32, size: u64) files::filestat_set_size;
    "fd_filestat_set_times"(fd: u32, accessed: u64, modified: u64, which: u32)
        files::filestat_set_times;
    "fd_pread"(fd: u32, iovecs: u32, count: u32, offset: u64, out: u32) files::pread;
    "fd_prestat_get"(fd: u32, out: u32) fds::prestat_get;
    "fd_prestat_dir_name"(fd: u32, out: u32, len: u32) fds::prestat_dir_name;
    "fd_pwrite"(fd: u32, iovecs: u32, count: u32, offset: u64, out: u32) files::pwrite;
    "fd_read"(fd: u32, iovecs: u32, count: u32, out: u32) files::read;
    "fd_readdir"(fd: u32, buffer: u32, len: u32, cookie: u64, out: u32) files::readdir;
    "fd_renumber"(from: u32, to: u32) fds::renumber;
    "fd_seek"(fd: u32, offset: i64, whence: u32, out: u32) files::seek;
    "fd_sync"(fd: u32) files::sync;
    "fd_tell"(fd: u32, out: u32) files::tell;
    "fd_write"(fd: u32, iovecs: u32, count: u32, out: u32) files::write;
    "path_create_directory"(fd: u32, path: u32, len: u32) paths::create_directory;
    "path_filestat_get"(fd: u32, lookup: u32, path: u32, len: u32, out: u32) paths::filestat_get;
    "path_filestat_set_times"(
        fd: u32, lookup: u32, path: u32, len: u32, accessed: u64, modified: u64, which: u32
    ) paths::filestat_set_times;
    "path_link"(
        fd: u32, lookup: u32, old: u32, old_len: u32, new_fd: u32, new: u32, new_len: u32
    ) paths::link;
    "path_open"(
        fd: u32, dirflags: u32, path: u32, path_len: u32, oflags: u32, rights_base: u64,
        rights_inheriting: u64, fdflags: u32, out: u32
    ) |call: &mut call::Call<'_, '_>,
       fd, dirflags, path, path_len, oflags, rights_base, _inheriting: u64, fdflags, out| {
        let request = paths::Open {
            fd, dirflags, path, path_len, oflags, rights_base, fdflags, out,
        };
        paths::open(call, &request)
    };
    "path_readlink"(fd: u32, path: u32, path_len: u32, buffer: u32, len: u32, out: u32)
        paths::readlink;
    "path_remove_directory"(fd: u32, path: u32, len: u32) paths::remove_directory;
    "path_rename"(fd: u32, old: u32, old_len: u32, new_fd: u32, new: u32, new_len: u32)
        paths::rename;
    "path_symlink"(target: u32, target_len: u32, fd: u32, path: u32, len: u32) paths::symlink;
    "path_unlink_file"(fd: u32, path: u32, len: u32) paths::unlink_file;
    "sock_accept"(fd: u32, flags: u32, out: u32) sockets::accept;
    "sock_recv"(fd: u32, iovecs: u32, count: u32, flags: u32, size: u32, out_flags: u32)
        sockets::recv;
    "sock_send"(fd: u32, iovecs: u32, count: u32, flags: u32, size: u32) sockets::send;
    "sock_shutdown"(fd: u32, how: u32) sockets::shutdown;
}

/// The one function that does not come back.
const PROC_EXIT: &str = "proc_exit";

/// Defines every function of the module.
pub(super) fn define(linker: &mut Imported<'_>) -> Result<(), wasmi::Error> {
    define_all(linker)?;
    linker.func_wrap(
        MODULE,
        PROC_EXIT,
        |mut caller: Caller<'_, Host>, code: u32| {
            contain(|| serve(&mut caller, |call| args::proc_exit(call, code)).map(drop))
        },
    )?;
    Ok(())
}

/// The same functions with their types.
pub(super) fn offered() -> Vec<Offered> {
    let mut offered = offer_all();
    offered.push(Offered {
        module: MODULE.into(),
        name: PROC_EXIT.into(),
        ty: FuncType::new([ValType::I32], []),
        listed: true,
    });
    offered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_preview_1_is_offered_as_it_is_defined() {
        let offered = offered();
        assert_eq!(offered.len(), 46);
        for Offered { module, name, .. } in &offered {
            let named = offered.iter().filter(|other| other.name == *name);
            assert_eq!((module.as_ref(), named.count()), (MODULE, 1), "{name}");
        }
        let importing = |offered: &Offered| {
            let types = |types: &[ValType]| -> String {
                let types = types.iter().map(|ty| format!(" {ty:?}").to_lowercase());
                types.collect()
            };
            let (params, results) = (types(offered.ty.params()), types(offered.ty.results()));
            format!(
                "(import {MODULE:?} {:?} (func (param{params}) (result{results})))",
                offered.name
            )
        };
        let imports: String = offered.iter().map(importing).collect();
        let module = wat::parse_str(format!("(module {imports})")).unwrap();
        let module = wasmi::Module::new(&wasmi::Engine::default(), &module).unwrap();
        let mut imported = Imported::by(&module);
        define(&mut imported).unwrap();
        let mut linker = imported.linker();
        for Offered { module, name, .. } in &offered {
            // What is defined cannot be defined again.
            assert!(linker.func_wrap(module, name, || ()).is_err(), "{name}");
        }
    }
}
