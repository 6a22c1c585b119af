"""The programs of the README run as they are, and its test is a test."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)


def test_there_are_programs():
    assert len(PROGRAMS) == 5


@pytest.mark.parametrize("number", range(5))
def test_it_runs(tmp_path, number):
    program = PROGRAMS[number]
    for module in Path.cwd().glob("*.wasm"):
        shutil.copy(module, tmp_path)
    if "recorded" in program:
        (tmp_path / "test_hosts.py").write_text(program)
        plugin = [] if "TOLLGATE_INSTALLED" in os.environ else ["-p", "tollgate.pytest_plugin"]
        command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider"]
    else:
        (tmp_path / "program.py").write_text(program)
        command = [sys.executable, "program.py"]
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if "recorded" in program:
        assert (tmp_path / "transcripts/test_hosts/test_hosts.jsonl").exists()
        assert "transcripts/test_hosts/test_hosts.jsonl" in PAGE
