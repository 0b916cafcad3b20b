"""Who sends a request to an /admin route; API Gateway asks before it calls the operation."""

from commerce.entry.authorizer import authorizer
from commerce.environment import environment
from commerce.staff.model import Principal
from commerce.staff.operations import identify
from commerce.staff_directory import StaffDirectory

directory = StaffDirectory(environment().staff_pool, environment().staff_client)


@authorizer
def handler(header: str) -> Principal:
    """Give the person or key behind the `Authorization` header."""
    return identify(header, directory=directory)
