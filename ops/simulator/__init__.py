"""A Partner Center to practise against, written from the vendor's pages and from nothing else.

The simulator imports nothing of the worker: a mistake of either shows as a disagreement.
``ops.simulator.simulator.build`` makes a simulator in process, ``python -m ops.simulator`` starts one on loopback;
``README.md`` names every knob.

    simulator     build() and Simulator: the interface for tests
    server        sockets, TLS and dropped connections
    controls      the second port: seed, read the books, advance time, inject faults
    state, world  the state of Partner Center, and its changes over time; ``books`` holds what happened, for tests
    delivery      how a fault changes the delivery of a request; ``faults`` says which request meets which fault
    requests/     one request from its bytes to its answer: gateway, quota, memory of request ids, odd answers
    sign_in/      bearer tokens, and the token endpoints that hand them out in Entra's shapes
    commerce/     products, the rules of a purchase, and the progress of orders and upgrades
    resources/    one module per resource, each with its table of operations
"""
