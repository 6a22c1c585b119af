// The page of tollgate.wasm. `src/exports.rs` is the other side.

const element = (id) => document.getElementById(id);
const fetched = async (name) => {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.arrayBuffer();
};

const imports = { page: { now: () => performance.now() } };
const { instance } = await WebAssembly.instantiate(await fetched("tollgate.wasm"), imports);
const tollgate = instance.exports;

// The memory may grow in each call, which detaches views of it: take a new one each time.
function write(room, bytes) {
  const at = room(bytes.length) >>> 0;
  if (at === 0) throw new Error("the page's memory is full");
  new Uint8Array(tollgate.memory.buffer, at, bytes.length).set(bytes);
}

function call(run, text, plugin) {
  write(tollgate.text_room, new TextEncoder().encode(text));
  write(tollgate.plugin_room, plugin);
  const length = run() >>> 0;
  const output = new Uint8Array(tollgate.memory.buffer, tollgate.output() >>> 0, length);
  return JSON.parse(new TextDecoder().decode(output));
}

let plugin = new Uint8Array(await fetched("file.wasm"));
let name = "file";

export function request() {
  const deadline = element("deadline").value;
  return JSON.stringify({
    name,
    grants: element("grants").value.split("\n").filter((line) => line.trim() !== ""),
    world: element("world").value,
    config: element("config").value,
    fuel: Number(element("fuel").value),
    deadline: deadline === "" ? null : Number(deadline),
  });
}

export function observe() {
  const { recording, ...seen } = call(tollgate.observe, request(), plugin);
  element("evidence").textContent = JSON.stringify(seen, null, 2);
  element("recording").value = recording ?? "";
  element("replayed").textContent = "";
  return { recording, ...seen };
}

export function replay() {
  const { recording, ...seen } = call(tollgate.replay, element("recording").value, plugin);
  const verdict = seen.refused ? `Not the recorded run.\n${seen.error}` : "The same run: effects, fuel, result and memory.";
  element("replayed").textContent = seen.refused ? verdict : `${verdict}\n${JSON.stringify(seen, null, 2)}`;
  return seen;
}

export async function committed(transcript = "file.jsonl", module = "file.wasm") {
  element("recording").value = new TextDecoder().decode(await fetched(transcript));
  element("plugin").value = "";
  plugin = new Uint8Array(await fetched(module));
  name = module.replace(/\.wasm$/, "");
}

element("plugin").onchange = async ({ target: { files: [file] } }) => {
  plugin = new Uint8Array(await file.arrayBuffer());
  name = file.name.replace(/\.wasm$/, "");
};
for (const [id, action] of Object.entries({ observe, replay, committed })) {
  element(id).onclick = () => action();
  element(id).disabled = false;
}
