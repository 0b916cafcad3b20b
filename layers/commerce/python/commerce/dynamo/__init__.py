"""The one way to DynamoDB."""
