;; Moves as much as it can by as little as it can.
;; expect: observe() ran out of fuel
(module
  (memory (export "memory") 512)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64) (loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x2000000)) (br $again)) unreachable))
