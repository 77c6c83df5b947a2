"""The body of an answer, decoded in small pieces, so that a small body cannot fill the memory.

A body of a few hundred bytes can be encoded so that it decodes to gigabytes. So at most one
encoding is undone, and the result is measured after each piece.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
"""The encodings that are asked for: those that the standard library decodes in pieces."""
PIECE = 64 * 1024
"""The most bytes that one step of decoding adds."""
_BITE = 8 * 1024
"""The most bytes that one step reads. A step copies the rest of them for each gzip member."""
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity", "none", "utf-8"})
"""Names without an effect. Servers send the last two by mistake, before plain text."""
_WRAPPED_IN_GZIP, _WRAPPED_IN_ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Body:
    """The body of one answer, which may decode to at most `most` bytes.

    `encoding` is the Content-Encoding, or None if the body is decoded already. `problem` is the
    reason why the body cannot be used, as soon as there is one. The rest need not be read then.
    """

    def __init__(self, encoding: str | None, most: int) -> None:
        self.content: bytearray = bytearray()
        self.problem: str | None = None
        self._most = most
        self._inflater: _Inflater | None = None
        codings = _codings_of(encoding) if encoding else []
        if len(codings) > 1:
            self.problem = f"The answer is encoded {len(codings)} times, not at most once."
        elif codings and codings[0] not in _GZIP | {"deflate"}:
            self.problem = "The answer has an encoding that was not asked for."
        elif codings:
            self._inflater = _Inflater(is_gzip=codings[0] in _GZIP)

    @property
    def is_usable(self) -> bool:
        """True as long as there is no problem."""
        return self.problem is None

    def feed(self, data: bytes) -> Iterator[None]:
        """Decode what came from the wire, and yield after each step of little work."""
        if not self.is_usable:
            return
        try:
            for piece in (data,) if self._inflater is None else self._inflater.inflate(data):
                if len(self.content) + len(piece) > self._most:
                    self.problem = f"The answer is larger than {self._most} bytes."
                    return
                self.content += piece
                yield
        except zlib.error as error:
            self.problem = f"The answer cannot be decoded: {error}."

    def end(self) -> None:
        """Learn that nothing more comes."""
        if self.is_usable and self._inflater is not None and not self._inflater.is_complete:
            self.problem = "The answer cannot be decoded: it ends too early."


def _codings_of(encoding: str) -> list[str]:
    named = [name.strip().lower() for name in encoding.split(",")]
    return [name for name in named if name not in _PLAIN]


class _Inflater:
    """Undoes gzip, with all its members, or deflate, in the wrapping of zlib or bare."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._head = b""
        self._stream = zlib.decompressobj(_WRAPPED_IN_GZIP) if is_gzip else None
        self._has_begun = False

    @property
    def is_complete(self) -> bool:
        """True if the data ended with a checksum that was right, or if there was none at all."""
        ended = self._stream is not None and self._stream.eof
        return ended or not self._has_begun

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded data in pieces. Raises zlib.error."""
        self._has_begun = self._has_begun or bool(data)
        if self._stream is None:
            self._head += data
            if len(self._head) < len(b"\x78\x9c"):
                return
            data, self._head = self._head, b""
            self._stream = zlib.decompressobj(_WRAPPED_IN_ZLIB if _is_zlib(data) else _BARE)
        for start in range(0, len(data), _BITE):
            yield from self._inflate(data[start : start + _BITE], self._stream)

    def _inflate(self, data: bytes, stream: zlib._Decompress) -> Iterator[bytes]:
        piece = b""
        while data or len(piece) == PIECE:  # a full piece may not have been all
            if stream.eof:
                if not data:
                    break
                stream = self._next_member()
            piece = stream.decompress(data, PIECE)
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            yield piece
        self._stream = stream

    def _next_member(self) -> zlib._Decompress:
        if not self._is_gzip:
            raise zlib.error("it goes on after its end")
        return zlib.decompressobj(_WRAPPED_IN_GZIP)


def _is_zlib(data: bytes) -> bool:
    """Return True if deflated data begins like zlib's wrapping (RFC 1950), which HTTP asks for."""
    return data[0] & 0x0F == zlib.DEFLATED and (data[0] * 256 + data[1]) % 31 == 0
