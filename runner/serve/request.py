"""A request for speech: read, checked with everything that is wrong named, and made a row of the graph's source."""

import asyncio
import json
from typing import Any, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError, field_validator

from blocks.load import suggest
from runner.serve.about import SPEEDS, About
from runner.serve.encoding import TYPES

_LISTED = 20  # voices that a refusal names
_BYTES_A_CHAR = 12  # of a JSON string at most: an escaped pair of surrogates


class Refused(Exception):
    """An answer that is an error: status, what is wrong, and the field that it is wrong with."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None,
                 type: str = "invalid_request_error", headers: dict | None = None):  # fmt: skip
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers
        self.param, self.code, self.type = param, code, type

    def as_json(self) -> dict:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class Speech(BaseModel):
    """The body, as OpenAI has it; null is as if left out. `language` is ours.

    `model` and `instructions` are there for its clients: a server has one model, which takes no instructions.
    """

    model_config = ConfigDict(extra="forbid")

    input: StrictStr
    model: StrictStr = ""
    voice: StrictStr | None = None
    response_format: Literal[tuple(TYPES)] = "mp3"
    speed: float = Field(1.0, ge=SPEEDS[0], le=SPEEDS[1], allow_inf_nan=False)
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: StrictStr | None = None
    language: StrictStr | None = None

    @field_validator("voice", mode="before")
    @classmethod
    def _by_id(cls, voice: Any) -> Any:
        """A voice may be given as ``{"id": "ann"}``."""
        return voice["id"] if isinstance(voice, dict) and voice.keys() == {"id"} else voice

    @property
    def ignored(self) -> str:
        """Fields that were given and change nothing, for a header of the answer."""
        return "instructions" if self.instructions else ""


async def read_request(request: Request, about: About) -> Speech:
    """Raises Refused for a body that is too long or too slow, no JSON, or not such a request."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"Content-Type is {kind or 'missing'}, want application/json", code="unsupported_media_type")
    body = await _body(request, about)
    try:
        given = json.loads(body)
        json.dumps(given, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise Refused(400, f"the body holds half a character ({half}), want whole ones", code="invalid_json") from None
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}", code="invalid_json") from None
    if not isinstance(given, dict):
        raise Refused(400, f'the body is a JSON {type(given).__name__}, want an object such as {{"input": "Hello."}}')
    try:
        return Speech(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _invalid(first["loc"], first["type"], first["msg"], first["input"]) from None


async def _body(request: Request, about: About) -> bytes:
    """All of it, within `body_s`: who sends a byte now and then would hold a place for ever."""
    most, body = about.max_chars * _BYTES_A_CHAR + 4096, b""
    try:
        async with asyncio.timeout(about.body_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Refused(
                        413, f"the body has more than {most} bytes; send the text in parts", "input", "too_long"
                    )
    except TimeoutError:
        message = f"the body was not there after {about.body_s:g} s: send it at once"
        raise Refused(408, message, code="timeout", headers={"Connection": "close"}) from None
    return body


def row_of(asked: Speech, about: About) -> dict:
    """The row of the source that says it. Raises Refused for a text, a voice or a speed that cannot be."""
    text = asked.input.strip()
    if not text:
        raise Refused(400, "input: the text is empty, want something to say", "input", "empty")
    if len(text) > about.max_chars:
        message = f"input: {len(text)} characters, want {about.max_chars} at most; send the text in parts"
        raise Refused(400, message, "input", "too_long")
    row = {"text": text}
    voices = {voice["name"]: voice for voice in about.voices}
    if asked.voice is not None and asked.voice not in voices:
        more = f" and {len(voices) - _LISTED} more, which GET /voices lists" if len(voices) > _LISTED else ""
        message = f"voice: there is no {asked.voice!r}; there is {', '.join(list(voices)[:_LISTED])}{more}"
        raise Refused(400, message, "voice", "unknown_voice")
    voice = about.voices[0] if asked.voice is None else voices[asked.voice]
    if about.chosen:
        row["speaker"] = voice["name"]
    if "speaking_rate" in about.fields:
        row["speaking_rate"] = asked.speed
    elif asked.speed != 1:
        raise Refused(400, "speed: the voice has one speed, want 1", "speed", "invalid_value")
    if "language" not in about.fields:
        if asked.language is not None:
            raise Refused(400, "language: the graph's texts have none; leave it out", "language", "invalid_value")
    elif language := asked.language or voice["language"]:
        row["language"] = language
    return row


def _invalid(loc: tuple, kind: str, message: str, found) -> Refused:
    name = ".".join(map(str, loc))
    if kind == "extra_forbidden":
        return Refused(400, f"{name}: no such field{suggest(name, list(Speech.model_fields))}", name, "unknown_field")
    if kind == "missing":
        return Refused(400, f"{name}: is missing, want the text to be said", name, "missing")
    got = json.dumps(found, ensure_ascii=False)[:60]
    return Refused(400, f"{name}: {message[:1].lower()}{message[1:]}, got {got}", name, "invalid_value")
