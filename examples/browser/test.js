// What test.sh does in the page, with the page's own functions. The results go to test.py.

const element = (id) => document.getElementById(id);
const results = {};
try {
  const { request, observe, replay, committed } = await import("./main.js");
  results.request = request();
  results.observed = observe();
  results.replayed = replay();
  element("evidence").textContent = element("replayed").textContent = element("recording").value = "";
  element("observe").click();
  element("replay").click();
  results.shown = element("evidence").textContent + element("replayed").textContent;

  // Lines that no longer match their checks.
  const recording = element("recording").value;
  const changed = (from, to) => {
    if (!element("recording").value.includes(from)) throw new Error(`the recording has no ${from}`);
    element("recording").value = recording.replace(from, to);
    const seen = replay();
    element("recording").value = recording;
    return seen;
  };
  results.otherConfig = changed('"path":"/data/link"', '"path":"/data/text"');
  results.otherReply = changed('"size":10,', '"size":11,');
  const { fuel } = results.observed.usage;
  results.otherFuel = changed(`"usage":{"fuel":${fuel}`, `"usage":{"fuel":${fuel + 1}`);

  // The replies of a run in another world, whose lines are whole, between the first and last line of this one.
  element("world").value = element("world").value.replace("some text", "same text");
  const other = observe().recording.trimEnd().split("\n");
  const lines = recording.trimEnd().split("\n");
  element("recording").value = [...lines.slice(0, 1), ...other.slice(1, -1), ...lines.slice(-1), ""].join("\n");
  results.otherWorld = replay();

  results.committed = {};
  for (const [transcript, module] of Object.entries(await (await fetch("transcripts.json")).json())) {
    await committed(transcript, module);
    results.committed[transcript] = replay();
  }
  await committed();

  element("deadline").value = 0;
  results.late = observe();
  element("deadline").value = "";
  element("fuel").value = 100_000;
  results.outOfFuel = observe();
  element("fuel").value = 1_000_000_000;
  element("grants").value = "";
  results.denied = observe();
  element("world").value = "{";
  results.noWorld = observe();
} catch (error) {
  results.failed = String(error);
}
await fetch("results", { method: "POST", body: JSON.stringify(results) });
