"""What a section of settings is, and the sections that say where the worker is looked at."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from worker.settings.values import AnyCaseToLower, Port, Text


class Section(BaseModel):
    """Settings that share a prefix."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True)


class Http(Section):
    """AZPLAN_HTTP__*."""

    host: Text = Field(
        "127.0.0.1",
        description="`/livez`, `/readyz`, operator page. `/readyz` is 503 while the worker starts, stops, or has no "
        "journal or no broker; what a rollout cannot help (Partner Center, tokens, a pause, a poisoned partition) is "
        "200 with `degraded[]`",
    )
    port: Port = Field(8080, description="the same; 0 takes any free one")


class Metrics(Section):
    """AZPLAN_METRICS__*."""

    host: Text = Field("127.0.0.1", description="`/metrics`, from its own thread")
    port: Port = Field(9464, description="the same; 0 takes any free one")


class Log(Section):
    """AZPLAN_LOG__*."""

    level: Annotated[Literal["debug", "info", "warning", "error"], AnyCaseToLower] = Field(
        "info", description="`debug`, `info`, `warning` or `error`"
    )
    format: Annotated[Literal["auto", "console", "json"], AnyCaseToLower] = Field(
        "auto", description="`console`, `json`, or `auto`: console on a terminal, JSON lines elsewhere"
    )
