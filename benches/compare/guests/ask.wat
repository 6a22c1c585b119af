;; Calls a host function 10 000 times with the same 100 bytes of JSON, and takes as many back.
(module
  (import "bench" "echo" (func $echo (param i64) (result i64)))
  (memory (export "memory") 2)

  (data (i32.const 16) "{\22name\22:\22ask\22,\22version\22:\221.0.0\22,\22capabilities\22:[]}")
  (data (i32.const 256) "{\22type\22:\22object\22}")
  (data (i32.const 512) "{\22Status\22:true,\22Error\22:null,\22Timestamp\22:\222026-01-01T00:00:00Z\22,\22Data\22:{}}")
  ;; 100 bytes
  (data (i32.const 1024) "{\22key\22:\22services/web/port\22,\22tags\22:[\22a\22,\22b\22,\22c\22],\22limit\22:100,\22exact\22:true,\22note\22:\2217 bytes of text.\22}")

  ;; One buffer for everything: the last reply may be overwritten by the next.
  (func (export "allocate") (param $size i32) (result i32) (i32.const 65536))
  (func (export "deallocate") (param i32 i32))

  (func $pack (param $ptr i32) (param $len i32) (result i64)
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
      (i64.extend_i32_u (local.get $len))))

  (func (export "describe") (result i64) (call $pack (i32.const 16) (i32.const 50)))
  (func (export "schema") (result i64) (call $pack (i32.const 256) (i32.const 17)))

  (func (export "observe") (param $config i32) (param $len i32) (result i64)
    (local $left i32)
    (local.set $left (i32.const 10000))
    (loop $again
      ;; A reply of another length is a reason to stop.
      (if (i32.ne (i32.wrap_i64 (call $echo (call $pack (i32.const 1024) (i32.const 100)))) (i32.const 100))
        (then unreachable))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $pack (i32.const 512) (i32.const 73))))
