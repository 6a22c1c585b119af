// The plugin {{name}}: is a variable of the environment set, and to what?

import { answer, decode, EnvGetRequest, envGet, log, member, quote, textAt } from "./tollgate";

export { allocate, deallocate } from "./tollgate";

export function describe(): u64 {
  return answer('{"name":"{{name}}","version":"0.1.0","description":"Is a variable set?",' +
    '"capabilities":[{"kind":"env","pattern":"HOME"}]}');
}

export function schema(): u64 {
  return answer('{"type":"object","additionalProperties":false,"properties":{' +
    '"variable":{"type":"string","default":"HOME","description":"The variable to look at"}}}');
}

export function observe(pointer: usize, length: u32): u64 {
  let variable = member(textAt(pointer, length), "variable");
  if (variable.length == 0) variable = '"HOME"';
  if (!variable.startsWith('"')) {
    return failed('{"type":"config","code":"variable","message":"variable must be a string"}');
  }
  const request = new EnvGetRequest();
  request.name = decode(variable);
  const reply = envGet(request);
  // The host's own error goes on as it came.
  if (reply.error.length > 0) return failed(reply.error);
  log("INFO", request.name);
  const isSet = reply.isSet.toString();
  return answer('{"status":' + isSet + ',"data":{"variable":' + quote(request.name) +
    ',"is_set":' + isSet + ',"value":' + quote(reply.value) + "}}");
}

function failed(error: string): u64 {
  return answer('{"status":false,"error":' + error + "}");
}
