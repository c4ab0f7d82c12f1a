"""Errors that a call of Partner Center raises.

CallError
├── Refused             Partner Center itself refused: nothing was executed
│   └── Gone            what the address names has ended (410)
├── Unanswered          the request may have been executed: no answer, or an answer that Partner Center did not write
├── NeverSent           the request certainly never left
├── Throttled           too many requests, by Partner Center's count or ours; nothing was executed
├── Unavailable         the circuit is open; nothing was sent
├── TokenUnavailable    no access token, or Partner Center refuses it; nothing was executed
├── SignatureRefused    storage does not take the signed address, which may have expired; nothing was executed
├── HostRefused         azplan asks only the hosts of its settings, with https, and follows no redirect
├── NotPermitted        no user's token, or the user lacks a role at the customer; nothing was executed
└── GateClosed          this worker may not send the request any more; nothing was sent

No text holds a token, a secret or a body.
"""


class CallError(Exception):
    """A call without a value. Holds the operation, and the ids that a support ticket asks for."""

    in_doubt = False
    """Whether the request may have been executed all the same."""

    def __init__(
        self,
        operation: str,
        description: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        correlation_id: str | None = None,
        retry_now: bool = False,
    ) -> None:
        self.operation = operation
        """Name of the operation."""
        self.description = description
        """Partner Center's own text, else a text of azplan. At most 1 024 characters, no control characters."""
        self.status = status
        """HTTP status. None if no answer came."""
        self.code = code
        """Partner Center's error code as text. None if there is none."""
        self.request_id = request_id
        """The MS-RequestId that was sent, or the id that Azure Storage answered. None if there is neither."""
        self.correlation_id = correlation_id
        """The MS-CorrelationId that was sent. None if nothing was sent."""
        self.retry_now = retry_now
        """Whether repeating the request at once does no harm and may help."""
        self.outage: float | None = None
        """Seconds to wait, if Partner Center answers nobody at present: the failure is then no attempt. Else None."""
        answer = " ".join(part for part in (status and str(status), code and f"code {code}") if part)
        super().__init__(f"{operation}: {answer}: {description}" if answer else f"{operation}: {description}")


class Refused(CallError):
    """Partner Center refused: a 4xx, or an error inside a 2xx, with a code of its own. Nothing was executed."""


class Gone(Refused):
    """What the address names is not there any more (410), such as an export that has expired."""


class SignatureRefused(CallError):
    """Storage refused a signed address (403): in most cases its time is over, and there is a new one to be had."""


class HostRefused(CallError):
    """The address of a file is one that azplan does not ask: another host, not https, or a redirect."""


class Unanswered(CallError):
    """The request may have been executed: a time-out after sending, a lost connection, 5xx, or a foreign answer."""

    in_doubt = True
    unreadable = False
    """Whether an answer came that is not readable HTTP."""

    @property
    def is_foreign(self) -> bool:
        """Whether the answer is not a whole one of Partner Center: a gateway's page, an empty 404, a cut body."""
        return self.unreadable or (self.status is not None and self.status < 500)


class NeverSent(CallError):
    """The request certainly never left: no address, no connection, or no TLS."""

    trouble = "connect"
    """The reason, as a kind of `worker.partner_center.client.trouble_explanations`."""


class Delayed(CallError):
    """Trying again before `delay` seconds have passed is useless. Does not count as an attempt.

    Nothing was executed, unless `in_doubt`: then a write got a 401 or 429 that Partner Center did not write itself.
    """

    def __init__(
        self,
        operation: str,
        description: str,
        delay: float,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        correlation_id: str | None = None,
        in_doubt: bool = False,
    ) -> None:
        super().__init__(
            operation,
            description,
            status=status,
            code=code,
            request_id=request_id,
            correlation_id=correlation_id,
        )
        self.delay = delay
        """Seconds."""
        self.in_doubt = in_doubt


class Throttled(Delayed):
    """Partner Center answered 429, or the account's own ceiling for this resource family is reached."""


class Unavailable(Delayed):
    """The circuit of this account and resource family is open: Partner Center does not answer requests for it."""


class TokenUnavailable(Delayed):
    """The token authority gives no token, or Partner Center refused a fresh one (401)."""

    advice = ""
    """What a person has to do."""


class NotPermitted(CallError):
    """The user may not do this, or there is no user: nothing was executed.

    The operation takes a user's token (app+user) and none is configured, or Partner Center demands one (900329). Or
    the customer's tenant gives azplan no token, or the user has no role for the operation there.
    """

    advice = ""
    """What a person has to do, if that is not to configure a user's token."""


class GateClosed(CallError):
    """Raised by `Run.gate`: the lane was lost, the deadline has passed, or the intent is too old."""
