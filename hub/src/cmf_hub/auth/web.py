"""Requests of the hub to issuers of tokens and to the metadata service."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp

_LONGEST = 1024 * 1024

FAILURES = (aiohttp.ClientError, TimeoutError, ValueError, OSError, RecursionError)
"""What a request may raise; ValueError and RecursionError are of answers that cannot be used."""


def client_tls(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return how https is verified; `ca` None is the system's authorities.

    Raises:
        OSError: a file cannot be used.
    """
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def session(tls: ssl.SSLContext, timeout: float) -> aiohttp.ClientSession:
    """Return a session whose requests take `timeout` seconds at most."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout), connector=aiohttp.TCPConnector(ssl=tls), trust_env=False
    )


async def body(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer with status 200.

    Raises:
        ValueError: it has another status, or is too large.
    """
    if answer.status != 200:
        raise ValueError(f"the answer is {answer.status}")
    content = b""
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > _LONGEST:
            raise ValueError("the answer is too large")
    return content
