"""The handlers: one module per command, registered by being here. Each reads from the top like a story.

A handler runs from the top at every turn of its command: it looks first, and writes only through `ctx.step`. What
several handlers share is in `worker.azure_plans`. No handler imports another.
"""
