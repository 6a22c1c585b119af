"""Runs untrusted WebAssembly plugins: every instruction costs fuel, all I/O passes one permission check that
denies by default, and a run that was recorded replays deterministically, offline.

    from tollgate import Runtime

    file = Runtime(grants={"file": ["fs:read:/etc/hosts"]}).load("file.wasm")
    assert file.observe({"path": "/etc/hosts"}).status
"""

from ._errors import BadInput, Diverged, Error, Internal, PluginFailed
from ._host import HostCall, HostError, HostFunction
from ._library import version
from ._recorded import recorded
from ._runtime import Cancel, Instance, Plugin, Runtime, check, inspect, transcript
from ._types import Denial, Observation, Transcript, Usage

__all__ = [
    "BadInput",
    "Cancel",
    "Denial",
    "Diverged",
    "Error",
    "HostCall",
    "HostError",
    "HostFunction",
    "Instance",
    "Internal",
    "Observation",
    "Plugin",
    "PluginFailed",
    "Runtime",
    "Transcript",
    "Usage",
    "check",
    "inspect",
    "recorded",
    "transcript",
    "version",
]
