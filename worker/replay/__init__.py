"""Doing things again without doing them twice: plans of replays, and journals built anew.

`decisions`, `expectation` and `pace` are pure. `selection` reads topics and journal, `planning` makes a plan of what it
found, `applying` carries a plan out, `rebuild` brings a journal up to the topics. `worker.journal.plans` keeps plans.
Nothing here calls Partner Center: what is to be done again is asked of the worker that owns the command's lane.
"""
