;; Answers with its config as data: `fixtures/wat/echo.wat`, with room for large ones.
(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 4096))

  (data (i32.const 16) "{\22name\22:\22mirror\22,\22version\22:\221.0.0\22,\22capabilities\22:[]}")
  (data (i32.const 256) "{\22type\22:\22object\22}")
  (data (i32.const 512) "{\22Status\22:true,\22Error\22:null,\22Timestamp\22:\222026-01-01T00:00:00Z\22,\22Data\22:")

  (func $allocate (export "allocate") (param $size i32) (result i32)
    (local $ptr i32) (local $lack i32)
    (local.set $ptr (global.get $free))
    (global.set $free (i32.add (global.get $free) (local.get $size)))
    (local.set $lack (i32.sub (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $lack) (i32.const 0))
      (then (drop (memory.grow (i32.add (i32.div_u (local.get $lack) (i32.const 65536)) (i32.const 1))))))
    (local.get $ptr))
  (func (export "deallocate") (param i32 i32))

  (func $pack (param $ptr i32) (param $len i32) (result i64)
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
      (i64.extend_i32_u (local.get $len))))

  (func (export "describe") (result i64) (call $pack (i32.const 16) (i32.const 53)))
  (func (export "schema") (result i64) (call $pack (i32.const 256) (i32.const 17)))

  (func (export "observe") (param $config i32) (param $len i32) (result i64)
    (local $out i32)
    (local.set $out (call $allocate (i32.add (local.get $len) (i32.const 71))))
    (memory.copy (local.get $out) (i32.const 512) (i32.const 70))
    (memory.copy (i32.add (local.get $out) (i32.const 70)) (local.get $config) (local.get $len))
    (i32.store8 (i32.add (local.get $out) (i32.add (local.get $len) (i32.const 70))) (i32.const 125))
    (call $pack (local.get $out) (i32.add (local.get $len) (i32.const 71)))))
