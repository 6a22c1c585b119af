"""The fixture `recorded`, in tests that are run by another pytest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
def test_note(recorded):
    file = recorded(r"{here}/file.wasm", grants=[r"fs:read:{here}/note.txt"])
    assert file.observe({config}).data["size"] == 5
    assert not file.observe({{"path": "/nowhere"}}).status
"""


@pytest.fixture
def project(tmp_path):
    """A project with a test, which is run with these arguments and variables."""
    shutil.copy("file.wasm", tmp_path)
    (tmp_path / "note.txt").write_text("hello")

    def write(config):
        (tmp_path / "test_it.py").write_text(TEST.format(here=tmp_path, config=config))

    def run(*arguments, **variables):
        environment = {key: value for key, value in os.environ.items() if key not in ("CI", "TOLLGATE_UPDATE")}
        environment.update(variables, PYTHONDONTWRITEBYTECODE="1")
        plugin = [] if "TOLLGATE_INSTALLED" in os.environ else ["-p", "tollgate.pytest_plugin"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    run.write = write
    run.path = tmp_path
    write('{"path": r"%s/note.txt"}' % tmp_path)
    return run


def transcripts(project):
    return sorted(str(path.relative_to(project.path)) for path in project.path.rglob("*.jsonl"))


RECORDED = ["transcripts/test_it/test_note-2.jsonl", "transcripts/test_it/test_note.jsonl"]


def test_the_first_run_records_and_later_ones_replay(project):
    status, output = project()
    assert status == 0, output
    assert transcripts(project) == RECORDED
    (project.path / "note.txt").unlink()
    status, output = project(CI="true")
    assert status == 0, output


def test_a_missing_transcript_fails_in_ci(project):
    status, output = project(CI="1")
    assert status == 1
    assert "nothing is recorded while CI is set" in output
    assert transcripts(project) == []


def test_another_config_is_explained(project):
    assert project()[0] == 0
    project.write('{"path": "/etc/hosts"}')
    status, output = project()
    assert status == 1
    assert "the config of the test has '/etc/hosts' for 'path', and the recorded one" in output


def test_a_divergence_is_explained(project):
    assert project()[0] == 0
    shutil.copy("hello-c.wasm", project.path / "file.wasm")
    status, output = project()
    assert status == 1
    assert "plugin file and the transcript" in output
    assert "the replay diverged at effect 0" in output
    assert "run again with --tollgate-record" in output


def test_transcripts_are_replaced_on_request(project):
    assert project()[0] == 0
    first = project.path / RECORDED[1]
    for arguments, variables in ((["--tollgate-record"], {}), ([], {"TOLLGATE_UPDATE": "1"})):
        first.write_text("damaged\n")
        assert project()[0] == 1
        status, output = project(*arguments, **variables)
        assert status == 0, output
        assert project()[0] == 0


def test_the_folder_is_chosen(project):
    (project.path / "pytest.ini").write_text("[pytest]\ntollgate_transcripts = recordings\n")
    assert project()[0] == 0
    assert transcripts(project)[0] == "recordings/test_it/test_note-2.jsonl"


def test_two_tests_do_not_share_a_transcript(project):
    (project.path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('it', ['a/b', 'a b'])\n"
        "def test_one(recorded, it):\n"
        f"    recorded(r'{os.getcwd()}/counter.wasm').observe()\n"
    )
    status, output = project()
    assert status == 1
    assert "would share the transcript" in output
