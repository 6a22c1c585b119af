;; What `fixtures/wat/echo.wat`, `mirror.wat` and `ask.wat` do, written for Extism: the kernel's
;; memory instead of pointers into the guest's.
(module
  (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "free" (func $free (param i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/user" "echo" (func $echo (param i64) (result i64)))
  (memory (export "memory") 2)

  (data (i32.const 16) "{\22name\22:\22echo\22,\22version\22:\221.0.0\22,\22description\22:\22Answers with its config\22,\22capabilities\22:[]}")
  (data (i32.const 1024) "{\22key\22:\22services/web/port\22,\22tags\22:[\22a\22,\22b\22,\22c\22],\22limit\22:100,\22exact\22:true,\22note\22:\2217 bytes of text.\22}")

  ;; A block of the kernel's with a copy of some bytes in it.
  (func $copy (param $ptr i32) (param $len i32) (result i64)
    (local $block i64) (local $at i32)
    (local.set $block (call $alloc (i64.extend_i32_u (local.get $len))))
    (loop $again
      (call $store_u8
        (i64.add (local.get $block) (i64.extend_i32_u (local.get $at)))
        (i32.load8_u (i32.add (local.get $ptr) (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $at) (local.get $len))))
    (local.get $block))

  (func (export "describe") (result i32)
    (call $output_set (call $copy (i32.const 16) (i32.const 91)) (i64.const 91))
    (i32.const 0))

  ;; Answers with its input, where it lies.
  (func (export "observe") (result i32)
    (call $output_set (call $input_offset) (call $input_length))
    (i32.const 0))

  (func (export "ask") (result i32)
    (local $left i32) (local $request i64) (local $reply i64)
    (local.set $request (call $copy (i32.const 1024) (i32.const 100)))
    (local.set $left (i32.const 10000))
    (loop $again
      (local.set $reply (call $echo (local.get $request)))
      (if (i64.ne (call $length (local.get $reply)) (i64.const 100)) (then unreachable))
      (call $free (local.get $reply))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $output_set (call $input_offset) (call $input_length))
    (i32.const 0)))
