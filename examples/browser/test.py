"""Serves the page on loopback, opens it in Chromium, and judges what test.js sends: `test.py CHROMIUM NATIVE`.

The recordings of the page and of this machine must be equal byte for byte, hence also effects, fuel, evidence and the
digest of the final memory.
"""

import base64
import functools
import hashlib
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading

PATIENCE = 300
ROOT = pathlib.Path("../..")


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves files, and takes the results."""

    results = queue.Queue()

    def do_POST(self):
        self.results.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def copy_transcripts(site):
    """Copies the recordings of other machines, and returns the file of each one's plugin. `numbers` is a text, which the
    library's own test assembles."""
    modules = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in ROOT.glob("fixtures/**/*.wasm")}
    plugins = {}
    for transcript in ROOT.glob("tests/transcripts/*.jsonl"):
        digest = json.loads(transcript.read_text().splitlines()[0])["module"]
        if transcript.name != "numbers.jsonl":
            plugins[transcript.name] = f"{digest}.wasm"
            shutil.copy(transcript, site)
            shutil.copy(modules[digest], site / f"{digest}.wasm")
    return plugins


def in_chromium(chromium, folder):
    """Returns what the page sends."""
    site = folder / "site"
    shutil.copytree("target/site", site)
    shutil.copy("test.js", site)
    (site / "transcripts.json").write_text(json.dumps(copy_transcripts(site)))
    page = pathlib.Path("index.html").read_text()
    (site / "test.html").write_text(page.replace('src="main.js"', 'src="test.js"'))
    serve = functools.partial(Server, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync disable-background-networking"
        flags = [f"--{flag}" for flag in flags.split()] + ["--disable-component-update", f"--user-data-dir={folder}/profile"]
        url = f"http://127.0.0.1:{server.server_port}/test.html"
        with open(folder / "chromium.log", "wb") as log:
            # A page that stays open, since `--dump-dom` does not wait for modules to be compiled.
            browser = subprocess.Popen([chromium, *flags, url], stdout=log, stderr=log)
        try:
            return json.loads(Server.results.get(timeout=PATIENCE))
        except queue.Empty:
            sys.exit(f"test.sh: no results\n{(folder / 'chromium.log').read_text()}")
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()


failures = []


def check(claim, holds, shown):
    print("ok  " if holds else "FAIL", claim)
    if not holds:
        failures.append(claim)
        print("    ", json.dumps(shown)[:2000])


CHANGES = {
    "otherConfig": "line 1: changed",
    "otherReply": "diverged at effect 1",
    "otherFuel": "changed after it was recorded",
    "otherWorld": "different evidence",
}


def judge(results, native, folder):
    if "failed" in results:
        sys.exit(f"test.sh: {results}")
    observed = results["observed"]
    data = observed["evidence"]["data"]
    check("the plugin reads the world of the page", base64.b64decode(data["content_b64"]) == b"some text\n" and data["size"] == 10, data)
    shown = (data["sha256"], str(observed["usage"]["fuel"]), "The same run")
    check("its buttons show evidence, fuel and the replay", all(text in results["shown"] for text in shown), results["shown"])

    (folder / "request.json").write_text(results["request"])
    subprocess.run([native, folder / "request.json", ROOT / "fixtures/file.wasm", folder / "native.jsonl"], check=True)
    recorded = (folder / "native.jsonl").read_text()
    end = json.loads(recorded.splitlines()[-1])
    check(f"fuel as on this machine: {end['usage']['fuel']}", observed["usage"]["fuel"] == end["usage"]["fuel"], observed["usage"])
    check(f"memory as on this machine: {end['memory']}", len(end["memory"]) == 64 and end["memory"] in observed["recording"], observed["recording"])
    check("the same recording, byte for byte", observed["recording"] == recorded, [observed["recording"], recorded])

    replayed = results["replayed"]
    check("the recording replays", not replayed["refused"] and replayed["evidence"] == observed["evidence"] and replayed["usage"] == observed["usage"], replayed)
    check("there are recordings of other machines", results["committed"], results["committed"])
    for transcript, seen in sorted(results["committed"].items()):
        end = json.loads((ROOT / "tests/transcripts" / transcript).read_text().splitlines()[-1])
        same = not seen["refused"] and (seen["usage"] or {}).get("fuel") == end["usage"]["fuel"]
        check(f"a recording of another machine replays: {transcript}", same, [seen, end])
    for name, why in CHANGES.items():
        seen = results[name]
        check(f"a changed transcript does not: {name}", seen["refused"] and why in seen["error"], seen)

    late = results["late"]
    check("a deadline stops a run, by the page's clock", late["evidence"] is None and "deadline" in late["error"] and not late["refused"], late)
    check("so does a limit of fuel", results["outOfFuel"]["error"] and "fuel" in results["outOfFuel"]["error"], results["outOfFuel"])
    denied = results["denied"]["evidence"]
    check("without a grant the plugin is denied", not denied["status"] and "fs:read:/data" in denied["error"]["message"], denied)
    check("a bad world is an error with its place", results["noWorld"]["refused"] and "line 1" in results["noWorld"]["error"], results["noWorld"])


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    folder = pathlib.Path(folder)
    judge(in_chromium(sys.argv[1], folder), sys.argv[2], folder)
sys.exit(f"test.sh: {len(failures)} failed" if failures else 0)
