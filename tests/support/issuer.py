"""An issuer of tokens: keys, signed tokens, and a real HTTP server with its key set."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key() -> rsa.RSAPrivateKey:
    """Return a new RSA key."""
    return rsa.generate_private_key(65537, 2048)


def jwk(key: Private, kid: str, **more: Any) -> dict[str, Any]:
    """Return the public part of a key as a JSON Web Key."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    public: Any = key.public_key()
    return {**algorithm.to_jwk(public, as_dict=True), "kid": kid, **more}


class Issuer:
    """Who signs tokens; `answer` is what its server gives, None a broken one."""

    def __init__(self, name: str = "https://issuer.example") -> None:
        self.name = name
        self.keys: dict[str, Private] = {"first": rsa_key()}
        self.url = ""
        self.requests = 0
        self.broken = False

    def token(
        self,
        subject: str = "alice",
        *,
        kid: str | None = "first",
        key: Any = None,
        algorithm: str = "RS256",
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Return a token that is good, unless what is given makes it a bad one; a claim None is left out."""
        whole = {"iss": self.name, "sub": subject, "aud": "cmf", "exp": int(time.time()) + 300, **claims}
        kept = {name: value for name, value in whole.items() if value is not None}
        signed_with = self.keys[kid or "first"] if key is None else key
        head = {"kid": kid, **(headers or {})}
        return jwt.encode(kept, signed_with, algorithm, {name: v for name, v in head.items() if v is not None})

    def key_set(self) -> dict[str, Any]:
        """Return its public keys."""
        return {"keys": [jwk(key, kid) for kid, key in self.keys.items()]}

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Serve the key set over HTTP."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                content = json.dumps(issuer.key_set()).encode()
                self.send_response(500 if issuer.broken else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/jwks"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}
