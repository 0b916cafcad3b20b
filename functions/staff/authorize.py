"""Who sends a request to an /admin route; API Gateway asks before it calls the operation."""

from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.authorizer import authorizer
from commerce.environment import environment
from commerce.staff.model import Principal
from commerce.staff.operations import identify
from commerce.staff_directory import StaffDirectory

directory = StaffDirectory(environment().staff_issuer, environment().staff_client)
keys = ApiKeyStore(Table(environment().api_keys_table))


@authorizer
def handler(header: str) -> Principal:
    """Give the person or key behind the `Authorization` header."""
    usage_key = environment().staff_usage_key
    return identify(
        header, system_clock(), directory=directory, keys=keys, staff_usage_key=usage_key
    )
