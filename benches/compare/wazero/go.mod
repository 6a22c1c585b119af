module tollgate.invalid/peer

go 1.25

require github.com/tetratelabs/wazero v1.12.0
