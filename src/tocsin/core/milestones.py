"""What a milestone template is: by when accounts of a segment should have reached something. Frozen, without any evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

MilestoneState = Literal["on", "off"]
MILESTONE_STATES: tuple[str, ...] = get_args(MilestoneState)
ANCHOR = "coalesce(onboarding_started_at, created_at)"  # when the path to value begins, where a template does not say
# So long after its anchor a milestone of a template stands; then the path to value is behind the account, or was never gone.
STANDS = timedelta(days=400)
KEPT = "milestone:"  # the history of accounts keeps under this and the template's id when its milestone was reached


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step of the path to value, as a template.

    where:      the accounts it is for, None: all. precedence: of templates of one name whose `where` is true the one with the
                smallest number gives an account its milestone.
    anchor:     a formula of accounts that gives the time or date at which it begins; null: the account has no such milestone.
    due:        so many days (in the workspace's zone) after the day of the anchor.
    reached:    a condition on accounts; when it first holds the milestone is reached.
    source:     the YAML text of the template with its comments, without indentation; '' for one not read from a file.
    """

    id: str
    name: str
    precedence: int
    due: timedelta
    reached: str
    where: str | None = None
    anchor: str = ANCHOR
    state: MilestoneState = "on"
    source: str = field(default="", compare=False, repr=False)

    @property
    def formulas(self) -> tuple[str, ...]:
        """All formulas of the template."""
        return (*([] if self.where is None else [self.where]), self.anchor, self.reached)

    @property
    def days(self) -> int:
        """After how many days it is due."""
        return self.due // timedelta(days=1)

    @property
    def kept(self) -> str:
        """Under which name the history of accounts keeps when it was reached."""
        return KEPT + self.id


@dataclass(frozen=True, slots=True)
class MilestoneVersion:
    """A template as it was published: in force from `published_at` until the next version of the same id.

    signals: name -> formula of every signal that its formulas use, as they were then.
    """

    milestone: Milestone
    version: int
    published_at: datetime
    signals: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def of(self) -> Milestone:
        """The template as it was."""
        return self.milestone

    @property
    def mark(self) -> str:
        """What names the version, such as `first-report@3`."""
        return f"{self.milestone.id}@{self.version}"
