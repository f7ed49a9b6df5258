"""Clients that were not written here: generated from OpenAPI documents, and what they do with a hub."""
