"""The books: every movement of money, twice."""
