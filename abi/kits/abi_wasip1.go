// The exports of a tollgate plugin in Go and its imports, beside abi.go.

package main

import (
	"bytes"
	"math/bits"
	"unsafe"
)

// Buffers that the host or the plugin still reads, by address, so that no collector takes them.
var buffers = map[uint32][]byte{}

// Buffers to be used again, by the logarithm of their size: the collector does not run between
// calls of exports, so what is dropped here stays.
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

//go:wasmimport reglet_host fs_read
func fsRead(request uint64) uint64

//go:wasmimport reglet_host fs_stat
func fsStat(request uint64) uint64

//go:wasmimport reglet_host fs_list
func fsList(request uint64) uint64

//go:wasmimport reglet_host fs_write
func fsWrite(request uint64) uint64

//go:wasmimport reglet_host env_get
func envGet(request uint64) uint64

//go:wasmimport reglet_host net_connect
func netConnect(request uint64) uint64

//go:wasmimport reglet_host tcp_connect
func tcpConnect(request uint64) uint64

//go:wasmimport reglet_host http_request
func httpRequest(request uint64) uint64

//go:wasmimport reglet_host dns_lookup
func dnsLookup(request uint64) uint64

//go:wasmimport reglet_host smtp_connect
func smtpConnect(request uint64) uint64

//go:wasmimport reglet_host exec_run
func execRun(request uint64) uint64

//go:wasmimport reglet_host log_message
func logMessage(request uint64)

func init() {
	functions := map[string]func(uint64) uint64{
		"fs_read": fsRead, "fs_stat": fsStat, "fs_list": fsList, "fs_write": fsWrite,
		"env_get": envGet, "net_connect": netConnect, "tcp_connect": tcpConnect,
		"http_request": httpRequest, "dns_lookup": dnsLookup, "smtp_connect": smtpConnect,
		"exec_run":    execRun,
		"log_message": func(request uint64) uint64 { logMessage(request); return 0 },
	}
	Host = func(function string, request []byte) ([]byte, error) {
		call, ok := functions[function]
		if !ok {
			return nil, &Detail{Type: "internal", Message: "there is no host function " + function}
		}
		sent := hand(request)
		packed := call(sent)
		deallocate(uint32(sent>>32), 0)
		pointer, length, ok := Unpack(packed)
		if function == "log_message" {
			return nil, nil
		}
		reply, known := buffers[pointer]
		if !ok || !known || int(length) > len(reply) {
			return nil, &Detail{Type: "internal", Message: "the host sent no reply"}
		}
		answer := bytes.Clone(reply[:length])
		deallocate(pointer, length)
		return answer, nil
	}
}
