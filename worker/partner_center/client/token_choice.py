"""Which access token a call takes: the application's or a user's, of which service and tenant."""

from typing import Any

from worker.partner_center.answers.customer_access import LOCKED_OUT, need_access
from worker.partner_center.answers.graph_access import NEED_PERMISSION
from worker.partner_center.client.state_shared_by_calls import AccountState
from worker.partner_center.client.token_requests import NoToken
from worker.partner_center.client.tokens import AccessToken, TokenSource
from worker.partner_center.errors import NotPermitted, TokenUnavailable
from worker.partner_center.operation import Api, Auth, Operation


class TokenChoice:
    """The tokens of one account, for calls."""

    def __init__(self, state: AccountState) -> None:
        self._state = state

    def permits(self, operation: Operation[Any]) -> bool:
        """Whether there can be a token for the operation: it needs no user, or the account has one."""
        return self._state.tokens.user is not None or not self._needs_user(operation)

    def source(self, operation: Operation[Any], tenant: str | None) -> TokenSource:
        """The application's tokens if the operation takes them: a user's token depends on a sign-in that can expire.

        `tenant`: the customer's tenant, if the token must be one of that tenant. Raises `NotPermitted` without a user.
        """
        tokens, at_graph = self._state.tokens, operation.api is Api.GRAPH
        if not self._needs_user(operation):
            return tokens.graph_app if at_graph else tokens.app
        if tokens.user is None or tokens.graph_user is None:
            what = f"it takes a user's token (app+user), and the account {self._state.account} has no refresh token"
            raise NotPermitted(operation.name, what)
        if at_graph:
            return tokens.graph_user
        return tokens.user if tenant is None else tokens.of_customer(tenant)

    async def get(self, operation: Operation[Any], source: TokenSource, refused: AccessToken | None) -> AccessToken:
        """A token of this source, another one than the refused one. Raises `TokenUnavailable`.

        Raises `NotPermitted` where the authority does not let the user call this service: a person must grant it.
        """
        try:
            return await (source.get() if refused is None else source.replace(refused))
        except NoToken as error:
            of_user = operation.arm is not None or source is self._state.tokens.graph_user
            if error.trouble.kind in LOCKED_OUT and of_user:
                raise self._locked_out(operation, error) from None
            unavailable = TokenUnavailable(operation.name, error.reason, error.delay)
            unavailable.advice = error.trouble.advice
            raise unavailable from None

    def turn_to_user(self, operation: Operation[Any], refused: TokenSource) -> bool:
        """After 900329, or where the application lacks a permission: use a user's token for this operation from now on.

        True if the call can be tried again. Where Microsoft Graph refuses both, the application's is tried next time:
        somebody may grant the permission to either.
        """
        state = self._state
        if operation.api is Api.GRAPH and (state.tokens.user is None or refused is state.tokens.graph_user):
            state.user_only.discard(operation.name)
            return False
        if operation.auth is not Auth.EITHER or operation.name in state.user_only:
            return False
        state.user_only.add(operation.name)
        return state.tokens.user is not None

    def _needs_user(self, operation: Operation[Any]) -> bool:
        return operation.auth is Auth.USER or operation.name in self._state.user_only

    def _locked_out(self, operation: Operation[Any], error: NoToken) -> NotPermitted:
        if operation.arm is None:
            self._state.user_only.discard(operation.name)
            whose, advice = "for Microsoft Graph", NEED_PERMISSION
        else:
            whose, advice = "of the customer's tenant", need_access(error.trouble.kind, operation.arm)
        no = NotPermitted(operation.name, f"no token {whose}: {error.reason}", code=error.trouble.kind)
        no.advice = advice
        return no
