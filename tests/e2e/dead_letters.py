"""What nobody could take: the dead-letter queues."""

from __future__ import annotations

import json
from typing import Any

from pushcart.cloud import Cloud


class Queues:
    """The dead-letter queues."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._given_up: set[str] = set()
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

    def given_up_by(self) -> set[str]:
        """Name the functions, as in the template, that gave up an event."""
        while messages := self._receive(self.events):
            for message in messages:
                function = json.loads(message["Body"])["requestContext"]["functionArn"]
                self._given_up.add(function.split("-")[-2])
        return self._given_up

    def _receive(self, queue: str) -> list[Any]:
        taken: Any = self._cloud.queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        messages: list[Any] = taken.get("Messages", [])
        return messages

    def clear(self) -> None:
        """Throw everything away."""
        for queue in (self.records, self.events):
            self._cloud.queues.purge_queue(QueueUrl=queue)
