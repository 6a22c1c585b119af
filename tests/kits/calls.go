// Calls a host function as the example in the table of host functions does.
package main

import "encoding/json"

func init() {
	plugin = Plugin{Info: Info{Name: "calls", Version: "1", Description: "Calls."}, Schema: map[string]any{}, Observe: observe}
}

func observe(text []byte) (Evidence, error) {
	var config struct{ Call string }
	if err := json.Unmarshal(text, &config); err != nil {
		return Evidence{}, err
	}
	var reply any
	var err error
	switch config.Call {
	case "fs_read":
		reply, err = host.FsRead(FsReadRequest{Path: "/etc/hostname", Encoding: "utf-8"})
	case "fs_stat":
		reply, err = host.FsStat(FsStatRequest{Path: "/etc/hostname"})
	case "fs_list":
		reply, err = host.FsList(FsListRequest{Path: "/etc"})
	case "fs_write":
		reply, err = host.FsWrite(FsWriteRequest{Path: "/var/lib/agent/state", Content: "checked\n", Encoding: "utf-8", Mode: "append"})
	case "env_get":
		reply, err = host.EnvGet(EnvGetRequest{Name: "HOME", Context: &Context{TimeoutMs: 50}})
	case "net_connect":
		reply, err = host.NetConnect(NetConnectRequest{Host: "cache.example.com", Port: "6379", Send: "PING\r\n", Encoding: "utf-8", Receive: 64})
	case "tcp_connect":
		reply, err = host.TcpConnect(TcpConnectRequest{Host: "example.com", Port: "443", TimeoutMs: 5000, Tls: true})
	case "exec_run":
		reply, err = host.ExecRun(ExecRequest{Command: "/bin/uname", Args: []string{"-r"}})
	case "http_request":
		reply, err = host.HttpRequest(HttpRequest{Method: "GET", Url: "https://example.com/health", Headers: map[string][]string{"Accept": {"application/json"}}})
	case "dns_lookup":
		reply, err = host.DnsLookup(DnsLookupRequest{Hostname: "example.com", Type: "MX"})
	case "smtp_connect":
		reply, err = host.SmtpConnect(SmtpConnectRequest{Host: "mail.example.com", Port: "25"})
	case "last_denial":
		reply, err = host.LastDenial(LastDenialRequest{})
	case "log_message":
		Log("WARN", "nearly full", LogAttr{Key: "disk", Type: "string", Value: "/srv"})
	case "timeout":
		reply, err = host.ExecRun(ExecRequest{Command: "/bin/slow", TimeoutMs: 100})
		if detail, ok := err.(*Detail); ok && detail.IsTimeout {
			err = nil
		}
	default:
		_, err = ReadFile(config.Call)
	}
	return Evidence{Status: err == nil, Data: map[string]any{"reply": reply}}, err
}
