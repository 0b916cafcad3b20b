"""What nobody could take: the dead-letter queues."""

from __future__ import annotations

from typing import Any

from pushcart.cloud import Cloud


class Queues:
    """The dead-letter queues."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        outputs = cloud.stack_outputs()
        self.records, self.events = (
            outputs["FailedRecordsQueueUrl"],
            outputs["FailedEventsQueueUrl"],
        )

    def depth(self, queue: str) -> int:
        """Count what stands in a queue, also what a reader has taken and not deleted."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counted = self._cloud.queues.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(counted["Attributes"][name]) for name in names)

    def clear(self) -> None:
        """Throw everything away."""
        for queue in (self.records, self.events):
            self._cloud.queues.purge_queue(QueueUrl=queue)
