"""A Partner Center to practise against, written from the vendor's pages and from nothing else.

The simulator imports nothing of the worker: a mistake of either shows as a disagreement. ``ops.simulator.app.build``
makes a simulator in process, ``python -m ops.simulator`` starts one on loopback; ``README.md`` names every knob.

    app           build() and Simulator: the interface for tests
    server        sockets, TLS and dropped connections
    gateway       one request from its bytes to its answer
    delivery      how a fault changes the delivery of a request; ``faults`` says which request meets which fault
    admission     the quota and the memory of request ids; ``answer_oddities`` makes answers as odd as real ones
    identity      bearer tokens; ``token_endpoint`` hands them out in Entra's shapes
    controls      the second port: seed, read the books, advance time, inject faults
    state, world  the state of Partner Center, and its changes over time; ``books`` holds what happened, for tests
    resources/    one module per resource, each with its table of operations
"""
