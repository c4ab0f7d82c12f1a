"""What each command does: one module per command, registered by being here. Each reads from the top like a story.

A handler is called again from the top whenever its command gets a turn, so it looks at the world first and writes only
through `ctx.step`. What several of them need is in `worker.azure_plans`; none imports another.
"""
