;; Counts the records of a delimited text, 64 bytes a step. See scan.ts for the contract.
;; Memory: page 0 holds the result record at 0; the input starts at 64.
;; state: 0 start of a field, 1 in an unquoted field, 2 in a quoted field, 3 just after a quote that may close
(module
  (memory (export "memory") 3)
  (global $state (export "state") (mut i32) (i32.const 0))
  (global $lines (export "lines") (mut i32) (i32.const 0))   ;; newlines outside quotes in the last call
  (global $blank (export "blank") (mut i32) (i32.const 0))   ;; of them, those that end an empty line
  (global $prev (export "prev") (mut i32) (i32.const 0))     ;; bit 0: last byte was a newline; bit 1: last two were newline, CR
  (global $nl (mut i32) (i32.const 10))
  (global $quote (mut i32) (i32.const 34))
  (global $delim (mut i32) (i32.const 44))

  ;; quote < 0: no quoting at all
  (func (export "reset") (param $newline i32) (param $q i32) (param $d i32)
    (global.set $nl (local.get $newline))
    (global.set $quote (local.get $q))
    (global.set $delim (local.get $d))
    (global.set $state (i32.const 0))
    (global.set $prev (i32.const 1)))

  ;; the state after a byte outside quotes that is no quote
  (func $stateBefore (param $at i32) (result i32)
    (local $byte i32)
    (local.set $byte (i32.load8_u (i32.sub (local.get $at) (i32.const 1))))
    (i32.eqz (i32.or (i32.eq (local.get $byte) (global.get $nl)) (i32.eq (local.get $byte) (global.get $delim)))))

  (func $scalar (param $at i32) (param $end i32)
    (local $byte i32) (local $state i32) (local $prev i32)
    (local.set $state (global.get $state))
    (local.set $prev (global.get $prev))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (block $classified
          (if (i32.eq (local.get $byte) (global.get $quote))
            (then
              ;; 0 -> 2, 1 -> 1, 2 -> 3, 3 -> 2
              (local.set $state
                (if (result i32) (i32.eq (local.get $state) (i32.const 1)) (then (i32.const 1))
                  (else (if (result i32) (i32.eq (local.get $state) (i32.const 2)) (then (i32.const 3)) (else (i32.const 2))))))
              (local.set $prev (i32.const 0))
              (br $classified)))
          (if (i32.eq (local.get $byte) (global.get $nl))
            (then
              (if (i32.ne (local.get $state) (i32.const 2))
                (then
                  (global.set $lines (i32.add (global.get $lines) (i32.const 1)))
                  (if (local.get $prev) (then (global.set $blank (i32.add (global.get $blank) (i32.const 1)))))
                  (local.set $state (i32.const 0))
                  (local.set $prev (i32.const 1)))
                (else (local.set $prev (i32.const 0))))
              (br $classified)))
          ;; a CR right after a newline keeps the line empty
          (local.set $prev
            (if (result i32) (i32.and (i32.eq (local.get $byte) (i32.const 13)) (i32.eq (local.get $prev) (i32.const 1)))
              (then (i32.const 2)) (else (i32.const 0))))
          (br_if $classified (i32.eq (local.get $state) (i32.const 2)))
          (local.set $state (i32.ne (local.get $byte) (global.get $delim))))
        (br $next)))
    (global.set $state (local.get $state))
    (global.set $prev (local.get $prev)))

  (func (export "scan") (param $at i32) (param $length i32)
    (local $end i32) (local $nlv v128) (local $qv v128) (local $dv v128) (local $crv v128)
    (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128)
    (local $st i32) (local $pr i32) (local $qt i32) (local $dl i32) (local $n i64) (local $q i64) (local $inside i64) (local $after i64) (local $last i32) (local $before i32) (local $qcv v128) (local $count i32) (local $isLate i32)
    (local.set $st (global.get $state)) (local.set $pr (global.get $prev)) (local.set $qt (global.get $quote)) (local.set $dl (global.get $delim))
    (global.set $lines (i32.const 0))
    (global.set $blank (i32.const 0))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (local.set $nlv (i8x16.splat (global.get $nl)))
    (local.set $qv (i8x16.splat (local.get $qt)))
    (local.set $dv (i8x16.splat (local.get $dl)))
    (local.set $crv (i8x16.splat (i32.const 13)))
    (local.set $qcv (if (result v128) (i32.ge_s (local.get $qt) (i32.const 0)) (then (local.get $qv)) (else (local.get $crv))))
    (block $done
      (loop $next
        (br_if $done (i32.gt_u (i32.add (local.get $at) (i32.const 64)) (local.get $end)))
        (local.set $v0 (v128.load (local.get $at)))
        (local.set $v1 (v128.load offset=16 (local.get $at)))
        (local.set $v2 (v128.load offset=32 (local.get $at)))
        (local.set $v3 (v128.load offset=48 (local.get $at)))
        (local.set $n (i64.or (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v0) (local.get $nlv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v1) (local.get $nlv)))) (i64.const 16))) (i64.shl (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v2) (local.get $nlv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v3) (local.get $nlv)))) (i64.const 16))) (i64.const 32))))
        ;; most steps: outside quotes, no quote, no CR and no empty line; the state then follows from the last byte, when it is asked for
        (if (i32.eqz (i32.or (i32.eq (local.get $st) (i32.const 2)) (i32.eq (local.get $pr) (i32.const 2))))
          (then
            (if (i64.eqz (i64.and (local.get $n) (i64.or (i64.shl (local.get $n) (i64.const 1)) (i64.extend_i32_u (local.get $pr)))))
              (then
                (if (i32.eqz (v128.any_true (v128.or (v128.or (v128.or (i8x16.eq (local.get $v0) (local.get $crv)) (i8x16.eq (local.get $v1) (local.get $crv))) (v128.or (i8x16.eq (local.get $v2) (local.get $crv)) (i8x16.eq (local.get $v3) (local.get $crv)))) (v128.or (v128.or (i8x16.eq (local.get $v0) (local.get $qcv)) (i8x16.eq (local.get $v1) (local.get $qcv))) (v128.or (i8x16.eq (local.get $v2) (local.get $qcv)) (i8x16.eq (local.get $v3) (local.get $qcv)))))))
                  (then
                    (local.set $count (i32.add (local.get $count) (i32.wrap_i64 (i64.popcnt (local.get $n)))))
                    (local.set $pr (i32.wrap_i64 (i64.shr_u (local.get $n) (i64.const 63))))
                    (local.set $isLate (i32.const 1))
                    (local.set $at (i32.add (local.get $at) (i32.const 64)))
                    (br $next)))))))
        (if (local.get $isLate)
          (then
            (local.set $st (call $stateBefore (local.get $at)))
            (local.set $isLate (i32.const 0))))
        (local.set $q (i64.const 0))
        (if (i32.ge_s (local.get $qt) (i32.const 0))
          (then (if (v128.any_true (v128.or (v128.or (i8x16.eq (local.get $v0) (local.get $qv)) (i8x16.eq (local.get $v1) (local.get $qv))) (v128.or (i8x16.eq (local.get $v2) (local.get $qv)) (i8x16.eq (local.get $v3) (local.get $qv))))) (then (local.set $q (i64.or (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v0) (local.get $qv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v1) (local.get $qv)))) (i64.const 16))) (i64.shl (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v2) (local.get $qv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v3) (local.get $qv)))) (i64.const 16))) (i64.const 32))))))))
        (block $slow
          (if (i64.ne (local.get $q) (i64.const 0))
            (then
              (local.set $inside (i64.xor (local.get $q) (i64.shl (local.get $q) (i64.const 1))))
              (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 2))))
              (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 4))))
              (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 8))))
              (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 16))))
              (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 32))))
              (if (i32.eq (local.get $st) (i32.const 2)) (then (local.set $inside (i64.xor (local.get $inside) (i64.const -1)))))
              ;; a quote may open only at a field's start, or be the second of two
              (local.set $after
                (i64.or
                  (i64.shl
                    (i64.or (local.get $q) (i64.or (local.get $n) (i64.or (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v0) (local.get $dv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v1) (local.get $dv)))) (i64.const 16))) (i64.shl (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v2) (local.get $dv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v3) (local.get $dv)))) (i64.const 16))) (i64.const 32)))))
                    (i64.const 1))
                  (i64.extend_i32_u (i32.ne (local.get $st) (i32.const 1)))))
              (br_if $slow (i64.ne (i64.const 0)
                (i64.and (i64.and (local.get $q) (local.get $inside)) (i64.xor (local.get $after) (i64.const -1)))))
              (local.set $n (i64.and (local.get $n) (i64.xor (local.get $inside) (i64.const -1)))))
            (else
              (local.set $inside (i64.sub (i64.const 0) (i64.extend_i32_u (i32.eq (local.get $st) (i32.const 2)))))
              (local.set $n (i64.and (local.get $n) (i64.xor (local.get $inside) (i64.const -1))))))
          ;; an empty line: a newline after a newline, or after newline and CR
          (local.set $after (i64.or (i64.shl (local.get $n) (i64.const 1)) (i64.extend_i32_u (i32.eq (local.get $pr) (i32.const 1)))))
          (if (i64.ne (local.get $n) (i64.const 0))
            (then
              ;; rare: the exact machine looks at this step
              (br_if $slow (i64.ne (i64.const 0) (i64.and (local.get $after) (local.get $n))))
              (br_if $slow (i32.eq (local.get $pr) (i32.const 2)))
              (if (v128.any_true (v128.or (v128.or (i8x16.eq (local.get $v0) (local.get $crv)) (i8x16.eq (local.get $v1) (local.get $crv))) (v128.or (i8x16.eq (local.get $v2) (local.get $crv)) (i8x16.eq (local.get $v3) (local.get $crv)))))
                (then (br_if $slow (i64.ne (i64.const 0) (i64.and (local.get $after) (i64.or (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v0) (local.get $crv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v1) (local.get $crv)))) (i64.const 16))) (i64.shl (i64.or (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v2) (local.get $crv)))) (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $v3) (local.get $crv)))) (i64.const 16))) (i64.const 32))))))))))
          (global.set $lines (i32.add (global.get $lines) (i32.wrap_i64 (i64.popcnt (local.get $n)))))
          (local.set $last (i32.load8_u offset=63 (local.get $at)))
          (local.set $before (i64.ne (i64.const 0) (i64.and (local.get $n) (i64.const 0x4000000000000000))))
          (local.set $pr
            (if (result i32) (i64.lt_s (local.get $n) (i64.const 0)) (then (i32.const 1))
              (else (i32.shl (i32.and (local.get $before) (i32.eq (local.get $last) (i32.const 13))) (i32.const 1)))))
          (local.set $st
            (if (result i32) (i64.lt_s (local.get $inside) (i64.const 0)) (then (i32.const 2))
              (else (if (result i32) (i64.lt_s (local.get $n) (i64.const 0)) (then (i32.const 0))
                (else (if (result i32) (i32.eq (local.get $last) (local.get $dl)) (then (i32.const 0))
                  (else (if (result i32) (i64.lt_s (local.get $q) (i64.const 0)) (then (i32.const 3)) (else (i32.const 1))))))))))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br $next))
        (global.set $state (local.get $st)) (global.set $prev (local.get $pr))
        (call $scalar (local.get $at) (i32.add (local.get $at) (i32.const 64)))
        (local.set $st (global.get $state)) (local.set $pr (global.get $prev))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next)))
    (if (local.get $isLate) (then (local.set $st (call $stateBefore (local.get $at)))))
    (global.set $lines (i32.add (global.get $lines) (local.get $count)))
    (global.set $state (local.get $st)) (global.set $prev (local.get $pr))
    (call $scalar (local.get $at) (local.get $end)))
)
