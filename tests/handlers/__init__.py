"""Each command against a Partner Center in the same process: a command in, its events and Partner Center's books out.

The journal, the dispatch, the client and the simulator are the real ones. Only sockets are left out, and hours of
waiting pass in virtual time.
"""
