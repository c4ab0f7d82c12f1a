"""Tests of what the handlers of Azure plans share."""
