"""Tests of the Partner Center client: requests, answers, failures."""
