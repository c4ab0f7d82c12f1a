"""A Partner Center of which nothing is known but single answers, as somebody else's simulator would give them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.handlers.stage import Stage

Answers = Mapping[str, object]
"""The answer to each `GET /path` below `/v1`, in any case: what `reply` takes, or a list of them, the last of which
stays."""


@dataclass
class Foreign:
    """Answers the paths that it was told of; the simulator answers all others."""

    inner: ASGIApp
    answers: dict[str, list[object]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = request.url.path.lower().removeprefix("/v1")
        query = f"?{request.url.query}" if request.url.query else ""
        known = next((each for each in (path + query.lower(), path) if f"{request.method} {each}" in self.answers), "")
        self.seen.append(f"{request.method} {path}{query}")
        if not known:
            await self.inner(scope, receive, send)
            return
        left = self.answers[f"{request.method} {known}"]
        await reply(left.pop(0) if len(left) > 1 else left[0])(scope, receive, send)


def reply(answer: object) -> Response:
    """The answer that bytes (a body), an object (as JSON), or a pair of status and one of these mean."""
    status, body = answer if isinstance(answer, tuple) else (200, answer)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(content, status, media_type="application/json; charset=utf-8")


def answering(stage: Stage, answers: Answers) -> Foreign:
    """Let these answers be given in place of the simulator's. Before the first command of the stage."""
    made = Foreign(stage.simulator.api)
    for name, given in answers.items():
        method, _, path = name.partition(" ")
        made.answers[f"{method} {path.lower()}"] = list(given) if isinstance(given, list) else [given]
    stage.simulator.api = made
    return made
