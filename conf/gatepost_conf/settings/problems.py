"""The one error of this package: everything that is wrong with a file, a line for each."""

from collections.abc import Sequence


class SettingsError(Exception):
    """The settings cannot be used. `problems` has one clear line for each thing that is wrong; str() joins them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)
