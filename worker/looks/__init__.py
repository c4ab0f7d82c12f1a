"""When a waiting command looks again: pure decisions.

`awaited` is the data about one thing that is waited for, `lag_distribution` how likely it has shown after some time,
and `next_look` the choice of the instant of the next look.
"""
