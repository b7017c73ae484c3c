; What the contracts assume of bits, for all words of 64 bits: z3 must answer unsat to each (run.py).
(declare-const x (_ BitVec 64))
(declare-const y (_ BitVec 64))
(declare-const n (_ BitVec 64))
(define-fun below_64 ((v (_ BitVec 64))) Bool (bvult v #x0000000000000040))

(push) (echo "shift_less") (assert (below_64 n)) (assert (not (bvule (bvlshr x n) x))) (check-sat) (pop)
(push) (echo "shift_order") (assert (and (below_64 n) (bvule x y))) (assert (not (bvule (bvlshr x n) (bvlshr y n)))) (check-sat) (pop)
