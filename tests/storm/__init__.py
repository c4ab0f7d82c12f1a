"""Several workers on real parts with trouble around them: `python -m tests.storm`, or `make storm`.

`scenes` makes the trouble, `load` and `exports` send the commands meanwhile, `verdict` says what must be true
afterwards. `ground` holds the servers, `storm` one scene's topics, journal and workers, `network` a worker's own way to
its database. The shortest form of one scene is a test of every run (`test_storm`). The trouble that a single worker
must survive is in `tests/crash` and `tests/simulation`, in virtual time.
"""
