"""A Partner Center and an Azure Resource Manager to practise against, from the vendor's pages and nothing else.

The simulator imports nothing of the worker: a mistake of either shows as a disagreement.
``ops.simulator.simulator.build`` makes a simulator in process, ``python -m ops.simulator`` starts one on loopback;
``README.md`` names every knob.

    simulator     build() and Simulator: the interface for tests
    server        sockets, TLS and dropped connections
    controls      the second port: seed, read the books, advance time, inject faults
    operations    every operation of Partner Center and of Azure Resource Manager
    state, world  the state of Partner Center, and its changes over time; ``reserved`` holds reservations and their
                  returns, ``books`` what happened, for tests
    delivery      how a fault changes the delivery of a request; ``faults`` says which request meets which fault
    requests/     one request from its bytes to its answer: gateway, quota, memory of request ids, odd answers
    sign_in/      bearer tokens, and the token endpoints that hand them out in Entra's shapes
    commerce/     products, the rules of a purchase and of a refund, and what time makes of what was begun
    resources/    one module per resource of Partner Center, each with its table of operations
    resource_manager/  Azure Resource Manager, which has a host, tokens and errors of its own
"""
