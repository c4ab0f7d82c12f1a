-------------------------------- MODULE Check --------------------------------
(* The stories that Lane.tla is checked on: each brings out some promises, and is small enough to be searched whole. *)
EXTENDS Lane, TLC

CONSTANTS a, again, b  \* two takes of one process, and one of another

TwoTakes   == {a, b}
ThreeTakes == {a, again, b}
ProcessOf(some) == [t \in some |-> IF t = b THEN "B" ELSE "A"]
OfTwo   == ProcessOf(TwoTakes)
OfThree == ProcessOf(ThreeTakes)
AnyOfTwo   == Permutations({a, b})
AnyOfThree == Permutations({a, again})

Twice        == <<"create", "create">>
ThereAndBack == <<"create", "suspend", "reactivate">>
=============================================================================
