;; A table begins with what does not fit into it.
;; expect: instantiation trapped: undefined element: out of bounds table access
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (table 1 funcref)
  (elem (i32.const 2) $observe)
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64) (i64.const 0x1000000000f)))
