"""What can go wrong, as exceptions with fields."""

from __future__ import annotations

import json
from ctypes import byref, c_void_p, string_at
from typing import Any, Dict, List, Optional, Type

from ._library import function


class Error(Exception):
    """Any failure of tollgate. Its text is what happened, to which plugin, and what to do."""

    #: Such as "options", "config", "io", "load", "fault", "protocol", "diverged".
    kind: str
    #: What happened, without the backtrace and the grants that the text of the exception adds.
    message: str
    #: The name of the plugin; empty if there is none.
    plugin: str
    #: The calls of the plugin that were running, a line for each, if its runtime has backtraces.
    backtrace: str
    #: The grants that denied requests of the call need.
    grants: List[str]
    #: All that is known, as the library's JSON has it.
    details: Dict[str, Any]

    def __init__(
        self,
        message: str,
        *,
        kind: str = "argument",
        plugin: str = "",
        backtrace: str = "",
        grants: Optional[List[str]] = None,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.plugin = plugin
        self.backtrace = backtrace
        self.grants = grants or []
        self.details = details or {"kind": kind, "message": message}

    def __str__(self) -> str:
        text = self.message
        if self.backtrace and self.backtrace not in text:
            text += "\n" + self.backtrace
        if self.grants:
            text += f"\nit was denied requests that need the grants {json.dumps(self.grants)}"
        return text

    def __reduce__(self) -> Any:
        fields = {key: self.__dict__[key] for key in ("kind", "plugin", "backtrace", "grants", "details")}
        return _again, (type(self), self.message, fields)


def _again(kind: Type[Error], message: str, fields: Dict[str, Any]) -> Error:
    return kind(message, **fields)


class BadInput(Error):
    """An argument, an option, a grant, a config or a file is wrong."""


class PluginFailed(Error):
    """The plugin cannot be loaded, or did not run to its end."""

    @property
    def fault(self) -> Any:
        """What stopped the plugin: "cancelled", {"out_of_fuel": {"limit": ...}}, {"trap": ...}; or None."""
        return self.details.get("fault")

    @property
    def usage(self) -> Dict[str, int]:
        """What the call had used."""
        usage: Dict[str, int] = self.details.get("usage", {})
        return usage


class Diverged(Error):
    """A replay was another run than the recorded one. The text explains the first difference."""

    @property
    def divergence(self) -> Dict[str, Any]:
        """The first difference: "index", "expected", "actual", "before", "notes"."""
        divergence: Dict[str, Any] = self.details.get("divergence", {})
        return divergence


class Internal(Error):
    """A fault of tollgate's."""


_BY_STATUS: Dict[int, Type[Error]] = {2: BadInput, 3: PluginFailed, 4: Diverged, 5: Internal}


def of_handle(handle: Any) -> Error:
    """The exception for a `tollgate_error`, which stays as it is."""

    def text(name: str) -> str:
        field: bytes = function(f"tollgate_error_{name}")(handle)
        return field.decode()

    kind = _BY_STATUS.get(function("tollgate_error_status")(handle), Internal)
    return kind(
        text("message"),
        kind=text("kind"),
        plugin=text("plugin"),
        backtrace=text("backtrace"),
        grants=text("grants").splitlines(),
        details=json.loads(text("json")),
    )


def of_json(error: Dict[str, Any], plugin: str) -> Error:
    """The exception for the error of a recorded run."""
    return PluginFailed(
        error["message"],
        kind=error["kind"],
        plugin=error.get("plugin", plugin),
        grants=error.get("grants"),
        details=error,
    )


def call(name: str, *arguments: Any) -> Any:
    """Calls a function whose last argument is the place of an error, and raises that."""
    error = c_void_p()
    result = function(name)(*arguments, byref(error))
    if error:
        try:
            raise of_handle(error)
        finally:
            function("tollgate_error_clear")(byref(error))
    return result


def text_of(address: Any) -> str:
    """A text that is ours, which is freed."""
    try:
        return string_at(address).decode()
    finally:
        function("tollgate_free")(address)


def call_for_text(name: str, *arguments: Any) -> str:
    """The same for a function that returns a text to free."""
    return text_of(call(name, *arguments))
