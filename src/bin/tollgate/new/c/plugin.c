/* The plugin {{name}}: is a variable of the environment set, and to what? */

#define TOLLGATE_IMPLEMENTATION
#include "tollgate.h"

TOLLGATE_EXPORT("describe") uint64_t describe(void)
{
    tollgate_writer answer = {0};
    tollgate_json(&answer, "{\"name\":\"{{name}}\",\"version\":\"0.1.0\","
                           "\"description\":\"Is a variable set?\","
                           "\"capabilities\":[{\"kind\":\"env\",\"pattern\":\"HOME\"}]}");
    return tollgate_answer(&answer);
}

TOLLGATE_EXPORT("schema") uint64_t schema(void)
{
    tollgate_writer answer = {0};
    tollgate_json(&answer, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                           "\"variable\":{\"type\":\"string\",\"default\":\"HOME\","
                           "\"description\":\"The variable to look at\"}}}");
    return tollgate_answer(&answer);
}

/* Evidence with an error in JSON, such as the host's own. */
static uint64_t failed(tollgate_text error)
{
    tollgate_writer answer = {0};
    tollgate_json(&answer, "{\"status\":false,\"error\":");
    tollgate_put(&answer, error);
    tollgate_json(&answer, "}");
    return tollgate_answer(&answer);
}

TOLLGATE_EXPORT("observe") uint64_t observe(const char *start, uint32_t length)
{
    tollgate_text config = {start, length};
    tollgate_text variable = tollgate_member(config, "variable");
    if (variable.start == NULL)
        variable = tollgate_literal("\"HOME\"");
    if (variable.start[0] != '"')
        return failed(tollgate_literal("{\"type\":\"config\",\"code\":\"variable\","
                                       "\"message\":\"variable must be a string\"}"));

    tollgate_text name = tollgate_decode(variable);
    tollgate_text reply = tollgate_ask_env_get(&(tollgate_env_get_request){.name = name});
    if (reply.start == NULL)
        return failed(tollgate_literal("{\"type\":\"internal\",\"code\":\"\","
                                       "\"message\":\"the host sent no reply\"}"));
    tollgate_text error = tollgate_member(reply, "error");
    if (error.start != NULL)
        return failed(error);

    tollgate_log("INFO", name);
    tollgate_text is_set = tollgate_member(reply, "is_set");
    tollgate_writer answer = {0};
    tollgate_json(&answer, "{\"status\":");
    tollgate_put(&answer, is_set);
    tollgate_json(&answer, ",\"data\":{\"variable\":");
    tollgate_string(&answer, name);
    tollgate_json(&answer, ",\"is_set\":");
    tollgate_put(&answer, is_set);
    tollgate_json(&answer, ",\"value\":");
    tollgate_put(&answer, tollgate_member(reply, "value"));
    tollgate_json(&answer, "}}");
    tollgate_free((void *)name.start);
    tollgate_free((void *)reply.start);
    return tollgate_answer(&answer);
}
