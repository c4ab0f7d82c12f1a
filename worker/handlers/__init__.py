"""The handlers: one module per command, registered by being here. Each reads from the top like a story.

A handler runs from the top in every run of its command: it looks first, and writes only through `ctx.step`. Parts that
several handlers share are in `worker.azure_plans` and `worker.customers`. No handler imports another.
"""
