;; Contains the instruction in which the engine could not be interrupted.
;; expect: observe() did not finish within its deadline of 10 ms
;; deadline: 10
;; fuel: unlimited
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (table 1 funcref)
  (func $allocate (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64)
    (drop (table.grow (ref.null func) (i32.const 1)))
    (loop $again (br $again)) unreachable))
