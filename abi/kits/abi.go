// The tollgate kit for plugins in Go, on the standard library only. Copy it, abi_wasip1.go and
// abi_native.go beside a plugin, and set plugin in an init function:
//
//	func init() { plugin = Plugin{Info: …, Schema: …, Observe: observe} }
//
// Build with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared. Everything but the exports also builds
// on other systems, where a test can replace Host.

package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"
)

// Plugin is the description of a plugin and its check.
type Plugin struct {
	Info   Info
	Schema any
	// Observe reads a config in JSON. An error of type *Detail goes to the host as it is.
	Observe func(config []byte) (Evidence, error)
}

var plugin Plugin

// Info is the result of describe.
type Info struct {
	Name         string       `json:"name"`
	Version      string       `json:"version"`
	Description  string       `json:"description"`
	Capabilities []Capability `json:"capabilities"`
}

// Capability is a capability that the plugin needs.
type Capability struct {
	Kind    string `json:"kind"`
	Pattern string `json:"pattern"`
}

// Evidence is the result of observe.
type Evidence struct {
	Status    bool           `json:"status"`
	Error     *Detail        `json:"error"`
	Timestamp time.Time      `json:"timestamp"`
	Data      map[string]any `json:"data"`
	Raw       *string        `json:"raw"`
}

// Detail is an error, as it is in JSON.
type Detail struct {
	Message    string  `json:"message"`
	Type       string  `json:"type"`
	Code       string  `json:"code"`
	IsTimeout  bool    `json:"is_timeout,omitempty"`
	IsNotFound bool    `json:"is_not_found,omitempty"`
	Wrapped    *Detail `json:"wrapped,omitempty"`
	Stack      []byte  `json:"stack,omitempty"`
}

func (detail *Detail) Error() string { return detail.Message }

// begin generated errors

// The values of Detail.Type that the host sends.
const (
	// The plugin has no grant for the request.
	ErrorCapability = "capability"
	// The request or the config is invalid.
	ErrorConfig = "config"
	// A command could not be started.
	ErrorExecution = "execution"
	// A file operation failed.
	ErrorFs = "fs"
	// A fault of the host, or a function that this build of the host does not include.
	ErrorInternal = "internal"
	// A connection could not be made, or it broke.
	ErrorNetwork = "network"
	// The plugin panicked.
	ErrorPanic = "panic"
	// The address is private or reserved, and no grant opens it.
	ErrorSsrfProtection = "ssrf_protection"
	// A deadline passed.
	ErrorTimeout = "timeout"
	// A TLS handshake or certificate was rejected.
	ErrorTls = "tls"
	// A value has the wrong shape.
	ErrorValidation = "validation"
)

// end generated errors

// ErrDenied matches, with errors.Is, an error of the host that denies a request.
var ErrDenied = errors.New("denied")

// Is reports whether the error is a denial.
func (detail *Detail) Is(target error) bool {
	return target == ErrDenied && (detail.Type == ErrorCapability || detail.Type == ErrorSsrfProtection)
}

// Host replies in place of the host, if a test sets it.
var Host func(function string, request []byte) ([]byte, error)

// host has a method for each host function: host.FsRead(FsReadRequest{Path: "/etc/motd"}). A module imports
// those that it calls.
var host hostFunctions

type hostFunctions struct{}

// ask calls a host function and decodes the reply into a pointer to a struct.
func ask(function string, call func(uint64) uint64, request, reply any) error {
	sent, err := json.Marshal(request)
	if err != nil {
		return err
	}
	var received []byte
	if Host != nil {
		received, err = Host(function, sent)
	} else {
		received, err = exchange(call, sent)
	}
	if err != nil {
		return err
	}
	var failed struct {
		Error *Detail `json:"error"`
	}
	if err := json.Unmarshal(received, &failed); err != nil {
		return &Detail{Type: ErrorInternal, Message: "the host sent a bad reply: " + err.Error()}
	}
	err = json.Unmarshal(received, reply)
	if failed.Error != nil {
		return failed.Error
	}
	return err
}

// Env returns an environment variable, and whether it is set.
func Env(name string) (string, bool, error) {
	reply, err := host.EnvGet(EnvGetRequest{Name: name})
	return reply.Value, reply.IsSet, err
}

// ReadFile returns the whole content of a file. Its error, other than that of os.ReadFile, names the grant
// that would help, without Explain.
func ReadFile(path string) ([]byte, error) {
	var content []byte
	for {
		reply, err := host.FsRead(FsReadRequest{Path: path, Offset: uint64(len(content))})
		if err != nil {
			return nil, err
		}
		piece, err := base64.StdEncoding.DecodeString(reply.Content)
		if err != nil {
			return nil, err
		}
		content = append(content, piece...)
		if !reply.Truncated {
			return content, nil
		}
		if len(piece) == 0 {
			return nil, &Detail{Type: ErrorInternal, Message: "the host reports more content and sends none"}
		}
	}
}

// Explain returns the host's own error for one of package os that means "permission denied": it names the grant that
// would help. Other errors stay as they are. Call it before anything else fails:
//
//	text, err := os.ReadFile(path)
//	if err != nil {
//		return Evidence{}, Explain(err)
//	}
func Explain(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	reply, failed := host.LastDenial(LastDenialRequest{})
	if failed != nil || reply.Denial == nil {
		return err
	}
	return reply.Denial
}

// Log writes a line to the log of the host: level is DEBUG, INFO, WARN or ERROR.
func Log(level, message string, attrs ...LogAttr) {
	line, err := json.Marshal(LogMessage{Level: level, Message: message, Attrs: attrs})
	if err != nil {
		return
	}
	if Host != nil {
		_, _ = Host("log_message", line)
	} else {
		send(logMessage, line)
	}
}

// Pack packs a pointer and a length: pointer << 32 | length; 0 is nothing.
func Pack(pointer, length uint32) uint64 {
	return uint64(pointer)<<32 | uint64(length)
}

// Unpack is the inverse of Pack. ok is false for a length at address 0, which is invalid.
func Unpack(packed uint64) (pointer, length uint32, ok bool) {
	pointer, length = uint32(packed>>32), uint32(packed)
	return pointer, length, pointer != 0 || length == 0
}

// Failure returns evidence with the reason why the plugin could not check.
func Failure(err error) Evidence {
	var detail *Detail
	if !errors.As(err, &detail) {
		detail = &Detail{Type: ErrorInternal, Message: err.Error()}
	}
	return Evidence{Error: detail, Timestamp: time.Now()}
}

// Answer returns the result of observe, in JSON.
func Answer(config []byte) (answer []byte) {
	defer func() {
		if reason := recover(); reason != nil {
			answer = encode(Failure(&Detail{
				Type:    ErrorPanic,
				Message: fmt.Sprintf("plugin panic: %v", reason),
				Stack:   debug.Stack(),
			}))
		}
	}()
	evidence, err := plugin.Observe(config)
	if err != nil {
		failure := Failure(err)
		failure.Data = evidence.Data
		return encode(failure)
	}
	if evidence.Timestamp.IsZero() {
		evidence.Timestamp = time.Now()
	}
	return encode(evidence)
}

func encode(document any) []byte {
	text, err := json.Marshal(document)
	if err != nil {
		text, _ = json.Marshal(Failure(err))
	}
	return text
}

func main() {}

// Requests and replies of the host functions, which functions.md of the package tollgate-abi describes.
// begin generated functions

// Context: time limits of a request.
type Context struct {
	// An absolute deadline, in RFC 3339.
	Deadline *string `json:"deadline,omitempty"`
	// A limit in milliseconds; 0 sets none.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
	// An identifier for correlation; the host ignores it.
	RequestId string `json:"request_id,omitempty"`
	// Whether the request is already cancelled; it then fails at once.
	Canceled bool `json:"canceled,omitempty"`
}

// FsEntry: one entry of a directory.
type FsEntry struct {
	// The name, without a path.
	Name string `json:"name"`
	// `file`, `directory`, `symlink` or `other`.
	Kind string `json:"kind"`
}

// MxRecord: one mail server of a name.
type MxRecord struct {
	// Its name, which ends in a dot.
	Host string `json:"host"`
	// Its preference; lower values come first.
	Pref uint16 `json:"pref"`
}

// LogAttr: one attribute of a `LogMessage`.
type LogAttr struct {
	// Its name.
	Key string `json:"key"`
	// `string`, `int64`, `uint64`, `bool`, `float64`, `time`, `duration`, `error`, `json`, …
	Type string `json:"type"`
	// Its value as text.
	Value string `json:"value"`
}

// FsReadRequest: which part of which file to read.
type FsReadRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The file. A relative path starts at the working directory of the host.
	Path string `json:"path"`
	// `base64` or `utf-8`; empty is `base64`.
	Encoding string `json:"encoding,omitempty"`
	// Where to start, in bytes.
	Offset uint64 `json:"offset,omitempty"`
	// The most bytes to read; 0 is as many as the host allows.
	Limit uint64 `json:"limit,omitempty"`
}

// FsReadReply: the content of a file.
type FsReadReply struct {
	// The bytes, in `encoding`.
	Content string `json:"content"`
	// `base64` or `utf-8`, as requested.
	Encoding string `json:"encoding"`
	// The size of the whole file, in bytes.
	Size uint64 `json:"size"`
	// Whether the file continues after `content`.
	Truncated bool `json:"truncated,omitempty"`
}

// FsStatRequest: which path to examine.
type FsStatRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The path. A relative one starts at the working directory of the host.
	Path string `json:"path"`
	// Whether to describe a symbolic link itself instead of its target.
	NoFollow bool `json:"no_follow,omitempty"`
}

// FsStatReply: a file, a directory or a symbolic link.
type FsStatReply struct {
	// `file`, `directory`, `symlink` or `other`.
	Kind string `json:"kind"`
	// Size in bytes.
	Size uint64 `json:"size"`
	// Permission bits: 420 is octal 644.
	Mode uint32 `json:"mode"`
	// The user ID of the owner.
	Uid uint32 `json:"uid"`
	// The group ID.
	Gid uint32 `json:"gid"`
	// The last modification, in RFC 3339.
	Modified string `json:"modified"`
	// The target of a symbolic link; only with `no_follow`.
	Target *string `json:"target,omitempty"`
}

// FsListRequest: which directory to list.
type FsListRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The directory. A relative path starts at the working directory of the host.
	Path string `json:"path"`
}

// FsListReply: the entries of a directory, in byte order.
type FsListReply struct {
	// The entries, without `.` and `..`.
	Entries []FsEntry `json:"entries"`
	// Whether entries were left out because of the size limit.
	Truncated bool `json:"truncated,omitempty"`
}

// FsWriteRequest: which file to write.
type FsWriteRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The file. A relative path starts at the working directory of the host.
	Path string `json:"path"`
	// The bytes, in `encoding`.
	Content string `json:"content"`
	// `base64` or `utf-8`; empty is `base64`.
	Encoding string `json:"encoding,omitempty"`
	// `replace` (also when empty) replaces the content, whole or not at all. `append` writes after the old content. `create` fails if the file exists.
	Mode string `json:"mode,omitempty"`
}

// FsWriteReply: the result of writing a file.
type FsWriteReply struct {
	// How many bytes were written.
	Written uint64 `json:"written"`
}

// EnvGetRequest: which environment variable to return.
type EnvGetRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The name of the variable.
	Name string `json:"name"`
}

// EnvGetReply: an environment variable.
type EnvGetReply struct {
	// Whether the variable is set.
	IsSet bool `json:"is_set"`
	// Its value.
	Value string `json:"value"`
}

// NetConnectRequest: where to connect, what to send and how much to receive.
type NetConnectRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// A host name or an IP address.
	Host string `json:"host"`
	// The port, 1 to 65535, or the name of a well-known service: `https`.
	Port string `json:"port"`
	// The bytes to send, in `encoding`.
	Send string `json:"send,omitempty"`
	// `base64` or `utf-8`, for `send` and for `received` of the reply; empty is `base64`.
	Encoding string `json:"encoding,omitempty"`
	// The most bytes to receive; 0 closes the connection after sending.
	Receive uint64 `json:"receive,omitempty"`
	// The most time for the whole operation, in milliseconds; 0 means the host's maximum.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
}

// NetConnectReply: the result of a connection.
type NetConnectReply struct {
	// Whether the connection was made.
	Connected bool `json:"connected"`
	// The bytes received, in `encoding`.
	Received string `json:"received"`
	// `base64` or `utf-8`, as requested.
	Encoding string `json:"encoding"`
	// Whether more bytes arrived than `receive`.
	Truncated bool `json:"truncated,omitempty"`
	// Whether the time was up before the peer closed; `received` holds what had arrived.
	IsTimeout bool `json:"is_timeout,omitempty"`
	// The remote address, `ip:port`.
	RemoteAddr string `json:"remote_addr,omitempty"`
	// The local address, `ip:port`.
	LocalAddr string `json:"local_addr,omitempty"`
	// How long connecting took, in milliseconds.
	ResponseTimeMs uint64 `json:"response_time_ms,omitempty"`
}

// TcpConnectRequest: where to connect.
type TcpConnectRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// A host name or an IP address.
	Host string `json:"host"`
	// The port, 1 to 65535, or the name of a well-known service: `https`.
	Port string `json:"port"`
	// The most time, in milliseconds; 0 means the host's maximum.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
	// Whether to use TLS.
	Tls bool `json:"tls"`
}

// TcpConnectReply: the result of a connection. When `error` is set, every other key has its default value.
type TcpConnectReply struct {
	// Whether the connection was made.
	Connected bool `json:"connected"`
	// Host and port as requested; an IPv6 address is in brackets.
	Address string `json:"address,omitempty"`
	// The remote address, `ip:port`.
	RemoteAddr string `json:"remote_addr,omitempty"`
	// The local address, `ip:port`.
	LocalAddr string `json:"local_addr,omitempty"`
	// How long connecting and the TLS handshake took, in milliseconds.
	ResponseTimeMs uint64 `json:"response_time_ms,omitempty"`
	// Whether TLS is used.
	Tls bool `json:"tls,omitempty"`
	// `TLS 1.2` or `TLS 1.3`.
	TlsVersion string `json:"tls_version,omitempty"`
	// The IANA name of the cipher suite.
	TlsCipherSuite string `json:"tls_cipher_suite,omitempty"`
	// The server name sent in the handshake; empty for an IP address.
	TlsServerName string `json:"tls_server_name,omitempty"`
	// The subject of the certificate of the server.
	TlsCertSubject string `json:"tls_cert_subject,omitempty"`
	// The issuer of the certificate.
	TlsCertIssuer string `json:"tls_cert_issuer,omitempty"`
	// When the certificate expires, in RFC 3339.
	TlsCertNotAfter string `json:"tls_cert_not_after,omitempty"`
}

// ExecRequest: which command to run.
type ExecRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// A path, or a name that the host looks up in its `PATH`.
	Command string `json:"command"`
	// The arguments, without the command itself. No shell interprets them.
	Args []string `json:"args"`
	// The working directory; empty is that of the host.
	Dir string `json:"dir,omitempty"`
	// The whole environment, each entry `NAME=VALUE`. The last entry of a name counts.
	Env []string `json:"env,omitempty"`
	// The most time for the command, in milliseconds; 0 means the host's maximum.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
}

// ExecReply: how a command ended. An exit code other than 0 is not an error. If the time is up, the host kills the command and returns an error with the output so far.
type ExecReply struct {
	// Its standard output; bytes that are not UTF-8 are U+FFFD.
	Stdout string `json:"stdout"`
	// Its standard error, likewise.
	Stderr string `json:"stderr"`
	// Its exit code; -1 if a signal killed it or if it did not run.
	ExitCode int32 `json:"exit_code"`
	// How long it ran, in milliseconds.
	DurationMs uint64 `json:"duration_ms,omitempty"`
	// Whether it was killed because its time was up.
	IsTimeout bool `json:"is_timeout,omitempty"`
	// Whether `stdout` was cut.
	StdoutTruncated bool `json:"stdout_truncated,omitempty"`
	// Whether `stderr` was cut.
	StderrTruncated bool `json:"stderr_truncated,omitempty"`
}

// HttpRequest: the URL to fetch, and how.
type HttpRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The method; empty is `GET`.
	Method string `json:"method"`
	// The URL, `http` or `https`.
	Url string `json:"url"`
	// Header fields. `Host`, `Content-Length` and `User-Agent` are ignored. Fields about the connection (`Connection`, `Upgrade`, …) are an error.
	Headers map[string][]string `json:"headers,omitempty"`
	// The body, in base64.
	Body string `json:"body,omitempty"`
	// The most time for the whole operation, with redirects, in milliseconds; 0 means the host's maximum.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
}

// HttpReply: the response, after redirects.
type HttpReply struct {
	// The status code, such as 200. A status such as 404 is not an error.
	StatusCode uint16 `json:"status_code"`
	// Header fields, with names such as `Content-Type`.
	Headers map[string][]string `json:"headers,omitempty"`
	// The body, in base64; decompressed unless the request named its own `Accept-Encoding`.
	Body string `json:"body,omitempty"`
	// Whether the body was cut because of the size limit.
	BodyTruncated bool `json:"body_truncated,omitempty"`
	// The protocol, such as `HTTP/1.1`.
	Proto string `json:"proto,omitempty"`
}

// DnsLookupRequest: which DNS records to look up.
type DnsLookupRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// The name to look up.
	Hostname string `json:"hostname"`
	// `A`, `AAAA`, `CNAME`, `MX`, `TXT` or `NS`, in any case; empty is `A` and `AAAA`.
	Type string `json:"type"`
	// The DNS server, `host:port` or `host`; empty is the resolver of the host.
	Nameserver string `json:"nameserver,omitempty"`
	// The most time, in milliseconds; 0 means the host's maximum.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
}

// DnsLookupReply: the records of a name. Both lists are empty if the name exists and has no such records.
type DnsLookupReply struct {
	// Addresses, texts (each record with its parts joined), or names that end in a dot.
	Records []string `json:"records,omitempty"`
	// Mail servers, in order of preference.
	MxRecords []MxRecord `json:"mx_records,omitempty"`
}

// SmtpConnectRequest: which mail server to connect to.
type SmtpConnectRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
	// A host name or an IP address.
	Host string `json:"host"`
	// The port, 1 to 65535, or the name of a well-known service: `https`.
	Port string `json:"port"`
	// The most time for the whole operation, in milliseconds; 0 means the host's maximum.
	TimeoutMs uint64 `json:"timeout_ms,omitempty"`
	// Whether to use TLS from the first byte.
	Tls bool `json:"tls"`
	// Whether to switch to TLS after the greeting. Excludes `tls`.
	Starttls bool `json:"starttls"`
}

// SmtpConnectReply: the greeting of a mail server. When `error` is set, every other key has its default value.
type SmtpConnectReply struct {
	// Whether the server sent a greeting.
	Connected bool `json:"connected"`
	// Host and port as requested; an IPv6 address is in brackets.
	Address string `json:"address,omitempty"`
	// `220 ` and the text of the greeting, its lines joined by newlines.
	Banner string `json:"banner,omitempty"`
	// How long the whole operation took, in milliseconds.
	ResponseTimeMs uint64 `json:"response_time_ms,omitempty"`
	// Whether TLS is used.
	Tls bool `json:"tls,omitempty"`
	// `TLS 1.2` or `TLS 1.3`.
	TlsVersion string `json:"tls_version,omitempty"`
	// The IANA name of the cipher suite.
	TlsCipherSuite string `json:"tls_cipher_suite,omitempty"`
	// The server name sent in the handshake; empty for an IP address.
	TlsServerName string `json:"tls_server_name,omitempty"`
}

// LastDenialRequest: nothing to choose.
type LastDenialRequest struct {
	// Time limits.
	Context *Context `json:"context,omitempty"`
}

// LastDenialReply: why a function of WASI returned `EACCES`.
type LastDenialReply struct {
	// The denial, with the grant that would help. Missing if the last function of WASI that failed in this call was not denied.
	Denial *Detail `json:"denial,omitempty"`
}

// LogMessage: a line for the log of the host.
type LogMessage struct {
	// Time limits; ignored.
	Context *Context `json:"context,omitempty"`
	// `DEBUG`, `INFO`, `WARN` or `ERROR`, in any case, optionally with an offset (`INFO+2`).
	Level string `json:"level"`
	// The text.
	Message string `json:"message"`
	// The time by the clock of the guest; the host ignores it.
	Timestamp string `json:"timestamp,omitempty"`
	// Named values.
	Attrs []LogAttr `json:"attrs,omitempty"`
}

// FsRead reads a file, or a part of it.
func (hostFunctions) FsRead(request FsReadRequest) (reply FsReadReply, err error) {
	err = ask("fs_read", fsRead, request, &reply)
	return reply, err
}

// FsStat describes a file, a directory or a symbolic link.
func (hostFunctions) FsStat(request FsStatRequest) (reply FsStatReply, err error) {
	err = ask("fs_stat", fsStat, request, &reply)
	return reply, err
}

// FsList lists a directory.
func (hostFunctions) FsList(request FsListRequest) (reply FsListReply, err error) {
	err = ask("fs_list", fsList, request, &reply)
	return reply, err
}

// FsWrite writes a file.
func (hostFunctions) FsWrite(request FsWriteRequest) (reply FsWriteReply, err error) {
	err = ask("fs_write", fsWrite, request, &reply)
	return reply, err
}

// EnvGet returns an environment variable, as it was when the runtime was built.
func (hostFunctions) EnvGet(request EnvGetRequest) (reply EnvGetReply, err error) {
	err = ask("env_get", envGet, request, &reply)
	return reply, err
}

// NetConnect opens a TCP connection, sends, receives and closes it.
func (hostFunctions) NetConnect(request NetConnectRequest) (reply NetConnectReply, err error) {
	err = ask("net_connect", netConnect, request, &reply)
	return reply, err
}

// TcpConnect opens a TCP connection, optionally with TLS, and closes it.
func (hostFunctions) TcpConnect(request TcpConnectRequest) (reply TcpConnectReply, err error) {
	err = ask("tcp_connect", tcpConnect, request, &reply)
	return reply, err
}

// ExecRun runs a command and waits for its end.
// With an error the reply counts as well, if IsTimeout is true.
func (hostFunctions) ExecRun(request ExecRequest) (reply ExecReply, err error) {
	err = ask("exec_run", execRun, request, &reply)
	return reply, err
}

// HttpRequest fetches a URL, following redirects.
func (hostFunctions) HttpRequest(request HttpRequest) (reply HttpReply, err error) {
	err = ask("http_request", httpRequest, request, &reply)
	return reply, err
}

// DnsLookup looks up the DNS records of a name.
func (hostFunctions) DnsLookup(request DnsLookupRequest) (reply DnsLookupReply, err error) {
	err = ask("dns_lookup", dnsLookup, request, &reply)
	return reply, err
}

// SmtpConnect connects to a mail server and reads its greeting.
func (hostFunctions) SmtpConnect(request SmtpConnectRequest) (reply SmtpConnectReply, err error) {
	err = ask("smtp_connect", smtpConnect, request, &reply)
	return reply, err
}

// LastDenial returns why WASI denied access: its error numbers do not name the grant that would help.
func (hostFunctions) LastDenial(request LastDenialRequest) (reply LastDenialReply, err error) {
	err = ask("last_denial", lastDenial, request, &reply)
	return reply, err
}

// end generated functions
