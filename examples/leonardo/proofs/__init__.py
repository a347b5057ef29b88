"""The demonstration of the main scenario: what it proves, step by step (docs/demo.md)."""
