;; Evidence that is as long as memory has room for, all of it zeros.
;; expect: 104857600 bytes
;; memory: 128
(module
  (memory (export "memory") 1700)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64) (i64.const 0x0000010006400000)))
