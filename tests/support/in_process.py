"""Answers of an application in the same process, in the forms that the client's transport returns."""

import httpx

from worker.partner_center.client.transport import Reply


def whole(response: httpx.Response) -> Reply:
    """The whole answer."""
    names = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, response.reason_phrase, names, response.content)


def again(response: httpx.Response) -> httpx.Response:
    """The same answer, whose body is still to be read."""
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, stream=httpx.ByteStream(response.content))
