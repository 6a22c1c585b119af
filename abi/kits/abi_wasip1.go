// The exports and imports of a tollgate plugin in Go, beside abi.go.

package main

import (
	"bytes"
	"math/bits"
	"unsafe"
)

// Buffers in use, by address, kept here so that the collector does not free them.
var buffers = map[uint32][]byte{}

// Freed buffers to be used again, by the logarithm of their size: the collector does not run between
// calls of exports.
var freed [33][][]byte

//go:wasmexport allocate
func allocate(size uint32) uint32 {
	if size == 0 {
		return 0
	}
	class := bits.Len32(size - 1)
	if last := len(freed[class]) - 1; last >= 0 {
		buffer := freed[class][last]
		freed[class] = freed[class][:last]
		return keep(buffer)
	}
	if class > 30 {
		return keep(make([]byte, size))
	}
	return keep(make([]byte, 1<<class))
}

//go:wasmexport deallocate
func deallocate(pointer, _ uint32) {
	buffer := buffers[pointer]
	delete(buffers, pointer)
	if size := uint32(len(buffer)); size != 0 && size&(size-1) == 0 {
		class := bits.Len32(size - 1)
		freed[class] = append(freed[class], buffer)
	}
}

func keep(buffer []byte) uint32 {
	pointer := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(buffer))))
	buffers[pointer] = buffer
	return pointer
}

func hand(answer []byte) uint64 {
	return Pack(keep(answer), uint32(len(answer)))
}

//go:wasmexport describe
func describe() uint64 { return hand(encode(plugin.Info)) }

//go:wasmexport schema
func schema() uint64 { return hand(encode(plugin.Schema)) }

//go:wasmexport observe
func observeExport(pointer, length uint32) uint64 {
	return hand(Answer(buffers[pointer][:length]))
}

// The host functions. Requests and replies are described in functions.md of the package tollgate-abi.
// begin generated functions

// Reads a file, or a part of it.
//
//go:wasmimport reglet_host fs_read
func fsRead(request uint64) uint64

// Describes a file, a directory or a symbolic link.
//
//go:wasmimport reglet_host fs_stat
func fsStat(request uint64) uint64

// Lists a directory.
//
//go:wasmimport reglet_host fs_list
func fsList(request uint64) uint64

// Writes a file.
//
//go:wasmimport reglet_host fs_write
func fsWrite(request uint64) uint64

// Returns an environment variable, as it was when the runtime was built.
//
//go:wasmimport reglet_host env_get
func envGet(request uint64) uint64

// Opens a TCP connection, sends, receives and closes it.
//
//go:wasmimport reglet_host net_connect
func netConnect(request uint64) uint64

// Opens a TCP connection, optionally with TLS, and closes it.
//
//go:wasmimport reglet_host tcp_connect
func tcpConnect(request uint64) uint64

// Runs a command and waits for its end.
//
//go:wasmimport reglet_host exec_run
func execRun(request uint64) uint64

// Fetches a URL, following redirects.
//
//go:wasmimport reglet_host http_request
func httpRequest(request uint64) uint64

// Looks up the DNS records of a name.
//
//go:wasmimport reglet_host dns_lookup
func dnsLookup(request uint64) uint64

// Connects to a mail server and reads its greeting.
//
//go:wasmimport reglet_host smtp_connect
func smtpConnect(request uint64) uint64

// Returns why WASI denied access: its error numbers do not name the grant that would help.
//
//go:wasmimport reglet_host last_denial
func lastDenial(request uint64) uint64

// Writes a line to the log of the host.
//
//go:wasmimport reglet_host log_message
func logMessage(request uint64)

// end generated functions

// exchange passes a request to the host and returns its reply.
func exchange(call func(uint64) uint64, request []byte) ([]byte, error) {
	sent := hand(request)
	defer deallocate(uint32(sent>>32), 0)
	pointer, length, ok := Unpack(call(sent))
	reply, known := buffers[pointer]
	if !ok || !known || int(length) > len(reply) {
		return nil, &Detail{Type: ErrorInternal, Message: "the host sent no reply"}
	}
	answer := bytes.Clone(reply[:length])
	deallocate(pointer, length)
	return answer, nil
}

// send passes a request to a host function that returns nothing.
func send(call func(uint64), request []byte) {
	sent := hand(request)
	call(sent)
	deallocate(uint32(sent>>32), 0)
}
