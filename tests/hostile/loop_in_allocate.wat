;; While the host waits for a buffer.
;; expect: the plugin ran out of fuel while receiving its config
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "{\22name\22:\22odd\22,\22version\22:\221\22}")
  (data (i32.const 256) "{\22status\22:true}")
  (func $allocate (export "allocate") (param $size i32) (result i32) (loop $again (br $again)) unreachable)
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x100000001c))
  (func $observe (export "observe") (param $config i32) (param $len i32) (result i64) (i64.const 0x1000000000f)))
