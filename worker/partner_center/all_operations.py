"""All operations. An operation is registered by being a constant of a module in `resources` or in a folder there."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import MappingProxyType
from typing import Any

from worker.partner_center import resources
from worker.partner_center.operation import Operation


@cache
def operations() -> Mapping[str, Operation[Any]]:
    """Every operation by its name, in the order of names. Raises ValueError if two operations have one name."""
    found: dict[str, Operation[Any]] = {}
    for module_info in walk_packages(resources.__path__, f"{resources.__name__}."):
        for value in vars(import_module(module_info.name)).values():
            if not isinstance(value, Operation):
                continue
            if found.setdefault(value.name, value) is not value:
                raise ValueError(f"two operations are named {value.name}: rename the one in {module_info.name}")
    return MappingProxyType(dict(sorted(found.items())))
