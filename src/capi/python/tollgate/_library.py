"""The shared library: where it is found, and the signatures of its functions."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import os
import sys
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

#: The version of this package. The library must have the same, up to the last number.
VERSION = "0.1.0"

EVENT = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_char_p)
HOST_FUNCTION = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_char_p, c_char_p)
RELEASE = ctypes.CFUNCTYPE(None, c_void_p)
REPORT = ctypes.CFUNCTYPE(c_bool, c_void_p, c_size_t, c_char_p, c_void_p)


class Callbacks(ctypes.Structure):
    """`tollgate_callbacks`."""

    _fields_ = [
        ("context", c_void_p),
        ("event", EVENT),
        ("host_function", HOST_FUNCTION),
        ("release", RELEASE),
    ]


_ERROR = POINTER(c_void_p)

#: Each function of `tollgate_host.h`: what it returns, and its arguments. Texts that are ours to free are
#: addresses here.
SIGNATURES: dict[str, Tuple[Any, List[Any]]] = {
    "tollgate_version": (c_char_p, []),
    "tollgate_free": (None, [c_void_p]),
    "tollgate_error_status": (c_int, [c_void_p]),
    "tollgate_error_kind": (c_char_p, [c_void_p]),
    "tollgate_error_message": (c_char_p, [c_void_p]),
    "tollgate_error_plugin": (c_char_p, [c_void_p]),
    "tollgate_error_backtrace": (c_char_p, [c_void_p]),
    "tollgate_error_grants": (c_char_p, [c_void_p]),
    "tollgate_error_json": (c_char_p, [c_void_p]),
    "tollgate_error_clear": (None, [_ERROR]),
    "tollgate_runtime_new": (c_void_p, [c_char_p, POINTER(Callbacks), _ERROR]),
    "tollgate_runtime_load": (c_void_p, [c_void_p, c_char_p, c_char_p, c_size_t, _ERROR]),
    "tollgate_runtime_load_file": (c_void_p, [c_void_p, c_char_p, c_char_p, _ERROR]),
    "tollgate_runtime_free": (None, [c_void_p]),
    "tollgate_plugin_describe": (c_void_p, [c_void_p, _ERROR]),
    "tollgate_plugin_schema": (c_void_p, [c_void_p, _ERROR]),
    "tollgate_plugin_review": (c_void_p, [c_void_p, _ERROR]),
    "tollgate_plugin_observe": (c_void_p, [c_void_p, c_char_p, c_char_p, c_void_p, _ERROR]),
    "tollgate_plugin_observe_many": (
        c_bool,
        [c_void_p, POINTER(c_char_p), c_size_t, c_char_p, c_void_p, REPORT, c_void_p, _ERROR],
    ),
    "tollgate_plugin_record": (c_void_p, [c_void_p, c_char_p, c_char_p, c_char_p, c_void_p, _ERROR]),
    "tollgate_plugin_replay": (c_void_p, [c_void_p, c_char_p, c_char_p, c_void_p, _ERROR]),
    "tollgate_plugin_bake": (c_void_p, [c_void_p, POINTER(c_size_t), _ERROR]),
    "tollgate_plugin_free": (None, [c_void_p]),
    "tollgate_transcript": (c_void_p, [c_char_p, _ERROR]),
    "tollgate_instance_new": (c_void_p, [c_void_p, _ERROR]),
    "tollgate_instance_observe": (c_void_p, [c_void_p, c_char_p, c_char_p, c_void_p, _ERROR]),
    "tollgate_instance_snapshot": (c_bool, [c_void_p, _ERROR]),
    "tollgate_instance_reset": (c_bool, [c_void_p, _ERROR]),
    "tollgate_instance_free": (None, [c_void_p]),
    "tollgate_cancel_new": (c_void_p, []),
    "tollgate_cancel_all": (None, [c_void_p]),
    "tollgate_cancel_free": (None, [c_void_p]),
    "tollgate_call_plugin": (c_char_p, [c_void_p]),
    "tollgate_call_remaining_ms": (c_int64, [c_void_p]),
    "tollgate_call_is_cancelled": (c_bool, [c_void_p]),
    "tollgate_call_reply": (c_bool, [c_void_p, c_char_p, _ERROR]),
    "tollgate_call_fail": (c_bool, [c_void_p, c_char_p, c_char_p, _ERROR]),
    "tollgate_inspect": (c_void_p, [c_char_p, c_size_t, _ERROR]),
    "tollgate_check": (c_void_p, [c_char_p, c_char_p, c_size_t, c_char_p, _ERROR]),
}


def _file_name() -> str:
    if sys.platform == "win32":
        return "tollgate_c.dll"
    return "libtollgate_c.dylib" if sys.platform == "darwin" else "libtollgate_c.so"


def _soname() -> str:
    return _file_name() + "." + ".".join(VERSION.split(".")[:2])


def _open() -> ctypes.CDLL:
    """TOLLGATE_LIBRARY, or the library beside this file, or that of the system."""
    chosen = os.environ.get("TOLLGATE_LIBRARY")
    if chosen:
        try:
            return ctypes.CDLL(chosen)
        except OSError as error:
            raise ImportError(f"TOLLGATE_LIBRARY is {chosen!r}, which cannot be loaded: {error}") from None
    here = Path(__file__).parent
    for name in (_file_name(), _soname()):
        if (here / name).exists():
            return ctypes.CDLL(str(here / name))
    tried: List[Optional[str]] = [ctypes.util.find_library("tollgate_c"), _soname()]
    for found in tried:
        try:
            if found:
                return ctypes.CDLL(found)
        except OSError:
            pass
    raise ImportError(
        f"the library of tollgate was not found: set TOLLGATE_LIBRARY to its path, put {_file_name()} into {here}, "
        "or install it where the system finds it (`cargo build --release -p tollgate-capi` in a clone of tollgate "
        f"makes target/release/{_file_name()})"
    )


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The library, opened when it is first needed."""
    opened = _open()
    for name, (returns, arguments) in SIGNATURES.items():
        try:
            function = getattr(opened, name)
        except AttributeError:
            raise ImportError(f"the library of tollgate has no {name}; this package needs version {VERSION}") from None
        function.restype, function.argtypes = returns, arguments
    found = opened.tollgate_version().decode()
    if found.split(".")[:2] != VERSION.split(".")[:2]:
        raise ImportError(f"the library of tollgate has version {found}; this package needs version {VERSION}")
    return opened


def version() -> str:
    """The version of the library."""
    text: bytes = library().tollgate_version()
    return text.decode()


def function(name: str) -> Callable[..., Any]:
    """A function of the library."""
    found: Callable[..., Any] = getattr(library(), name)
    return found
