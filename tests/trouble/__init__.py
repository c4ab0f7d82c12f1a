"""Trouble from outside, through whole workers: records that nobody should send, and everything around that fails.

Partner Center down or throttling, tokens refused, journal or broker gone, a disk that is full. What is asked each time
is the same: nothing lost, no attempt burnt, said clearly, and gone on by itself. Workers live in virtual time
(`tests.support.harness`); `test_real_parts` shows what only real servers can show. Workers that die are in
`tests/crash` and `tests/simulation`.
"""
