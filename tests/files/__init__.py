"""Tests of files: layout, manifests, destinations."""
