"""What a table's stream has told, to be told again by hand, more often and in another order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pushcart.cloud import Cloud
from pushcart.events import as_lambda_has_it

Json = dict[str, Any]


class Stream:
    """A table's stream, from the moment this is made."""

    def __init__(self, cloud: Cloud, table: str) -> None:
        self._cloud = cloud
        outputs = cloud.stack_outputs()
        self._publisher = outputs["PublishEventsFunctionName"]
        name = outputs[f"{table}TableName"]
        self._arn = cloud.dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
        (shard,) = cloud.streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._iterator = cloud.streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        self._seen: list[Json] = []

    def records(self) -> list[Json]:
        """Give every record there was, oldest first."""
        while True:
            page = self._cloud.streams.get_records(ShardIterator=self._iterator)
            self._iterator = page["NextShardIterator"]
            if not page["Records"]:
                return list(self._seen)
            self._seen += [as_lambda_has_it(each, self._arn) for each in page["Records"]]

    def send(self, records: Sequence[Json]) -> None:
        """Bring a batch of records to the publisher, which must take all of them."""
        answer = self._cloud.functions.invoke(
            FunctionName=self._publisher, Payload=json.dumps({"Records": list(records)})
        )
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
