//go:build !wasip1

// What takes the place of the host on other systems, beside abi.go, so that tests run there.

package main

func exchange(func(uint64) uint64, []byte) ([]byte, error) {
	return nil, &Detail{Type: ErrorInternal, Message: "not inside a host"}
}

func send(func(uint64), []byte) {}

// begin generated functions

func fsRead(uint64) uint64 { return 0 }

func fsStat(uint64) uint64 { return 0 }

func fsList(uint64) uint64 { return 0 }

func fsWrite(uint64) uint64 { return 0 }

func envGet(uint64) uint64 { return 0 }

func netConnect(uint64) uint64 { return 0 }

func tcpConnect(uint64) uint64 { return 0 }

func execRun(uint64) uint64 { return 0 }

func httpRequest(uint64) uint64 { return 0 }

func dnsLookup(uint64) uint64 { return 0 }

func smtpConnect(uint64) uint64 { return 0 }

func lastDenial(uint64) uint64 { return 0 }

func logMessage(uint64) {}

// end generated functions
