"""Tests of the parts that the handlers of Azure plans share."""
