"""What a worker tells about itself: metrics, log lines, traces and readiness."""
