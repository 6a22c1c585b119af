;; All of its memory from 8 on, which begins with zeros and is no text.
;; expect: returned something that is not JSON
(module
  (memory (export "memory") 16)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64) (i64.const 0x80000ff00)))
