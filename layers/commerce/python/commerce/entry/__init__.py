"""The edges of the shop: HTTP operations and state machine tasks.

The only package that imports Powertools.
"""
