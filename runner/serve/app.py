"""The web side: a request in OpenAI's shape to a row of the graph, and the row's waves to a body that comes in chunks.

It knows nothing of Ray: `speak` is whatever says a row. Errors are ``{"error": {"message", "type", "param", "code"}}``.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from runner.serve.about import About
from runner.serve.encoding import TYPES, Encoder
from runner.serve.request import Refused, read_request, row_of

Speak = Callable[[dict], AsyncIterator[dict | bytes]]
_LOOK_S = 0.2  # that `/info` waits to hear of a replica
RETRY_S = 2  # when who was turned away may come again
PAGE = Path(__file__).with_name("page.html")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; media-src blob:; img-src data:"


class Site:
    """The routes of one server. `speak` is as `runner.serve.speaker.Speaker.speak`; `awake` comes back once it can be asked."""

    def __init__(self, speak: Speak, about: About, awake: Callable[[], Awaitable]):
        self.speak, self.about, self.awake = speak, about, awake
        self._waking: asyncio.Future | None = None
        self.busy = 0  # requests that are being read or answered with speech

    def app(self) -> FastAPI:
        none = dict.fromkeys(("docs_url", "redoc_url", "openapi_url"))
        app = FastAPI(title=f"voxblocks: {self.about.graph}", redirect_slashes=False, **none)
        app.add_api_route("/v1/audio/speech", self.speech, methods=["POST"], response_model=None)
        app.add_api_route("/v1/models", self.models)
        app.add_api_route("/voices", self.voices)
        app.add_api_route("/info", self.info)
        app.add_api_route("/health", self.health)
        app.add_api_route("/", self.page, response_class=HTMLResponse)
        app.add_exception_handler(Refused, _refused)
        app.add_exception_handler(HTTPException, _no_route)
        app.add_exception_handler(Exception, _broken)
        return app

    # ---- routes ----

    async def speech(self, request: Request) -> Response:
        self._allow(request)
        if self.busy >= self.about.max_waiting:
            message = f"{self.busy} requests are being answered, which is the most: come again in a moment"
            raise Refused(503, message, code="overloaded", type="server_error", headers={"Retry-After": str(RETRY_S)})
        self.busy += 1  # from the first byte of its body on
        parts = None
        try:
            asked = await read_request(request, self.about)
            row = row_of(asked, self.about) | {"id": f"request-{uuid.uuid4().hex}"}
            parts = self.speak(row)
            begun = await anext(parts)
            if "reason" in begun:
                raise Refused(422, begun["reason"], param="input", code=f"refused_by_{begun['node']}")
            encoder = _encoder(asked.response_format, begun["samples"], self.about.sample_rate)
        except BaseException:
            await self._end(parts)
            raise
        headers = {"X-Sample-Rate": str(self.about.sample_rate)} | (
            {"X-Ignored": asked.ignored} if asked.ignored else {}
        )
        body = _encoded(parts, encoder)
        if asked.stream_format == "sse":
            return _AudioResponse(_events(body), self, parts, media_type="text/event-stream", headers=headers)
        kind = TYPES[asked.response_format]
        kind += f"; rate={self.about.sample_rate}; channels=1" if asked.response_format == "pcm" else ""
        return _AudioResponse(body, self, parts, media_type=kind, headers=headers)

    async def _end(self, parts: AsyncIterator | None) -> None:
        self.busy -= 1
        if parts is not None:
            await parts.aclose()

    async def voices(self, request: Request) -> dict:
        self._allow(request)
        return {"voices": self.about.voices}

    async def models(self, request: Request) -> dict:
        self._allow(request)
        return {"object": "list", "data": [{"id": self.about.graph, "object": "model", "owned_by": "voxblocks"}]}

    async def info(self, request: Request) -> dict:
        self._allow(request)
        return self.about.as_json() | {"ready": await self._is_ready()}

    async def _is_ready(self) -> bool:
        """Whether a replica can speak by now: the door answers long before."""
        if self._waking is None:
            self._waking = asyncio.ensure_future(self.awake())
        if not (await asyncio.wait([self._waking], timeout=_LOOK_S))[0]:
            return False
        if self._waking.exception():
            self._waking = None
        return self._waking is not None

    async def health(self) -> dict:
        return {"status": "ok", "busy": self.busy}

    async def page(self) -> HTMLResponse:
        return HTMLResponse(PAGE.read_text("utf-8"), headers={"Content-Security-Policy": _POLICY})

    def _allow(self, request: Request) -> None:
        """Raises Refused without the token, where there is one."""
        if self.about.token_hash is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        found = hashlib.sha256(given.strip().encode()).hexdigest()
        if scheme.lower() != "bearer" or not hmac.compare_digest(found, self.about.token_hash):
            message = "the token of this server is wanted: Authorization: Bearer TOKEN"
            raise Refused(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


class _AudioResponse(StreamingResponse):
    """Gives its place back however it ends, also where nobody reads a byte of it."""

    def __init__(self, body: AsyncIterator[bytes], site: Site, parts: AsyncIterator, **given):
        super().__init__(body, **given)
        self.site, self.parts = site, parts

    async def __call__(self, scope, receive, send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.body_iterator.aclose()
            await self.site._end(self.parts)


def _encoder(format: str, samples: int, rate: int) -> Encoder:
    try:
        return Encoder(format, samples, rate)
    except ValueError as error:
        raise Refused(400, str(error), param="response_format", code="invalid_value") from None


async def _encoded(parts: AsyncIterator[bytes], encoder: Encoder) -> AsyncIterator[bytes]:
    if encoder.start:
        yield encoder.start
    async for pcm in parts:
        if made := encoder.add(pcm):
            yield made
    if made := encoder.end():
        yield made


async def _events(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Server-sent events, in OpenAI's shape."""
    async for made in body:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(made).decode()})
    yield _event({"type": "speech.audio.done"})


def _event(data: dict) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


# ---- errors ----


async def _refused(request: Request, error: Refused) -> JSONResponse:
    return JSONResponse(error.as_json(), error.status, headers=error.headers)


async def _no_route(request: Request, error: HTTPException) -> JSONResponse:
    """No such path, or not with this method."""
    here, known = (
        f"{request.method} {request.url.path}",
        "POST /v1/audio/speech, GET /, /voices, /info, /health, /v1/models",
    )
    return await _refused(
        request, Refused(error.status_code, f"{here}: {error.detail}; there is {known}", headers=error.headers)
    )


async def _broken(request: Request, error: Exception) -> JSONResponse:
    """Ours or the machine's fault. What it was stands in the log, not in the answer."""
    return await _refused(
        request, Refused(500, "the server could not say this; its log tells why", type="server_error")
    )
