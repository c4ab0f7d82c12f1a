"""Several workers on real parts, and what goes wrong around them: `python -m tests.storm`, or `make storm`.

`scenes` says what happens, `load` what is asked for meanwhile, `verdict` what must be true afterwards. `ground` holds
the servers, `storm` one scene's topics, journal and workers, `network` a worker's own way to its database. The shortest
form of one scene is a test of every run (`test_storm`). What a single worker must survive is in `tests/crash` and
`tests/simulation`, in virtual time.
"""
