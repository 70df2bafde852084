"""A stand-in for the progress bars of the experiments."""

from tqdm import tqdm


class Bar(tqdm):
    """A progress bar that says nothing, and may press Ctrl-C at a tick."""

    def __init__(self, stop_at=None):
        super().__init__(total=1, disable=True)
        self.ticks, self.stop_at = 0, stop_at

    def update(self, n=1):
        self.ticks += n
        if self.stop_at is not None and self.ticks >= self.stop_at:
            raise KeyboardInterrupt
