//! wasm3, an interpreter in C, by its own interface. It reads a module anew for each instance, and
//! a host function cannot call back into the guest: its calls begin at the bottom of the stack.

use crate::{Object, Peer, Plugin, data, stubs, text};
use serde_json::Value;
use std::{
    any::Any,
    ffi::{CStr, CString, c_void},
    ptr::null_mut,
    rc::Rc,
};

/// The part of `wasm3.h` that is used here; every handle is a pointer.
mod m3 {
    use std::ffi::{c_char, c_void};

    pub type Handle = *mut c_void;
    pub type Outcome = *const c_char;
    pub type RawCall = extern "C" fn(Handle, *const Context, *mut u64, *mut c_void) -> Outcome;

    #[repr(C)]
    pub struct Context {
        pub userdata: *mut c_void,
        pub function: Handle,
    }

    unsafe extern "C" {
        pub fn m3_NewEnvironment() -> Handle;
        pub fn m3_FreeEnvironment(environment: Handle);
        pub fn m3_NewRuntime(environment: Handle, stack: u32, userdata: *mut c_void) -> Handle;
        pub fn m3_FreeRuntime(runtime: Handle);
        pub fn m3_GetMemory(runtime: Handle, size: *mut u32, index: u32) -> *mut u8;
        pub fn m3_ParseModule(
            environment: Handle,
            module: *mut Handle,
            wasm: *const u8,
            len: u32,
        ) -> Outcome;
        pub fn m3_FreeModule(module: Handle);
        pub fn m3_LoadModule(runtime: Handle, module: Handle) -> Outcome;
        pub fn m3_LinkRawFunctionEx(
            module: Handle,
            from: *const c_char,
            name: *const c_char,
            signature: *const c_char,
            function: RawCall,
            userdata: *const c_void,
        ) -> Outcome;
        pub fn m3_FindFunction(
            function: *mut Handle,
            runtime: Handle,
            name: *const c_char,
        ) -> Outcome;
        pub fn m3_Call(function: Handle, count: u32, args: *const *const c_void) -> Outcome;
        pub fn m3_GetResults(function: Handle, count: u32, results: *const *mut c_void) -> Outcome;
    }
}

/// Enough for Go.
const STACK: u32 = 1 << 20;

pub struct Engine;

pub struct Module(Rc<[u8]>);

impl Peer for Engine {
    type Module = Module;

    fn new(_: &str) -> Result<Engine, String> {
        Ok(Engine)
    }

    fn load(&self, wasm: Vec<u8>) -> Result<Module, String> {
        Ok(Module(wasm.into()))
    }
}

/// An environment with one runtime, which owns one module.
struct Instance {
    environment: m3::Handle,
    runtime: m3::Handle,
    /// The module points into its bytes.
    _wasm: Rc<[u8]>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: both were made in `start`, and nothing else frees them.
        unsafe {
            m3::m3_FreeRuntime(self.runtime);
            m3::m3_FreeEnvironment(self.environment);
        }
    }
}

/// The one function of `reglet_host` that they use.
const LOG: &str = "log_message";

/// The functions that the plugins here import, with their types as wasm3 writes them.
const IMPORTS: &[(&str, &str)] = &[
    (LOG, "v(I)"),
    ("sched_yield", "i()"),
    ("proc_exit", "v(i)"),
    ("args_get", "i(ii)"),
    ("args_sizes_get", "i(ii)"),
    ("clock_time_get", "i(iIi)"),
    ("environ_get", "i(ii)"),
    ("environ_sizes_get", "i(ii)"),
    ("fd_write", "i(iiii)"),
    ("random_get", "i(ii)"),
    ("poll_oneoff", "i(iiii)"),
    ("fd_close", "i(i)"),
    ("fd_fdstat_get", "i(ii)"),
    ("fd_fdstat_set_flags", "i(ii)"),
    ("fd_prestat_get", "i(ii)"),
    ("fd_prestat_dir_name", "i(iii)"),
    ("fd_filestat_get", "i(ii)"),
    ("fd_filestat_set_size", "i(iI)"),
    ("fd_pread", "i(iiiIi)"),
    ("fd_pwrite", "i(iiiIi)"),
    ("fd_read", "i(iiii)"),
    ("fd_readdir", "i(iiiIi)"),
    ("fd_seek", "i(iIii)"),
    ("fd_sync", "i(i)"),
    ("path_create_directory", "i(iii)"),
    ("path_filestat_get", "i(iiiii)"),
    ("path_filestat_set_times", "i(iiiiIIi)"),
    ("path_open", "i(iiiiiIIii)"),
    ("path_readlink", "i(iiiiii)"),
    ("path_remove_directory", "i(iii)"),
    ("path_rename", "i(iiiiii)"),
    ("path_symlink", "i(iiiii)"),
    ("path_unlink_file", "i(iii)"),
];

fn check(outcome: m3::Outcome) -> Result<(), String> {
    if outcome.is_null() {
        return Ok(());
    }
    // SAFETY: results of wasm3 are static texts.
    Err(unsafe { CStr::from_ptr(outcome) }
        .to_string_lossy()
        .into_owned())
}

/// A host function: each slot is 64 bits wide, the result's first and then the arguments.
extern "C" fn serve(
    runtime: m3::Handle,
    context: *const m3::Context,
    stack: *mut u64,
    _: *mut c_void,
) -> m3::Outcome {
    // SAFETY: `start` gave the entry of this function as its userdata, and its signature tells how
    // many slots there are; the memory is as large as the engine says.
    unsafe {
        let (name, signature) = &*(*context).userdata.cast::<(&str, &str)>();
        let answers = signature.starts_with('i');
        let count = signature.len() - 3;
        let args = std::slice::from_raw_parts(stack.add(usize::from(answers)), count);
        let mut size = 0;
        let memory = m3::m3_GetMemory(runtime, &mut size, 0);
        let memory = std::slice::from_raw_parts_mut(memory, size as usize);
        match stubs::find(name)(args, &mut stubs::Slice(memory)) {
            Some(answer) if answers => *stack.cast::<u32>() = answer,
            Some(_) => {}
            None => return c"exit".as_ptr(),
        }
    }
    std::ptr::null()
}

impl Module {
    fn start(&self) -> Result<Instance, String> {
        // SAFETY: the calls are those of wasm3's own examples, in their order; what was made is
        // freed by `Instance`, and the bytes outlive the module.
        let instance = unsafe {
            let environment = m3::m3_NewEnvironment();
            let runtime = m3::m3_NewRuntime(environment, STACK, null_mut());
            let instance = Instance {
                environment,
                runtime,
                _wasm: self.0.clone(),
            };
            let mut module = null_mut();
            let len = self.0.len() as u32;
            check(m3::m3_ParseModule(
                environment,
                &mut module,
                self.0.as_ptr(),
                len,
            ))?;
            if let Err(error) = check(m3::m3_LoadModule(runtime, module)) {
                m3::m3_FreeModule(module);
                return Err(error);
            }
            let from = CString::new(stubs::WASI).unwrap_or_default();
            let host = CString::new("reglet_host").unwrap_or_default();
            for entry in IMPORTS {
                let (name, signature) = (entry.0, entry.1);
                let (name, signature) = (
                    CString::new(name).unwrap_or_default(),
                    CString::new(signature).unwrap_or_default(),
                );
                let userdata = std::ptr::from_ref(entry).cast();
                // A function that the module does not import is no error.
                let _unused = m3::m3_LinkRawFunctionEx(
                    module,
                    if entry.0 == LOG {
                        host.as_ptr()
                    } else {
                        from.as_ptr()
                    },
                    name.as_ptr(),
                    signature.as_ptr(),
                    serve,
                    userdata,
                );
            }
            instance
        };
        if let Ok(initialize) = instance.find(c"_initialize") {
            instance.call(initialize, &[], None)?;
        }
        Ok(instance)
    }

    fn ask<T>(&self, config: Option<&[u8]>, read: impl FnOnce(&[u8]) -> T) -> Result<T, String> {
        let instance = self.start()?;
        let mut packed = 0u64;
        match config {
            None => instance.call(instance.find(c"describe")?, &[], Some(&mut packed))?,
            Some(config) => {
                let len = config.len() as u64;
                let mut ptr = 0;
                instance.call(instance.find(c"allocate")?, &[len], Some(&mut ptr))?;
                let target = instance.memory().get_mut(ptr as u32 as usize..);
                let target = target.and_then(|rest| rest.get_mut(..config.len()));
                target.ok_or("bad pointer")?.copy_from_slice(config);
                instance.call(instance.find(c"observe")?, &[ptr, len], Some(&mut packed))?;
            }
        }
        let bytes = stubs::unpack(instance.memory(), packed as i64);
        Ok(read(bytes.ok_or("bad result")?))
    }
}

impl Instance {
    fn find(&self, name: &CStr) -> Result<m3::Handle, String> {
        let mut function = null_mut();
        // SAFETY: the runtime is alive as long as `self`.
        check(unsafe { m3::m3_FindFunction(&mut function, self.runtime, name.as_ptr()) })?;
        Ok(function)
    }

    fn call(
        &self,
        function: m3::Handle,
        args: &[u64],
        result: Option<&mut u64>,
    ) -> Result<(), String> {
        let args: Vec<*const c_void> = args
            .iter()
            .map(|arg| std::ptr::from_ref(arg).cast())
            .collect();
        // SAFETY: the function is one of this runtime's, and 64 bits are room for every value.
        unsafe {
            check(m3::m3_Call(function, args.len() as u32, args.as_ptr()))?;
            if let Some(result) = result {
                let results: [*mut c_void; 1] = [std::ptr::from_mut(result).cast()];
                check(m3::m3_GetResults(function, 1, results.as_ptr()))?;
            }
        }
        Ok(())
    }

    #[allow(clippy::mut_from_ref)] // the memory is the engine's; nothing runs while it is used
    fn memory(&self) -> &mut [u8] {
        let mut size = 0;
        // SAFETY: the engine says how large it is, and moves it only while a function runs.
        unsafe {
            let memory = m3::m3_GetMemory(self.runtime, &mut size, 0);
            std::slice::from_raw_parts_mut(memory, size as usize)
        }
    }
}

impl Plugin for Module {
    type Config = Object;

    fn describe(&self) -> Result<String, String> {
        self.ask(None, |bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn observe(&self, config: &Object) -> Result<Value, String> {
        self.ask(Some(&text(config)), data)?
    }

    fn idle(&self) -> Result<Box<dyn Any>, String> {
        Ok(Box::new(self.start()?))
    }
}
