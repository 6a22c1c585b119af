"""What calls return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional


@dataclass(frozen=True)
class Usage:
    """What one call used: the same on every machine."""

    fuel: int
    peak_memory_pages: int
    host_calls: int
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True)
class Denial:
    """A request without a grant."""

    #: What was requested, such as "fs:read:/etc/shadow".
    request: str
    #: The grants that it needs together; empty if no grant can allow it.
    grants: List[str]
    #: Why the grants that the plugin has do not allow it.
    reason: Any


@dataclass(frozen=True)
class Observation:
    """What a call returned. A check that failed is an observation, too: its status is False."""

    #: The plugin's answer: "status", "data", "error" and what else it has.
    evidence: Dict[str, Any]
    usage: Usage
    #: What the plugin was denied in this call.
    denied: List[Denial]
    #: How the evidence was cut, if it was.
    truncation: Optional[Dict[str, Any]] = None

    @property
    def status(self) -> bool:
        """Whether the check passed."""
        return bool(self.evidence["status"])

    @property
    def data(self) -> Dict[str, Any]:
        """The data of the evidence."""
        data: Dict[str, Any] = self.evidence.get("data") or {}
        return data

    @property
    def error(self) -> Optional[Dict[str, Any]]:
        """The error in the evidence: "message", "type", "code"."""
        error: Optional[Dict[str, Any]] = self.evidence.get("error")
        return error


@dataclass(frozen=True)
class Transcript:
    """What a transcript begins with."""

    #: The name of the recorded plugin.
    plugin: str
    #: SHA-256 of its module.
    module: str
    config: Dict[str, Any]
    limits: Dict[str, Any]


def observation(seen: Dict[str, Any]) -> Observation:
    """An observation from the library's JSON."""
    denied = [
        Denial(
            one["request"],
            [grant for grant in [one["needs"], *one.get("also", [])] if grant],
            one["reason"],
        )
        for one in seen["denied"]
    ]
    return Observation(seen["evidence"], Usage(**seen["usage"]), denied, seen["truncation"])
