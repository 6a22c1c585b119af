/* Calls a host function as the example in the table of host functions does. */
#define TOLLGATE_IMPLEMENTATION
#include "tollgate.h"

#define TEXT(literal) {literal, sizeof literal - 1}

TOLLGATE_EXPORT("describe") uint64_t describe(void)
{
    tollgate_writer answer = {0};
    tollgate_json(&answer, "{\"name\":\"calls\",\"version\":\"1\",\"description\":\"Calls.\",\"capabilities\":[]}");
    return tollgate_answer(&answer);
}

TOLLGATE_EXPORT("schema") uint64_t schema(void)
{
    tollgate_writer answer = {0};
    tollgate_json(&answer, "{}");
    return tollgate_answer(&answer);
}

static tollgate_text call(tollgate_text name)
{
    if (tollgate_equal(name, "fs_read"))
        return tollgate_ask_fs_read(&(tollgate_fs_read_request){.path = TEXT("/etc/hostname"), .encoding = TEXT("utf-8")});
    if (tollgate_equal(name, "fs_stat"))
        return tollgate_ask_fs_stat(&(tollgate_fs_stat_request){.path = TEXT("/etc/hostname")});
    if (tollgate_equal(name, "fs_list"))
        return tollgate_ask_fs_list(&(tollgate_fs_list_request){.path = TEXT("/etc")});
    if (tollgate_equal(name, "fs_write"))
        return tollgate_ask_fs_write(&(tollgate_fs_write_request){.path = TEXT("/var/lib/agent/state"),
            .content = TEXT("checked\n"), .encoding = TEXT("utf-8"), .mode = TEXT("append")});
    if (tollgate_equal(name, "env_get"))
        return tollgate_ask_env_get(&(tollgate_env_get_request){.context = TEXT("{\"timeout_ms\":50}"), .name = TEXT("HOME")});
    if (tollgate_equal(name, "net_connect"))
        return tollgate_ask_net_connect(&(tollgate_net_connect_request){.host = TEXT("cache.example.com"),
            .port = TEXT("6379"), .send = TEXT("PING\r\n"), .encoding = TEXT("utf-8"), .receive = 64});
    if (tollgate_equal(name, "tcp_connect"))
        return tollgate_ask_tcp_connect(&(tollgate_tcp_connect_request){.host = TEXT("example.com"),
            .port = TEXT("443"), .timeout_ms = 5000, .tls = true});
    if (tollgate_equal(name, "exec_run")) {
        tollgate_text args[] = {TEXT("-r")};
        return tollgate_ask_exec_run(&(tollgate_exec_run_request){.command = TEXT("/bin/uname"), .args = {args, 1}});
    }
    if (tollgate_equal(name, "http_request"))
        return tollgate_ask_http_request(&(tollgate_http_request_request){.method = TEXT("GET"),
            .url = TEXT("https://example.com/health"), .headers = TEXT("{\"Accept\":[\"application/json\"]}")});
    if (tollgate_equal(name, "dns_lookup"))
        return tollgate_ask_dns_lookup(&(tollgate_dns_lookup_request){.hostname = TEXT("example.com"), .type = TEXT("MX")});
    if (tollgate_equal(name, "smtp_connect"))
        return tollgate_ask_smtp_connect(&(tollgate_smtp_connect_request){.host = TEXT("mail.example.com"), .port = TEXT("25")});
    if (tollgate_equal(name, "last_denial"))
        return tollgate_ask_last_denial(&(tollgate_last_denial_request){0});
    if (tollgate_equal(name, "timeout"))
        return tollgate_ask_exec_run(&(tollgate_exec_run_request){.command = TEXT("/bin/slow"), .timeout_ms = 100});
    if (tollgate_equal(name, "log_message")) {
        tollgate_log("WARN", (tollgate_text)TEXT("nearly full"));
        return (tollgate_text)TEXT("null");
    }
    return tollgate_ask_fs_read(&(tollgate_fs_read_request){.path = name});
}

TOLLGATE_EXPORT("observe") uint64_t observe(const char *start, uint32_t length)
{
    tollgate_text name = tollgate_decode(tollgate_member((tollgate_text){start, length}, "call"));
    tollgate_text reply = call(name);
    tollgate_text error = tollgate_member(reply, "error");
    bool failed = error.start != NULL && !tollgate_equal(name, "timeout");
    tollgate_writer answer = {0};
    tollgate_put_flag(&answer, "status", !failed);
    if (failed)
        tollgate_put_raw(&answer, "error", error);
    tollgate_writer data = {0};
    tollgate_put_raw(&data, "reply", reply);
    tollgate_put_raw(&answer, "data", tollgate_written(tollgate_end(&data)));
    return tollgate_answer(tollgate_end(&answer));
}
