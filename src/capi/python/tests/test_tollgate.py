"""Runtimes, plugins, errors. Run in a folder with the guests of `src/capi/tests`."""

import copy
import ctypes.util
import gc
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import tollgate
from tollgate import BadInput, Cancel, Diverged, HostError, HostFunction, PluginFailed, Runtime
from tollgate import _host, _library

NOTE = {"path": "note.txt", "read_content": True}


def file(**options):
    return Runtime(grants={"file": ["fs:read:note.txt"]}, **options).load("file.wasm")


class Signatures(unittest.TestCase):
    def test_they_are_those_of_the_header(self):
        header = (Path(__file__).parents[2] / "tollgate_host.h").read_text()
        header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
        # A pointer to a function is one argument.
        header = re.sub(r"\(\*\w+\)\([^)]*\)", "", header)
        declared = {}
        for name, arguments in re.findall(r"\b(tollgate_\w+)\(([^)]*)\)", header):
            declared[name] = 0 if arguments.strip() == "void" else arguments.count(",") + 1
        written = {name: len(arguments) for name, (_, arguments) in _library.SIGNATURES.items()}
        self.assertEqual(declared, written)

    def test_versions_agree(self):
        project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
        self.assertIn(f'\nversion = "{_library.VERSION}"\n', project)
        self.assertEqual(tollgate.version(), _library.VERSION)


class Library(unittest.TestCase):
    """Where the library is found."""

    def run_with(self, folder, library=None):
        environment = {key: value for key, value in os.environ.items() if key != "TOLLGATE_LIBRARY"}
        if library:
            environment["TOLLGATE_LIBRARY"] = library
        environment["PYTHONPATH"] = str(folder)
        command = [sys.executable, "-c", "import tollgate; print(tollgate.version())"]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True)
        return ran.stdout + ran.stderr

    def test_it_lies_beside_the_package(self):
        package = Path(tollgate.__file__).parent
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(package, Path(folder, "tollgate"))
            missing = self.run_with(folder)
            self.assertIn("ImportError: the library of tollgate was not found: set TOLLGATE_LIBRARY", missing)
            os.symlink(os.environ["TOLLGATE_LIBRARY"], Path(folder, "tollgate", _library._file_name()))
            self.assertEqual(self.run_with(folder).strip(), _library.VERSION)

    def test_it_must_be_the_library(self):
        package = Path(tollgate.__file__).parents[1]
        self.assertIn("TOLLGATE_LIBRARY is '/nowhere.so', which cannot be loaded", self.run_with(package, "/nowhere.so"))
        libc = ctypes.util.find_library("c")
        self.assertIn("has no tollgate_version; this package needs version", self.run_with(package, libc))


class Calls(unittest.TestCase):
    def test_an_observation_has_fields(self):
        seen = file().observe(NOTE)
        self.assertTrue(seen.status)
        self.assertEqual(seen.data["size"], 5)
        self.assertIsNone(seen.error)
        self.assertGreater(seen.usage.fuel, 0)
        self.assertEqual((seen.denied, seen.truncation), ([], None))

    def test_a_denial_names_the_grant(self):
        seen = file().observe({"path": "/etc/shadow"})
        self.assertFalse(seen.status)
        self.assertEqual(seen.error["type"], "capability")
        self.assertEqual([one.grants for one in seen.denied], [["fs:read:/etc/shadow"]])

    def test_a_plugin_describes_itself(self):
        plugin = file()
        self.assertEqual(plugin.describe()["name"], "file")
        self.assertIn("properties", plugin.schema())
        self.assertTrue(plugin.review()["missing"])
        self.assertEqual(plugin.name, "file")

    def test_bytes_need_a_name(self):
        content = Path("file.wasm").read_bytes()
        self.assertEqual(Runtime().load(content, "bytes").name, "bytes")
        with self.assertRaisesRegex(ValueError, "needs a name"):
            Runtime().load(content)

    def test_limits_hold_for_one_call(self):
        plugin = Runtime(limits={"fuel": None}).load("fails-c.wasm")
        with self.assertRaises(PluginFailed) as caught:
            plugin.observe({"how": "loop"}, limits={"fuel": "1e5"})
        self.assertEqual(caught.exception.fault, {"out_of_fuel": {"limit": 100_000}})
        self.assertEqual(caught.exception.usage["fuel"], 100_000)

    def test_another_thread_cancels(self):
        plugin = Runtime(limits={"fuel": None}).load("fails-c.wasm")
        cancel = Cancel()
        thread = threading.Thread(target=cancel.cancel)
        thread.start()
        with self.assertRaises(PluginFailed) as caught:
            plugin.observe({"how": "loop"}, cancel=cancel)
        thread.join()
        self.assertEqual(caught.exception.fault, "cancelled")

    def test_many_come_in_order(self):
        configs = [{"path": f"/{number}"} for number in range(40)]
        seen = file().observe_many(configs, threads=3)
        self.assertEqual([one.denied[0].request for one in seen], [f"fs:read:/{n}" for n in range(40)])
        plugin = Runtime().load("fails-c.wasm")
        outcomes = plugin.observe_many([{"how": "trap"}, {}])
        self.assertIsInstance(outcomes[0], PluginFailed)
        self.assertFalse(outcomes[1].status)
        self.assertEqual(plugin.observe_many([]), [])
        with self.assertRaisesRegex(BadInput, "nonzero"):
            plugin.observe_many([{}], threads=0)

    def test_an_instance_remembers(self):
        with Runtime().load("counter.wasm").instance() as instance:
            calls = lambda: instance.observe().data["calls"]
            self.assertEqual([calls(), calls()], [1, 2])
            instance.reset()
            self.assertEqual(calls(), 1)
            instance.snapshot()
            self.assertEqual(calls(), 2)
            instance.reset()
            self.assertEqual(calls(), 2)
        with self.assertRaisesRegex(ValueError, "closed"):
            instance.observe()

    def test_a_plugin_is_baked(self):
        baked = Runtime().load("file.wasm").bake()
        self.assertEqual(baked[:4], b"\0asm")
        self.assertEqual(Runtime().load(baked, "baked").describe()["name"], "file")
        self.assertEqual(tollgate.inspect(baked)["problems"], [])

    def test_modules_are_checked(self):
        self.assertEqual(tollgate.inspect("file.wasm")["abi_version"], "1")
        report = tollgate.check("file.wasm", config=NOTE)
        self.assertEqual(report["plugin"], "file")
        self.assertFalse(tollgate.check(b"no module")["ok"])


class Worlds(unittest.TestCase):
    def test_a_world_is_an_object_or_a_file(self):
        for world in ({"files": {"/etc/motd": "hello\n"}}, "sim.json", Path("sim.json")):
            plugin = Runtime(world=world, grants={"file": ["fs:read:/etc/**"]}).load("file.wasm")
            self.assertEqual(plugin.observe({"path": "/etc/motd"}).data["size"], 6)
        with self.assertRaisesRegex(BadInput, "unknown field `fils`"):
            Runtime(world={"fils": {}})

    def test_secrets_are_hidden(self):
        world = {"variables": {"COLOUR": "dark green"}}
        events = []
        runtime = Runtime(
            world=world,
            grants={"hello-c": ["env:COLOUR"]},
            redact={"values": ["green"]},
            on_event=lambda plugin, event: events.append((plugin, event["type"])),
        )
        seen = runtime.load("hello-c.wasm").observe({"variable": "COLOUR"})
        self.assertNotIn("green", json.dumps(seen.evidence))
        self.assertIn("[REDACTED]", json.dumps(seen.evidence))
        self.assertEqual(events, [("hello-c", "log")])


class HostFunctions(unittest.TestCase):
    def ask(self, function, **options):
        host_functions = [HostFunction("store", "get", "kv", function)]
        runtime = Runtime(host_functions=host_functions, grants={"ask": ["kv:get"]}, **options)
        return runtime.load("ask.wasm")

    def test_a_plugin_calls_python(self):
        calls = []

        def get(request, call):
            calls.append((call.plugin, call.remaining, call.is_cancelled))
            return {"value": request["key"] * 2}

        seen = self.ask(get).observe({"key": "ab"})
        self.assertEqual(seen.data["value"], "abab")
        self.assertEqual(calls, [("ask", None, False)])

    def test_its_errors_are_replies(self):
        def get(request, call):
            raise HostError("not_found", "no\0 value")

        error = self.ask(get).observe({"key": "x"}).data["error"]
        self.assertEqual((error["type"], error["message"]), ("not_found", "no value"))

    def test_what_it_raises_the_call_raises(self):
        def get(request, call):
            raise KeyError("mine")

        plugin = self.ask(get)
        for call in (plugin.observe, plugin.instance().observe, lambda config: plugin.observe_many([config] * 5)):
            with self.assertRaisesRegex(KeyError, "mine"):
                call({"key": "x"})

        def watch(plugin, event):
            raise AssertionError(event["type"])

        with self.assertRaisesRegex(AssertionError, "log|denied"):
            file(on_event=watch).observe({"path": "/etc/shadow"})

    def test_what_is_no_json_is_an_error(self):
        with self.assertRaises(TypeError):
            self.ask(lambda request, call: object()).observe({"key": "x"})

    def test_it_may_call_plugins(self):
        inner = file()

        def get(request, call):
            return {"value": inner.observe(NOTE).data["size"], "denied": len(inner.observe({"path": "/x"}).denied)}

        seen = self.ask(get).observe({"key": "x"})
        self.assertEqual((seen.data["value"], seen.data["denied"], seen.denied), (5, 1, []))

    def test_calls_run_at_the_same_time(self):
        both = threading.Barrier(2, timeout=60)

        def get(request, call):
            both.wait()
            return {"value": request["key"]}

        plugin = self.ask(get)
        seen = []
        run = lambda key: seen.append(plugin.observe({"key": key}).data["value"])
        threads = [threading.Thread(target=run, args=[key]) for key in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(seen), ["a", "b"])

    def test_an_instance_has_one_call_at_a_time(self):
        def get(request, call):
            return instance.observe({"key": "again"})

        instance = self.ask(get).instance()
        with self.assertRaisesRegex(BadInput, "the instance is in use"):
            instance.observe({"key": "x"})

    def test_callbacks_are_released(self):
        gc.collect()
        before = len(_host._HOSTS)
        plugin = self.ask(lambda request, call: None)
        self.assertEqual(len(_host._HOSTS), before + 1)
        plugin.close()
        gc.collect()
        self.assertEqual(len(_host._HOSTS), before)
        with self.assertRaises(BadInput):
            self.ask(lambda request, call: None, limits={"fule": 1})
        self.assertEqual(len(_host._HOSTS), before)


class Errors(unittest.TestCase):
    def test_they_have_fields(self):
        plugin = Runtime(backtraces=True).load("fails-c.wasm")
        with self.assertRaises(PluginFailed) as caught:
            plugin.observe({"how": "trap"})
        error = caught.exception
        self.assertEqual((error.kind, error.plugin, error.grants), ("fault", "fails-c", []))
        self.assertIn("parse_header", error.backtrace)
        self.assertIn("parse_header", str(error))
        for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            self.assertEqual((type(same), str(same), same.details), (type(error), str(error), error.details))

    def test_they_name_the_grants_that_were_missing(self):
        with self.assertRaises(PluginFailed) as caught:
            Runtime().load("denied.wasm").observe()
        self.assertEqual(caught.exception.grants, ["fs:read:/etc/motd"])
        self.assertIn('the grants ["fs:read:/etc/motd"]', str(caught.exception))

    def test_options_are_checked_at_once(self):
        for options, text in [
            ({"grants": {"x": ["fs:raed:/x"]}}, "fs:raed:/x"),
            ({"limits": {"fule": 1}}, "did you mean fuel?"),
            ({"redact": {"secrets": []}}, "unknown field `secrets`"),
        ]:
            with self.assertRaisesRegex(BadInput, re.escape(text)):
                Runtime(**options)
        with self.assertRaisesRegex(TypeError, "the grants of 'x' are a list"):
            Runtime(grants={"x": "fs:read:/x"})
        with self.assertRaisesRegex(BadInput, "missing.wasm"):
            Runtime().load("missing.wasm")
        with self.assertRaisesRegex(PluginFailed, "not a WebAssembly module"):
            Runtime().load(b"no module", "text")
        with self.assertRaisesRegex(BadInput, "not an array"):
            file().observe([1])


class Recordings(unittest.TestCase):
    def test_a_run_is_recorded_and_replayed(self):
        plugin = file()
        seen = plugin.record(NOTE, "run.jsonl")
        self.assertEqual(plugin.replay("run.jsonl"), seen)
        begin = tollgate.transcript("run.jsonl")
        self.assertEqual((begin.plugin, begin.config), ("file", NOTE))
        with self.assertRaises(Diverged) as caught:
            Runtime().load("hello-c.wasm").replay("run.jsonl")
        self.assertEqual(caught.exception.divergence["index"], 0)
        self.assertEqual(caught.exception.plugin, "hello-c")

    def test_a_failed_run_fails_again(self):
        plugin = Runtime().load("denied.wasm")
        with self.assertRaises(PluginFailed) as first:
            plugin.record(None, "failed.jsonl")
        with self.assertRaises(PluginFailed) as again:
            plugin.replay("failed.jsonl")
        self.assertEqual(first.exception.message, again.exception.message)
        self.assertEqual(again.exception.grants, ["fs:read:/etc/motd"])


if __name__ == "__main__":
    unittest.main()
