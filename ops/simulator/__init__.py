"""A Partner Center to practise against, written from the vendor's pages and from nothing else.

It imports nothing of the worker, so that the two can disagree. ``ops.simulator.app.build`` makes one to use in process,
``python -m ops.simulator`` starts one on loopback; ``README.md`` beside this file names every knob.

    app           build() and Simulator: what tests hold in their hands
    server        sockets, TLS and dropped connections
    gateway       one request from its bytes to its answer
    delivery      how faults change that way; ``faults`` says which request meets which fault
    identity      bearer tokens; ``token_endpoint`` hands them out in Entra's shapes
    controls      the second port: seed, look, advance time, inject faults
    state, world  what Partner Center knows, and what time does to it; ``books`` is what tests may ask afterwards
    resources/    one module per resource, each with its table of operations
"""
