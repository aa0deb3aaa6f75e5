"""Prints the code of an authenticator app (RFC 6238): code.py SECRET [STEPS FROM NOW]."""

import base64
import hashlib
import hmac
import struct
import sys
import time

secret = base64.b32decode(sys.argv[1] + "=" * (-len(sys.argv[1]) % 8))
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 0
step = int(time.time()) // 30 + steps
digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
offset = digest[-1] & 15
number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
print(f"{number % 1_000_000:06}")
