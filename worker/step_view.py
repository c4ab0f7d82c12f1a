"""What a command remembers of one of its steps, over all its runs and stories."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from worker.journal.records import Json, Step, StepState, Work

Result = dict[str, Json]
"""What the answer to a step's request gave, as it stands in the journal."""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a command. Each property reads the command's present steps: the answer changes with each write.

    A state has a step in each story of the command, because each story has to bring the state about. Orphans and money
    have one step over all stories.
    """

    work: Work
    name: str

    @property
    def was_sent(self) -> bool:
        """Whether an intent of this step was ever written, in any story: a request may have left.

        Stays True where Partner Center refused the request and where the gate held it back.
        """
        return bool(self.names)

    @property
    def is_applied(self) -> bool:
        """Whether Partner Center took the request of the present story: it is not sent again in this story."""
        return self._is_in(self.present, StepState.APPLIED)

    @property
    def may_have_happened(self) -> bool:
        """Whether a request of this step, of any story, is in doubt: it may have taken effect, or may yet."""
        return any(self._steps[name].in_doubt for name in self.names)

    @property
    def is_ours(self) -> bool:
        """Whether a request of this step, of any story, was taken or is in doubt.

        False: what is at Partner Center was there before, or somebody else did it.
        """
        steps = [self._steps[name] for name in self.names]
        return any(step.state is StepState.APPLIED or step.in_doubt for step in steps)

    @property
    def result(self) -> Result | None:
        """What the answer gave, the present story's first; None while no request is known to have been taken."""
        for name in (self.present, self.name):
            if self._is_in(name, StepState.APPLIED):
                return cast("Result", self._steps[name].result)
        return None

    @property
    def details(self) -> Json:
        """What was noted when the last request was sent: ids to look by, or what a state replaces. None: none was."""
        step = self._steps.get(self.present) or self._steps.get(self.name)
        return step.details if step else None

    @property
    def former_results(self) -> list[Json]:
        """What steps of this name gave that were put away, by the command or by a person's decision."""
        steps = self._steps.values()
        return [step.result for step in steps if step.name.startswith(f"{self.name}~") and step.result is not None]

    @property
    def present(self) -> str:
        """The name under which the journal has a state's step of the present story."""
        return self.name if self.work.redrive == 0 else f"{self.name}@{self.work.redrive}"

    @property
    def names(self) -> list[str]:
        """The names under which the journal has this step: at most that of the first story and that of the present."""
        return [known for known in dict.fromkeys((self.name, self.present)) if known in self._steps]

    @property
    def _steps(self) -> Mapping[str, Step]:
        return self.work.steps

    def _is_in(self, name: str, state: StepState) -> bool:
        step = self._steps.get(name)
        return step is not None and step.state is state
