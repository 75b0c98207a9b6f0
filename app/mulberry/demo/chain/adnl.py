"""ADNL over TCP, the server's side: one encrypted stream of packets. Source: ton-blockchain/ton, adnl/adnl-ext-server.

A client sends 256 bytes: the hash of our key, its key, and 160 bytes of key material under a secret that only the two
of us can compute. Then both sides send packets: length, 32 random bytes, content, SHA-256 of both.
"""

import asyncio
import os
import struct
from hashlib import sha256
from typing import Any

from Cryptodome.Cipher import AES
from nacl.bindings import (
    crypto_scalarmult,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
)
from nacl.signing import SigningKey

from mulberry.demo.chain.validators import PUBLIC_KEY

GREETING_BYTES, MATERIAL_BYTES = 256, 160
HANDSHAKE_SECONDS = 10.0
NONCE_BYTES = HASH_BYTES = 32
MAX_PACKET_BYTES = 1 << 20  # questions are small; the largest is an external message of 64 kB


class BadPacketError(Exception):
    """What came is not the protocol. The connection cannot go on."""


class ServerKey:
    """A server's identity."""

    def __init__(self, seed: bytes) -> None:
        key = SigningKey(sha256(seed).digest())
        self.public = bytes(key.verify_key)
        self._exchange = crypto_sign_ed25519_sk_to_curve25519(bytes(key) + self.public)
        self.short_id = sha256(PUBLIC_KEY + self.public).digest()

    def secret_with(self, their_key: bytes) -> bytes:
        """The secret shared with the owner of an Ed25519 key. Raises `BadPacketError` if it is none."""
        try:
            secret: bytes = crypto_scalarmult(self._exchange, crypto_sign_ed25519_pk_to_curve25519(their_key))
        except Exception as problem:  # nacl has several for points that are none
            raise BadPacketError("the client's key is none") from problem
        return secret


class Connection:
    """One client, after the handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, material: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._outgoing = _cipher(material[:32], material[64:80])
        self._incoming = _cipher(material[32:64], material[80:96])

    @classmethod
    async def accept(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: ServerKey) -> "Connection":
        """Raises `BadPacketError`, `TimeoutError`, or what the stream raises."""
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            greeting = await reader.readexactly(GREETING_BYTES)
        receiver, their_key, digest, sealed = greeting[:32], greeting[32:64], greeting[64:96], greeting[96:]
        if receiver != key.short_id:
            raise BadPacketError("meant for another server")
        secret = key.secret_with(their_key)
        cipher = _cipher(secret[:16] + digest[16:32], digest[:4] + secret[20:32])
        material = cipher.decrypt(sealed)
        if sha256(material).digest() != digest:
            raise BadPacketError("the key material is damaged")
        return cls(reader, writer, material)

    async def receive(self) -> bytes:
        """The next packet's content. Raises `BadPacketError`, `IncompleteReadError` or `ConnectionError`."""
        (size,) = struct.unpack("<I", self._incoming.decrypt(await self._reader.readexactly(4)))
        if not NONCE_BYTES + HASH_BYTES <= size <= MAX_PACKET_BYTES:
            raise BadPacketError(f"a packet of {size:,} bytes")
        packet = self._incoming.decrypt(await self._reader.readexactly(size))
        if sha256(packet[:-HASH_BYTES]).digest() != packet[-HASH_BYTES:]:
            raise BadPacketError("the packet is damaged")
        return bytes(packet[NONCE_BYTES:-HASH_BYTES])

    def send(self, content: bytes) -> None:
        """Queues a packet; of a connection that has ended, nobody hears it."""
        if self._writer.is_closing():  # uvloop's transports raise then
            return
        packet = os.urandom(NONCE_BYTES) + content
        packet += sha256(packet).digest()
        self._writer.write(self._outgoing.encrypt(struct.pack("<I", len(packet)) + packet))

    def abort(self) -> None:
        """Cuts the connection at once."""
        self._writer.transport.abort()


def _cipher(key: bytes, initial: bytes) -> Any:
    return AES.new(key, AES.MODE_CTR, initial_value=initial, nonce=b"")
