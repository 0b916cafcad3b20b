"""Staff get leave to upload a product file."""

from commerce.catalog.import_files import ImportFiles
from commerce.catalog.schema import ImportUpload
from commerce.clock import system_clock
from commerce.entry import http
from commerce.environment import environment

files = ImportFiles(environment().imports_bucket)


@http.operation(
    "POST /admin/imports/uploads",
    "Get a form to upload a product file with, good for 15 minutes",
    returns=ImportUpload,
    status=201,
)
def handler(_request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with a signed form; nothing is changed until somebody sends it to S3."""
    return http.Response(ImportUpload.of(files.upload_form(system_clock())))
