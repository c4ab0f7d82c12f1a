"""A group of verbs that lists where no verb is named: `azplan customers` is `azplan customers list`."""

from typing import Any

from typer.core import TyperGroup


class ListByDefault(TyperGroup):
    """A group whose verb `list` may be left out, also before options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Add the verb that may be left out."""
        is_list = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if is_list else args)
