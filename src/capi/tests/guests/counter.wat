;; Counts its calls, up to 9, in memory.
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "{\22name\22:\22counter\22,\22version\22:\221.0.0\22,\22description\22:\22Counts\22,\22capabilities\22:[]}")
  (data (i32.const 256) "{\22type\22:\22object\22}")
  (data (i32.const 512) "{\22status\22:true,\22data\22:{\22calls\22:0}}")
  (func (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x000000100000004d))
  (func (export "schema") (result i64) (i64.const 0x0000010000000011))
  (func (export "observe") (param i32 i32) (result i64)
    (i32.store8 (i32.const 543) (i32.add (i32.load8_u (i32.const 543)) (i32.const 1)))
    (i64.const 0x0000020000000022)))
