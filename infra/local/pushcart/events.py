"""Events as the people of the shop look at them, and those that never arrived."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pushcart.cloud import Cloud
from pushcart.shop import Shop

Json = dict[str, Any]

_PAGE_MAX = 100
_POLL_SECONDS = 1.0
_MESSAGES_A_READ = 10
# Long enough to bring a whole batch again before another run may take the same message.
_HIDDEN_SECONDS = 120


def newest(shop: Shop, type_: str | None, aggregate_id: str | None, limit: int) -> list[Json]:
    """Read the newest events, only those of a type or of one thing where it is given."""
    query: dict[str, str | int] = {}
    if type_:
        query["type"] = type_
    if aggregate_id:
        query["aggregate_id"] = aggregate_id
    found: list[Json] = []
    while len(found) < limit:
        query["limit"] = min(limit - len(found), _PAGE_MAX)
        page = shop.ask("GET", "/admin/events", query=query)
        found += page["items"]
        if not page["next_cursor"]:
            break
        query["cursor"] = page["next_cursor"]
    return found


def follow(shop: Shop, type_: str | None, aggregate_id: str | None, limit: int) -> Iterator[Json]:
    """Yield the newest events, oldest first, and then each as it is recorded, without end."""
    # An event may be recorded after a later one, so each look goes back this far.
    look_back = max(limit, _PAGE_MAX)
    found = newest(shop, type_, aggregate_id, look_back)
    seen = {each["event_id"] for each in found}
    yield from reversed(found[:limit])
    while True:
        time.sleep(_POLL_SECONDS)
        found = newest(shop, type_, aggregate_id, look_back)
        new = [each for each in found if each["event_id"] not in seen]
        seen |= {each["event_id"] for each in new}
        yield from reversed(new)


def line(event: Json) -> str:
    """Write an event in one line."""
    thing = event["aggregate"]
    facts = "  ".join(f"{name}={value}" for name, value in event["data"].items())
    at = event["occurred_at"][:19].replace("T", " ")
    return f"{at}  {event['type']:<21}  {thing['id']} v{thing['version']}  {facts}"


@dataclass
class Redriven:
    """How many of the queues' messages were dealt with, and why each other one was not."""

    messages: int
    left: list[str]


def redrive(cloud: Cloud) -> Redriven:
    """Bring again whatever the dead-letter queues name, and take it out where it is taken.

    What was published before is published again under the same id, so consumers
    ignore it.
    """
    outputs = cloud.stack_outputs()
    done = Redriven(0, [])
    for queue, bring in (
        (outputs["FailedRecordsQueueUrl"], _bring_records),
        (outputs["FailedEventsQueueUrl"], _bring_event),
    ):
        for message in _messages(cloud, queue):
            why = bring(cloud, outputs, message)
            if why:
                done.left.append(why)
                continue
            cloud.queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            done.messages += 1
    return done


def _messages(cloud: Cloud, queue: str) -> Iterator[Any]:
    """Walk what is in a queue now, once: what stays in it is hidden for a while."""
    counted = cloud.queues.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
    )
    left = int(counted["Attributes"]["ApproximateNumberOfMessages"])
    while left > 0:
        answer = cloud.queues.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=min(left, _MESSAGES_A_READ),
            MessageAttributeNames=["All"],
            VisibilityTimeout=_HIDDEN_SECONDS,
        )
        if not answer.get("Messages"):
            return
        left -= len(answer["Messages"])
        yield from answer["Messages"]


def _bring_records(cloud: Cloud, outputs: dict[str, str], message: Json) -> str:
    """Publish the records that a message names; give why not, or nothing."""
    batch = json.loads(message["Body"])["DDBStreamBatchInfo"]
    try:
        records = _read_records(cloud, batch)
    except cloud.streams.exceptions.ClientError:
        return f"the stream has no record {batch['startSequenceNumber']} any more"
    if not records:
        return f"the stream has no record {batch['startSequenceNumber']} any more"
    answer = _invoke(cloud, outputs["PublishEventsFunctionName"], {"Records": records})
    failed = answer.get("batchItemFailures", []) if answer is not None else records
    return f"{len(failed)} of {len(records)} records failed again" if failed else ""


def _read_records(cloud: Cloud, batch: Json) -> list[Json]:
    """Read a batch back from its stream, and give it as Lambda would."""
    iterator: str | None = cloud.streams.get_shard_iterator(
        StreamArn=batch["streamArn"],
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    last = int(batch["endSequenceNumber"])
    found: list[Json] = []
    while iterator:
        page = cloud.streams.get_records(ShardIterator=iterator)
        if not page["Records"]:
            return found
        for record in page["Records"]:
            if int(record["dynamodb"]["SequenceNumber"]) > last:
                return found
            found.append(as_lambda_has_it(record, batch["streamArn"]))
        if found and int(found[-1]["dynamodb"]["SequenceNumber"]) == last:
            return found
        iterator = page.get("NextShardIterator")
    return found


def as_lambda_has_it(record: Json, stream_arn: str) -> Json:
    """Give a stream's record as the SDK reads it in the form a function is called with."""
    written = dict(record["dynamodb"])
    at: datetime = written["ApproximateCreationDateTime"]
    written["ApproximateCreationDateTime"] = at.timestamp()
    return {**record, "dynamodb": written, "eventSourceARN": stream_arn}


def _bring_event(cloud: Cloud, _outputs: dict[str, str], message: Json) -> str:
    """Give the event that a message holds to the consumer that missed it; say why not."""
    document = json.loads(message["Body"])
    event = document.get("requestPayload", document)
    id_ = event.get("detail", {}).get("event_id")
    consumer = _consumer(document, message.get("MessageAttributes", {}))
    if not consumer:
        return f"the message of the event {id_} names no consumer"
    if _invoke(cloud, consumer, event) is None:
        return f"{consumer} failed again on the event {id_}"
    return ""


def _consumer(document: Json, attributes: Json) -> str:
    """Name the function that failed on an event, or that a rule could not bring it to."""
    failed = document.get("requestContext", {}).get("functionArn")
    arn: str = failed or attributes.get("TARGET_ARN", {}).get("StringValue", "")
    return "".join(arn.split(":")[6:7])  # without a version, which may follow


def _invoke(cloud: Cloud, function: str, event: Json) -> Json | None:
    """Call a function and give its answer, None where it failed."""
    answer = cloud.functions.invoke(FunctionName=function, Payload=json.dumps(event))
    document: Json = json.loads(answer["Payload"].read())
    return None if answer.get("FunctionError") else document
