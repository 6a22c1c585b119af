;; Has the host make as many bytes as memory holds, for ever.
;; expect: observe() moved more than 33554432 bytes
;; moved bytes: 33554432
;; fuel: 100000000
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 512)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64) (loop $again (drop (call $random (i32.const 65536) (i32.const 0x1000000))) (br $again)) unreachable))
