"""What surrounds the worker and never ships in its wheel: the simulator, container and monitoring files, benches."""
