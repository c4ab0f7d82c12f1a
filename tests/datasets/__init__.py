"""Tests of what a command does with datasets."""
