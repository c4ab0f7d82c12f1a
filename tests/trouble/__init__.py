"""Trouble from outside, through whole workers: records that nobody should send, and failures of everything around.

Partner Center is down or throttles, tokens are refused, journal or broker are gone, a disk is full. Each test asks the
same: nothing is lost, no attempt is used up, the trouble is reported clearly, and the worker goes on by itself. Workers
live in virtual time (`tests.support.harness`); `test_real_parts` covers what only real servers can show. Workers that
die are in `tests/crash` and `tests/simulation`.
"""
