"""Tests with recordings: the first run of a test records, and later ones replay."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional, Union

from ._errors import BadInput, Diverged
from ._runtime import Config, Limits, Plugin, transcript
from ._types import Observation


def recorded(
    plugin: Plugin,
    path: Union[str, "os.PathLike[str]"],
    config: Optional[Config] = None,
    *,
    tolerance: str = "exact",
    limits: Optional[Limits] = None,
    update: Optional[bool] = None,
) -> Observation:
    """Replays a transcript, offline, and returns what the plugin answers. Raises AssertionError if the plugin behaves
    differently, and the recorded error if the recorded run failed.

    If there is no transcript, or with `update`, it records one, in the world and with the grants of the plugin's
    runtime. Commit the file with the test. Where the environment variable CI is set, a missing file is an error.
    `update` is by default whether the variable TOLLGATE_UPDATE is 1, true or always. With the tolerance "behavior", the
    module, fuel and memory may differ: for a plugin that is built anew for each test."""
    path = Path(path)
    update = wants_update() if update is None else update
    if update or not path.exists():
        if not update and is_ci():
            raise AssertionError(
                f"there is no transcript {path}, and nothing is recorded while CI is set: run the test locally and "
                "commit the file"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        return plugin.record(config, path, limits=limits)
    try:
        if config is not None:
            _check_config(config, transcript(path).config)
        return plugin.replay(path, tolerance=tolerance)
    except (AssertionError, BadInput, Diverged) as error:
        raise AssertionError(
            f"plugin {plugin.name} and the transcript {path}: {error}\n"
            "(to replace the transcript, run again with TOLLGATE_UPDATE=1 and commit the file)"
        ) from None


def _check_config(given: Config, found: Config) -> None:
    for key in sorted({*given, *found}):
        # What the redactor hid cannot be compared.
        is_hidden = any(mark in str(found.get(key)) for mark in ("[REDACTED]", "[hmac:"))
        if given.get(key) != found.get(key) and not is_hidden:
            here, there = (repr(of[key]) if key in of else "nothing" for of in (given, found))
            raise AssertionError(f"the config of the test has {here} for {key!r}, and the recorded one {there}")


def wants_update() -> bool:
    """Whether the environment asks for new recordings."""
    value = os.environ.get("TOLLGATE_UPDATE", "").lower()
    if value in ("1", "true", "always"):
        return True
    if value in ("", "0", "false", "never"):
        return False
    raise ValueError(f"TOLLGATE_UPDATE is {value!r}; expected 1, true or always to record, or 0, false or never")


def is_ci() -> bool:
    """Whether a missing recording is an error."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
