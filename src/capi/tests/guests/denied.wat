;; Reads /etc/motd, and traps whatever the reply.
(module
  (import "reglet_host" "fs_read" (func $read (param i64) (result i64)))
  (memory (export "memory") 1)
  (data (i32.const 16) "{\22name\22:\22denied\22,\22version\22:\221.0.0\22,\22description\22:\22Traps\22,\22capabilities\22:[]}")
  (data (i32.const 256) "{\22type\22:\22object\22}")
  (data (i32.const 512) "{\22path\22:\22/etc/motd\22}")
  (func (export "allocate") (param $size i32) (result i32) (i32.const 4096))
  (func (export "deallocate") (param i32 i32))
  (func (export "describe") (result i64) (i64.const 0x000000100000004b))
  (func (export "schema") (result i64) (i64.const 0x0000010000000011))
  (func (export "observe") (param i32 i32) (result i64)
    (drop (call $read (i64.const 0x0000020000000014)))
    unreachable))
