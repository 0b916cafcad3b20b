"""The shop's own code, one package a domain noun.

`model.py` and `pricing` hold the rules and know nothing of AWS; `store.py` keeps
things in DynamoDB; `operations.py` puts both together; `entry` is the edge where
an HTTP request or a state machine's task comes in.
"""
