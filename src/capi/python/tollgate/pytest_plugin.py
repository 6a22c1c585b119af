"""The fixture `recorded` for pytest: plugins whose runs are recorded the first time, and replayed afterwards.

    def test_hosts(recorded):
        file = recorded("file.wasm", grants=["fs:read:/etc/hosts"])
        assert file.observe({"path": "/etc/hosts"}).status
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Union

import pytest

from ._recorded import recorded as replay_or_record
from ._recorded import wants_update
from ._runtime import Config, Limits, Plugin, Runtime
from ._types import Observation

#: Which test each transcript belongs to.
_OWNERS = pytest.StashKey[Dict[Path, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tollgate")
    group.addoption(
        "--tollgate-record",
        action="store_true",
        help="record the runs of plugins again, instead of replaying them (or set TOLLGATE_UPDATE=1)",
    )
    parser.addini(
        "tollgate_transcripts",
        "the folder of transcripts, relative to that of the test (default: transcripts)",
        default="transcripts",
    )


class RecordedPlugin:
    """A plugin in a test."""

    #: The plugin itself, whose calls are not recorded.
    plugin: Plugin

    def __init__(self, plugin: Plugin, recorder: Recorder, tolerance: str) -> None:
        self.plugin = plugin
        self._recorder = recorder
        self._tolerance = tolerance

    def observe(self, config: Optional[Config] = None, *, limits: Optional[Limits] = None) -> Observation:
        """Runs the plugin and records the run, or replays the one that was recorded: nothing outside is touched then.
        Fails the test if the plugin behaves differently, with the first difference."""
        try:
            return replay_or_record(
                self.plugin,
                self._recorder.next_transcript(),
                {} if config is None else config,
                tolerance=self._tolerance,
                limits=limits,
                update=self._recorder.update,
            )
        except AssertionError as difference:
            failure = str(difference).replace("TOLLGATE_UPDATE=1", "--tollgate-record")
        pytest.fail(failure, pytrace=False)


class Recorder:
    """What the fixture `recorded` is: call it to load a plugin."""

    #: Whether runs are recorded again.
    update: bool

    def __init__(self, request: pytest.FixtureRequest) -> None:
        config = request.config
        self.update = bool(config.getoption("--tollgate-record")) or wants_update()
        file, _, test = request.node.nodeid.partition("::")
        name = re.sub(r"[^\w.-]+", "-", test).strip("-")
        folder = Path(str(request.node.path)).parent / str(config.getini("tollgate_transcripts"))
        self._base = folder / Path(file).stem / name
        self._test = request.node.nodeid
        self._owners = config.stash.setdefault(_OWNERS, {})
        self._runs = 0

    def __call__(
        self,
        module: Union[bytes, str, "os.PathLike[str]"],
        name: Optional[str] = None,
        *,
        grants: Sequence[str] = (),
        tolerance: str = "exact",
        **options: Any,
    ) -> RecordedPlugin:
        """Loads a plugin with these grants. `tolerance="behavior"` is for a plugin that is built anew for each run of
        the tests: its fuel and its memory may differ. Other options are those of `Runtime`."""
        if name is None and not isinstance(module, bytes):
            name = Path(module).stem
        runtime = Runtime(grants={name or "plugin": grants}, **options)
        return RecordedPlugin(runtime.load(module, name or "plugin"), self, tolerance)

    def next_transcript(self) -> Path:
        """The transcript of the next run in this test."""
        self._runs += 1
        number = "" if self._runs == 1 else f"-{self._runs}"
        path = self._base.with_name(f"{self._base.name}{number}.jsonl")
        owner = self._owners.setdefault(path, self._test)
        if owner != self._test:
            pytest.fail(f"the tests {owner} and {self._test} would share the transcript {path}; rename one", pytrace=False)
        return path


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Recorder:
    """Loads plugins whose runs are recorded the first time, and replayed afterwards."""
    return Recorder(request)
