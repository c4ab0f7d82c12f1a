"""What a call to Partner Center can raise.

CallError
├── Refused             a definite no of Partner Center itself: nothing was executed
├── Unanswered          it may have arrived, and may have been executed; so is an answer that says nothing
├── NeverSent           it certainly never left
├── Throttled           too many requests, theirs to say or ours; nothing was executed
├── Unavailable         the circuit is open; nothing was sent
├── TokenUnavailable    no access token, or Partner Center does not take it; nothing was executed
├── NotPermitted        it takes a user's token, and there is none
└── GateClosed          this worker may not send it any more; nothing was sent

None of the texts holds a token, a secret or a body.
"""


class CallError(Exception):
    """A call that brought no value. Says which, and what a person pastes into a support ticket."""

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
        """Partner Center's own text where there is one, else ours. At most 1 024 characters, no control characters."""
        self.status = status
        """HTTP status, or None where no answer came."""
        self.code = code
        """Partner Center's error code as text, or None."""
        self.request_id = request_id
        """The MS-RequestId that was sent, or None where nothing was."""
        self.correlation_id = correlation_id
        """The MS-CorrelationId that was sent, or None where nothing was."""
        self.retry_now = retry_now
        """Whether repeating it at once does no harm and may help."""
        self.outage: float | None = None
        """Seconds to stay away where nobody is answered just now, so that it is no attempt; None where others are."""
        answer = " ".join(part for part in (status and str(status), code and f"code {code}") if part)
        super().__init__(f"{operation}: {answer}: {description}" if answer else f"{operation}: {description}")


class Refused(CallError):
    """A definite no: a 4xx, or a fault inside a 2xx, with a code of Partner Center's own. Nothing was executed."""


class Unanswered(CallError):
    """It may have arrived: a time-out after sending, a lost connection, 5xx, an answer that says nothing."""

    in_doubt = True
    unreadable = False
    """Whether something answered, and not in HTTP that can be read."""

    @property
    def is_foreign(self) -> bool:
        """Whether there was an answer, and not of Partner Center's own: a gateway's page, an empty 404, a cut body."""
        return self.unreadable or (self.status is not None and self.status < 500)


class NeverSent(CallError):
    """It certainly never left: no address, no connection, no TLS."""

    trouble = "connect"
    """Why, as a kind of `worker.partner_center.client.trouble`."""


class Delayed(CallError):
    """Trying again before `delay` seconds have passed is of no use. Not an attempt.

    Nothing was executed, but where `in_doubt`: then a write met a 401 or 429 that Partner Center did not write itself.
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
    """Partner Center said 429, or our own ceiling for this resource family is reached."""


class Unavailable(Delayed):
    """The circuit of this account and resource family is open, because Partner Center does not answer there."""


class TokenUnavailable(Delayed):
    """The authority gives no token, or Partner Center refused a fresh one (401)."""

    advice = ""
    """What a person does about it."""


class NotPermitted(CallError):
    """The operation takes a user's token (app+user), and there is none: not configured, or refused (403, 900329)."""


class GateClosed(CallError):
    """Raised by `Run.gate`: the lane was lost, the deadline has passed, or it is too late after the intent."""
