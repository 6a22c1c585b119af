// The tollgate kit for plugins in Go, on the standard library only. Copy it and abi_wasip1.go beside
// a plugin, and set plugin in an init function:
//
//	func init() { plugin = Plugin{Info: …, Schema: …, Observe: observe} }
//
// Build with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared. Everything but the exports also builds
// on other systems, where a test can replace Host.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
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

// Host calls a host function and returns its reply. A test may replace it.
var Host = func(function string, request []byte) ([]byte, error) {
	return nil, &Detail{Type: ErrorInternal, Message: "not inside a host"}
}

// Ask calls a host function and decodes the reply into a pointer to a struct.
func Ask(function string, request, reply any) error {
	sent, err := json.Marshal(request)
	if err != nil {
		return err
	}
	received, err := Host(function, sent)
	if err != nil {
		return err
	}
	var failed struct {
		Error *Detail `json:"error"`
	}
	if err := json.Unmarshal(received, &failed); err != nil {
		return &Detail{Type: ErrorInternal, Message: "the host sent a bad reply: " + err.Error()}
	}
	if failed.Error != nil {
		return failed.Error
	}
	return json.Unmarshal(received, reply)
}

// Env returns an environment variable, and whether it is set.
func Env(name string) (string, bool, error) {
	var reply struct {
		IsSet bool   `json:"is_set"`
		Value string `json:"value"`
	}
	err := Ask("env_get", map[string]string{"name": name}, &reply)
	return reply.Value, reply.IsSet, err
}

// Log writes a line to the log of the host: level is DEBUG, INFO, WARN or ERROR.
func Log(level, message string) {
	line, err := json.Marshal(map[string]string{"level": level, "message": message})
	if err == nil {
		_, _ = Host("log_message", line)
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
