"""Runtimes, plugins and instances."""

from __future__ import annotations

import ctypes
import json
import os
import weakref
from ctypes import byref, c_char_p, c_size_t, c_void_p
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from ._errors import Error, call, call_for_text, of_handle, of_json
from ._host import Host, HostFunction, OnEvent
from ._library import REPORT, function
from ._types import Observation, Transcript, observation

#: A config: a JSON object.
Config = Mapping[str, Any]
#: Limits by name, as text or numbers: {"fuel": "1e9", "deadline": "5s"}. None is no limit.
Limits = Mapping[str, Union[str, int, None]]
#: A module: its bytes, or the path of its file.
Module = Union[bytes, str, "os.PathLike[str]"]

Self = TypeVar("Self", bound="_Handle")


class _Handle:
    """Something of the library's that is freed with this object, or earlier by `close`."""

    def __init__(self, handle: int, free: str) -> None:
        self._alive: Optional[int] = handle
        self._finalizer = weakref.finalize(self, function(free), handle)

    @property
    def _handle(self) -> int:
        if self._alive is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._alive

    def close(self) -> None:
        """Frees it now. Not while another thread uses it."""
        self._alive = None
        self._finalizer()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        where: Optional[TracebackType],
    ) -> None:
        self.close()


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def _text(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("a text must not contain NUL")
    return text.encode()


def _path(path: Union[str, "os.PathLike[str]"]) -> bytes:
    return _text(os.fspath(path))


def _given(**options: Any) -> Optional[bytes]:
    """The options that are not None, as JSON."""
    given = {name: value for name, value in options.items() if value is not None}
    return _json(given) if given else None


def _bytes(module: Module) -> bytes:
    return module if isinstance(module, bytes) else Path(module).read_bytes()


class Cancel(_Handle):
    """Ends calls from another thread: all that were given it, and those that will be."""

    def __init__(self) -> None:
        super().__init__(function("tollgate_cancel_new")(), "tollgate_cancel_free")

    def cancel(self) -> None:
        """Ends the calls. It cannot be undone."""
        function("tollgate_cancel_all")(self._handle)


def _cancel(cancel: Optional[Cancel]) -> Optional[int]:
    return None if cancel is None else cancel._handle


class Runtime(_Handle):
    """What is granted to plugins, what their calls may use, and the world that they see.

    `grants` are lists of grants by the plugin's name; `world` is a simulated world, as an object or the path of a file
    with one. `on_event` gets the name of a plugin and an event: a log line, a denial. `redact` is True, or an object
    with "tokens", "values", "paths", "patterns" and "key". The other options are in `tollgate_host.h`."""

    def __init__(
        self,
        *,
        grants: Optional[Mapping[str, Sequence[str]]] = None,
        limits: Optional[Limits] = None,
        world: Union[Mapping[str, Any], str, "os.PathLike[str]", None] = None,
        ca_file: Union[str, "os.PathLike[str]", None] = None,
        host_functions: Sequence[HostFunction] = (),
        on_event: Optional[OnEvent] = None,
        backtraces: bool = False,
        audit: bool = False,
        validate: Union[bool, str] = False,
        redact: Union[bool, Mapping[str, Any]] = False,
        fork: bool = True,
        idle_instances: Optional[int] = None,
        deterministic_init: Optional[int] = None,
    ) -> None:
        for name, given in (grants or {}).items():
            if isinstance(given, str):
                raise TypeError(f"the grants of {name!r} are a list of texts: [{given!r}]")
        self._host = Host(host_functions, on_event)
        functions = [{"module": one.module, "name": one.name, "kind": one.kind} for one in host_functions]
        options = _given(
            grants=None if grants is None else {name: list(given) for name, given in grants.items()},
            limits=None if limits is None else dict(limits),
            world=os.fspath(world) if isinstance(world, (str, os.PathLike)) else world,
            ca_file=None if ca_file is None else os.fspath(ca_file),
            host_functions=functions or None,
            backtraces=backtraces or None,
            audit=audit or None,
            validate=validate or None,
            redact=redact or None,
            fork=None if fork else False,
            idle_instances=idle_instances,
            deterministic_init=deterministic_init,
        )
        with self._host.calling():
            handle = call("tollgate_runtime_new", options, byref(self._host.callbacks()))
        super().__init__(handle, "tollgate_runtime_free")

    def load(self, module: Module, name: Optional[str] = None) -> Plugin:
        """Loads a plugin under a name, which decides its grants: by default that of its file, without the
        extension."""
        if isinstance(module, bytes):
            if name is None:
                raise ValueError("a module that is given as bytes needs a name")
            handle = call("tollgate_runtime_load", self._handle, _text(name), module, len(module))
        else:
            name = Path(module).stem if name is None else name
            handle = call("tollgate_runtime_load_file", self._handle, _text(name), _path(module))
        return Plugin(handle, name, self._host)


class Plugin(_Handle):
    """A loaded plugin. Calls may come from any thread, also at the same time; each has an instance of its own."""

    #: The name that it was loaded under.
    name: str

    def __init__(self, handle: int, name: str, host: Host) -> None:
        super().__init__(handle, "tollgate_plugin_free")
        self.name = name
        self._host = host

    def _ask(self, what: str, *arguments: Any) -> Any:
        with self._host.calling():
            return json.loads(call_for_text(f"tollgate_plugin_{what}", self._handle, *arguments))

    def observe(
        self,
        config: Optional[Config] = None,
        *,
        limits: Optional[Limits] = None,
        cancel: Optional[Cancel] = None,
    ) -> Observation:
        """Runs the plugin. A check that failed is no error: its status is False."""
        return observation(self._ask("observe", _json(config or {}), _given(limits=limits), _cancel(cancel)))

    def observe_many(
        self,
        configs: Iterable[Config],
        *,
        threads: Optional[int] = None,
        limits: Optional[Limits] = None,
        cancel: Optional[Cancel] = None,
    ) -> List[Union[Observation, Error]]:
        """Runs the plugin for each config, on as many threads as there are cores. The outcomes are in the order of the
        configs; a call that failed has its error there."""
        outcomes: List[Union[Observation, Error]] = []
        raised: List[BaseException] = []

        def report(context: Any, index: int, seen: Optional[bytes], error: Any) -> bool:
            try:
                outcomes.append(of_handle(error) if seen is None else observation(json.loads(seen)))
            except BaseException as failed:
                raised.append(failed)
            return not raised

        texts = [_json(config) for config in configs]
        with self._host.calling():
            call(
                "tollgate_plugin_observe_many",
                self._handle,
                (c_char_p * len(texts))(*texts),
                len(texts),
                _given(threads=threads, limits=limits),
                _cancel(cancel),
                REPORT(report),
                None,
            )
        if raised:
            raise raised[0]
        return outcomes

    def record(
        self,
        config: Optional[Config],
        path: Union[str, "os.PathLike[str]"],
        *,
        limits: Optional[Limits] = None,
        cancel: Optional[Cancel] = None,
    ) -> Observation:
        """Runs the plugin and writes a transcript of the run, also if it fails."""
        settings = (_json(config or {}), _path(path), _given(limits=limits), _cancel(cancel))
        return observation(self._ask("record", *settings))

    def replay(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        tolerance: str = "exact",
        backtraces: bool = True,
        deadline: Optional[str] = None,
        cancel: Optional[Cancel] = None,
    ) -> Observation:
        """Replays a transcript, offline. Raises `Diverged` at the first difference, and the recorded error if the
        recorded run failed. With the tolerance "behavior", the module, fuel and memory may differ."""
        options = _given(tolerance=tolerance, backtraces=backtraces, deadline=deadline)
        replayed = self._ask("replay", _path(path), options, _cancel(cancel))
        if "error" in replayed:
            raise of_json(replayed["error"], self.name)
        return observation(replayed)

    def describe(self) -> Dict[str, Any]:
        """What the plugin says of itself: its name, version and the capabilities that it may need."""
        described: Dict[str, Any] = self._ask("describe")
        return described

    def schema(self) -> Dict[str, Any]:
        """The JSON Schema of its config."""
        schema: Dict[str, Any] = self._ask("schema")
        return schema

    def review(self) -> Dict[str, List[Any]]:
        """What it declares, compared with what it was granted: "covered", "missing", "broader", "unreadable"."""
        review: Dict[str, List[Any]] = self._ask("review")
        return review

    def bake(self) -> bytes:
        """The initialised plugin as a module, which starts at once."""
        length = c_size_t()
        with self._host.calling():
            address = call("tollgate_plugin_bake", self._handle, byref(length))
        try:
            return ctypes.string_at(address, length.value)
        finally:
            function("tollgate_free")(c_void_p(address))

    def instance(self) -> Instance:
        """An instance that remembers from call to call, and is reset in microseconds."""
        with self._host.calling():
            return Instance(call("tollgate_instance_new", self._handle), self._host)


class Instance(_Handle):
    """One instance of a plugin. It has one call at a time."""

    def __init__(self, handle: int, host: Host) -> None:
        super().__init__(handle, "tollgate_instance_free")
        self._host = host

    def observe(
        self,
        config: Optional[Config] = None,
        *,
        limits: Optional[Limits] = None,
        cancel: Optional[Cancel] = None,
    ) -> Observation:
        """Runs the plugin in this instance."""
        settings = (_json(config or {}), _given(limits=limits), _cancel(cancel))
        with self._host.calling():
            seen = call_for_text("tollgate_instance_observe", self._handle, *settings)
        return observation(json.loads(seen))

    def snapshot(self) -> None:
        """From now on, a reset leads to the state that the instance has now."""
        call("tollgate_instance_snapshot", self._handle)

    def reset(self) -> None:
        """Back to the state after initialisation, or to the snapshot."""
        with self._host.calling():
            call("tollgate_instance_reset", self._handle)


def transcript(path: Union[str, "os.PathLike[str]"]) -> Transcript:
    """What a transcript begins with."""
    return Transcript(**json.loads(call_for_text("tollgate_transcript", _path(path))))


def inspect(module: Module) -> Dict[str, Any]:
    """What a module contains, without running it: imports, exports, sizes, and the "problems" that keep it from being a
    plugin."""
    content = _bytes(module)
    inspected: Dict[str, Any] = json.loads(call_for_text("tollgate_inspect", content, len(content)))
    return inspected


def check(module: Module, name: Optional[str] = None, *, config: Optional[Config] = None) -> Dict[str, Any]:
    """What a host would refuse of a module, and what is risky: "ok", "findings". It runs in a simulated world."""
    if name is None:
        name = "plugin" if isinstance(module, bytes) else Path(module).stem
    content = _bytes(module)
    given = None if config is None else _json(config)
    report: Dict[str, Any] = json.loads(call_for_text("tollgate_check", _text(name), content, len(content), given))
    return report
