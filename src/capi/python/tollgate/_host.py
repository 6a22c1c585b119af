"""Functions of this program that plugins call, and events of plugins. What they raise is raised again by the call
that led to them."""

from __future__ import annotations

import itertools
import json
import threading
from ctypes import c_void_p
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence
from contextlib import contextmanager

from ._library import EVENT, HOST_FUNCTION, RELEASE, Callbacks, function


class HostError(Exception):
    """Raised by a host function: the plugin reads it as an error of this kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class HostCall:
    """A call of a host function, while it runs."""

    #: The plugin that calls.
    plugin: str
    #: The seconds that are left of the call's deadline; None without one.
    remaining: Optional[float]

    def __init__(self, handle: int) -> None:
        self._handle: Optional[int] = handle
        self.plugin = function("tollgate_call_plugin")(handle).decode()
        milliseconds = function("tollgate_call_remaining_ms")(handle)
        self.remaining = None if milliseconds < 0 else milliseconds / 1000

    @property
    def is_cancelled(self) -> bool:
        """Whether the call is cancelled: a function that takes long asks this."""
        return bool(function("tollgate_call_is_cancelled")(self._handle))


@dataclass(frozen=True)
class HostFunction:
    """A function that plugins import as `name` from `module`. Calling it needs a grant of `kind`, whose pattern is
    the name, such as "kv:get"."""

    module: str
    name: str
    kind: str
    #: Gets the request and returns the reply, both as JSON values. Called from any thread that runs a plugin.
    call: Callable[[Any, HostCall], Any]


OnEvent = Callable[[str, Dict[str, Any]], None]


class Host:
    """The callbacks of one runtime."""

    def __init__(self, functions: Sequence[HostFunction], on_event: Optional[OnEvent]) -> None:
        self.functions = {f"{one.module}.{one.name}": one for one in functions}
        self.on_event = on_event
        self._own = threading.local()
        #: What was raised on threads of the library.
        self._elsewhere: List[BaseException] = []

    def callbacks(self) -> Callbacks:
        """For the library, which releases them."""
        number = next(_NUMBERS)
        _HOSTS[number] = self
        return Callbacks(
            c_void_p(number),
            _ON_EVENT if self.on_event else EVENT(),
            _ON_CALL if self.functions else HOST_FUNCTION(),
            _ON_RELEASE,
        )

    def raised(self, error: BaseException) -> None:
        """Keeps what a callback raised."""
        getattr(self._own, "raised", self._elsewhere).append(error)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Raises what callbacks raise in a call."""
        before = getattr(self._own, "raised", None)
        raised: List[BaseException] = []
        self._own.raised = raised
        try:
            yield
        finally:
            if before is None:
                del self._own.raised
            else:
                self._own.raised = before
            raised.extend(self._elsewhere)
            del self._elsewhere[:]
            if raised:
                raise raised[0]


_NUMBERS = itertools.count(1)
#: By the context of their callbacks, until the library releases it.
_HOSTS: Dict[int, Host] = {}


def _on_event(context: Any, plugin: bytes, event: bytes) -> None:
    host = _HOSTS[context]
    try:
        if host.on_event:
            host.on_event(plugin.decode(), json.loads(event))
    except BaseException as error:
        host.raised(error)


def _on_call(context: Any, handle: Any, name: bytes, request: bytes) -> None:
    host = _HOSTS[context]
    try:
        reply = host.functions[name.decode()].call(json.loads(request), HostCall(handle))
        text = json.dumps(reply, allow_nan=False).encode()
        function("tollgate_call_reply")(handle, text, None)
    except HostError as error:
        _fail(handle, error.kind, error.message)
    except BaseException as error:
        host.raised(error)
        _fail(handle, "internal", "the host function failed")


def _fail(handle: Any, kind: str, message: str) -> None:
    kind, message = kind.replace("\0", ""), message.replace("\0", "")
    function("tollgate_call_fail")(handle, kind.encode(errors="replace"), message.encode(errors="replace"), None)


def _on_release(context: Any) -> None:
    _HOSTS.pop(context, None)


# These are never freed, so that each may be the last one that is called.
_ON_EVENT = EVENT(_on_event)
_ON_CALL = HOST_FUNCTION(_on_call)
_ON_RELEASE = RELEASE(_on_release)
