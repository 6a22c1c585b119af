;; A request that is all of a large memory, full of brackets.
;; expect: answered
(module
  (import "reglet_host" "fs_read" (func $ask (param i64) (result i64)))
  (memory (export "memory") 1600)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64)
    (memory.fill (i32.const 65536) (i32.const 91) (i32.const 100000000))
    (drop (call $ask (i64.const 0x0001000005f5e100)))
    (i64.const 0x1000000000f)))
