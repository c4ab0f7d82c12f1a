"""Partner Center, Azure Resource Manager and Microsoft Graph to practise against, from the vendor's pages alone.

The simulator imports nothing of the worker: a mistake of either shows as a disagreement.
``ops.simulator.simulator.build`` makes a simulator in process, ``python -m ops.simulator`` starts one on loopback;
``README.md`` names every knob.

    simulator     build() and Simulator: the interface for tests
    server        sockets, TLS and dropped connections
    controls      the second port: seed, read the books, advance time, inject faults
    operations    every operation of Partner Center, of Azure Resource Manager and of Microsoft Graph
    state, world  the state of Partner Center, and its changes over time; ``reserved`` holds reservations and their
                  returns, ``books`` what happened, for tests
    delivery      how a fault changes the delivery of a request; ``faults`` says which request meets which fault
    requests/     one request from its bytes to its answer: gateway, quota, memory of request ids, odd answers
    sign_in/      bearer tokens, and the token endpoints that hand them out in Entra's shapes
    commerce/     products, the rules of a purchase and of a refund, and what time makes of what was begun
    resources/    one module per resource of Partner Center, each with its table of operations
    billing/      usage, invoices and their documents, the figures of their lines, and the blobs of exports
    invoice_lines/  lines of invoices as functions of their number, and as text
    graph/        Microsoft Graph, which exports lines; ``storage/`` hands out the blobs of exports
    resource_manager/  Azure Resource Manager, which has a host, tokens and errors of its own
"""
