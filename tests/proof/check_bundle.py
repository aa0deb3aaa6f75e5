"""Checks what `annals log export` and `annals log prove` write, with Python's standard library alone.

    python check_bundle.py KEY BUNDLE PROOF

It shares no code with the program: SHA-256 comes from hashlib, Ed25519 is RFC 8032 written down, and
the tree is RFC 6962, section 2.1, as it is defined there.
"""

import base64
import datetime
import hashlib
import json
import sys
import uuid

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def sha256(data):
    return hashlib.sha256(data).digest()


# Ed25519, RFC 8032, section 5.1


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - x2) % P == 0, "not a point"
    return P - x if x & 1 != sign else x


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y, sign)
    return (x, y, 1, x * y % P)


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    product = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            product = add(product, point)
        point = add(point, point)
        scalar >>= 1
    return product


def is_same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = decompress(BASE_Y.to_bytes(32, "little"))


def is_signature(public, signature, message):
    point, nonce = decompress(public), decompress(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return scalar < ORDER and is_same(multiply(scalar, BASE), add(nonce, multiply(challenge, point)))


# Notes, https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint


def checked_head(note, key):
    """The size and the root of a note that is signed with the key."""
    name, key_id, public = key.split("+", 2)
    public = base64.b64decode(public)
    assert public[0] == 1 and sha256(f"{name}\n".encode() + public)[:4].hex() == key_id
    text, signatures = note.split("\n\n")
    text += "\n"
    _, signer, signature = signatures.strip().split(" ")
    signature = base64.b64decode(signature)
    assert signer == name and signature[:4].hex() == key_id, "another key"
    assert is_signature(public[1:], signature[4:], text.encode()), "a forged head"
    origin, size, root = text.split("\n")[:3]
    assert origin == name
    return int(size), base64.b64decode(root)


# The tree, RFC 6962, section 2.1


def leaf(event):
    """The digest of an event's leaf; see eventlog/src/proof/leaf.rs for its form."""
    time = datetime.datetime.fromisoformat(event["recorded_at"].replace("Z", "+00:00"))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    micros = (time - epoch) // datetime.timedelta(microseconds=1)
    data = b"\x01"
    data += event["position"].to_bytes(8, "big")
    data += uuid.UUID(event["stream"]).bytes
    data += event["version"].to_bytes(8, "big")
    data += micros.to_bytes(8, "big")
    data += uuid.UUID(event["command"]).bytes
    data += event["schema_version"].to_bytes(2, "big")
    for part in (event["type"], event["payload"], event["meta"]):
        part = part.encode()
        data += len(part).to_bytes(4, "big") + part
    return sha256(b"\0" + data)


def node(left, right):
    return sha256(b"\1" + left + right)


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node(root(leaves[:split]), root(leaves[split:]))


def root_from_path(index, size, digest, path):
    """RFC 6962, section 2.1.1, read from the leaf upwards."""

    def climb(index, size, path):
        if size == 1:
            assert not path, "a path that is too long"
            return digest
        split = 1 << ((size - 1).bit_length() - 1)
        if index < split:
            return node(climb(index, split, path[:-1]), path[-1])
        return node(path[-1], climb(index - split, size - split, path[:-1]))

    return climb(index, size, path)


def check_bundle(lines, key):
    """A bundle of the whole log: every head in it is the root of the events before it."""
    header = json.loads(next(lines))["header"]
    assert header["key"] == key and header["from"] == 1 and not header["before"], header
    leaves, heads = [], 0
    for line in map(json.loads, lines):
        if "event" in line:
            assert line["event"]["position"] == len(leaves) + 1
            leaves.append(leaf(line["event"]))
            assert base64.b64decode(line["event"]["leaf"]) == leaves[-1]
        elif "head" in line:
            assert checked_head(line["head"], key) == (len(leaves), root(leaves))
            heads += 1
        else:
            assert line["end"] == {"events": len(leaves), "heads": heads}, line
    size, signed = checked_head(header["head"], key)
    assert size == len(leaves) == header["to"] and signed == root(leaves)
    return len(leaves), heads


def check_proof(proof, key):
    size, signed = checked_head(proof["head"]["note"], key)
    inclusion = proof["inclusion"]
    path = [base64.b64decode(digest) for digest in inclusion["path"]]
    digest = leaf(proof["event"])
    assert inclusion["size"] == size and inclusion["position"] == proof["event"]["position"]
    assert root_from_path(inclusion["position"] - 1, size, digest, path) == signed
    return inclusion["position"]


def main():
    key, bundle, proof = sys.argv[1:]
    # The first test vector of RFC 8032, section 7.1: this Ed25519 is one.
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert is_signature(public, signature, b"") and not is_signature(public, signature, b"x")
    with open(bundle) as lines:
        print("ok bundle of %d events and %d heads" % check_bundle(lines, key))
    with open(proof) as text:
        print("ok proof of position %d" % check_proof(json.load(text), key))


if __name__ == "__main__":
    main()
