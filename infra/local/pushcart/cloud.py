"""Clients for the cloud the commands talk to: embedded, LocalStack or any other endpoint."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore.config import Config
from localstack_client.session import Session

from pushcart.workspace import STACK_NAME, Workspace

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class Cloud:
    """The AWS services of one workspace, as the account's owner."""

    def __init__(self, workspace: Workspace) -> None:
        session = Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name=workspace.region,
            # Where AWS_ENDPOINT_URL is not set; where it is, it is this same address.
            localstack_host=urlsplit(workspace.cloud_url).netloc,
        )
        # It makes clients as boto3's own session does, and has no types of its own.
        self._session = cast("boto3.Session", session)
        # StartSyncExecution would otherwise go to a host named sync-127.0.0.1.
        self._config = Config(
            inject_host_prefix=False,
            retries={"mode": "standard", "max_attempts": 3},
            connect_timeout=5,
            # A replay asks from many threads.
            max_pool_connections=40,
            s3={"addressing_style": "path"},
        )

    @cached_property
    def apis(self) -> Any:
        """API Gateway."""
        return cast("Any", self._session).client("apigateway", config=self._config)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """Stacks."""
        return self._session.client("cloudformation", config=self._config)

    @cached_property
    def cognito(self) -> "CognitoIdentityProviderClient":
        """User pools."""
        return self._session.client("cognito-idp", config=self._config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Tables."""
        return self._session.client("dynamodb", config=self._config)

    @cached_property
    def events(self) -> "EventBridgeClient":
        """Event buses."""
        return self._session.client("events", config=self._config)

    @cached_property
    def functions(self) -> "LambdaClient":
        """Lambda functions."""
        return self._session.client("lambda", config=self._config)

    @cached_property
    def iam(self) -> Any:
        """Roles and policies; their types are not installed."""
        return cast("Any", self._session).client("iam", config=self._config)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """Log groups."""
        return self._session.client("logs", config=self._config)

    @cached_property
    def parameters(self) -> Any:
        """The parameter store; its types are not installed."""
        return cast("Any", self._session).client("ssm", config=self._config)

    @cached_property
    def s3(self) -> "S3Client":
        """Buckets."""
        return self._session.client("s3", config=self._config)

    @cached_property
    def secrets(self) -> Any:
        """Secrets; their types are not installed."""
        return cast("Any", self._session).client("secretsmanager", config=self._config)

    @cached_property
    def queues(self) -> "SQSClient":
        """Queues."""
        return self._session.client("sqs", config=self._config)

    @cached_property
    def streams(self) -> Any:
        """Tables' streams; the SDK's types leave them out."""
        return cast("Any", self._session).client("dynamodbstreams", config=self._config)

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        """State machines and their executions."""
        return self._session.client("stepfunctions", config=self._config)

    def stack_status(self) -> str | None:
        """Return the stack's status, or None when there is no stack."""
        try:
            stacks = self.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        except self.cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stacks[0]["StackStatus"] if stacks else None

    def stack_outputs(self) -> dict[str, str]:
        """Return the outputs of the deployed stack, by name."""
        stack = self.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
