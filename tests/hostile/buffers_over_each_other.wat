;; A thousand buffers that are all of memory: the sum is far more than there is.
;; expect: observe() moved more than 16777216 bytes
;; moved bytes: 16777216
;; fuel: 100000000
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $print (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 160)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64)
    (local $at i32)
    (loop $next
    (i32.store (i32.add (i32.const 65536) (local.get $at)) (i32.const 131072))
    (i32.store (i32.add (i32.const 65540) (local.get $at)) (i32.const 10000000))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 8192))))
    (loop $again (drop (call $print (i32.const 1) (i32.const 65536) (i32.const 1024) (i32.const 1032))) (br $again))
    unreachable))
