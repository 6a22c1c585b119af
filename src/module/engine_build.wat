;; Shows how the engine was compiled: `spin` takes time, and `grow` takes native stack for each turn where
;; handlers call each other. It runs as it is; a plugin's module would be written anew before.
(module
  (import "self" "probe" (func $probe))
  (memory 1)
  (func (export "spin") (param $turns i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (local.get $turns)))
      (br_if $again (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
    (local.get $sum))
  ;; By $more pages, which is 0; the engine folds a constant 0.
  (func (export "grow") (param $turns i32) (param $more i32)
    (loop $again
      (drop (memory.grow (local.get $more)))
      (call $probe)
      (br_if $again (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))))
