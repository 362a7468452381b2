#!/usr/bin/env python3
"""Verifies exports of Haulout's ledger: an implementation of its own, after LOG.md and the C2SP formats, without the gateway's code.

    verify_ledger.py POLICY DIR...

Prints a line for each folder, `good` or what is wrong: tree, tiles, signatures, sums, ids, counts and the hashes of inputs. It does
not know the rules by which inputs are settled. Standard library only.
"""

import base64
import hashlib
import pathlib
import re
import sys
import urllib.parse

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
NUMBER, NAME = r"(0|[1-9][0-9]*)", r"[a-z0-9_.-]{1,64}"
ACCOUNT = rf"(outside|repair-fund|remainder|burn|escrow/(?:0|[1-9][0-9]*)|(?:payer|bucket|provider|holdback|pool|staker)/{NAME})"
CODES = ("credit payout endowment move storage write requests egress burn-share repair-share commission reward holdback "
         "holdback-return repair-work remainder stake unstake slash correction").split()
TRANSFER = re.compile(rf"haulout-transfer/1 {NUMBER} ([0-9a-f]{{32}}) (on|track) ({'|'.join(CODES)}) {NUMBER} "
                      rf"{ACCOUNT} {ACCOUNT} {NUMBER} ([A-Za-z0-9_.\-/:+=@#%]+)")
BEGIN = re.compile(rf"haulout-epoch-begin/1 {NUMBER} ([0-9a-f]{{64}}) {NUMBER}")
END = re.compile(rf"haulout-epoch-end/1 {NUMBER} {NUMBER} {NUMBER}")


def need(condition, *what):
    if not condition:
        raise ValueError(" ".join(map(str, what)))


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text):
    decoded = base64.b64decode(text, validate=True)
    need(base64.b64encode(decoded).decode() == text, "base64 in another form")
    return decoded


def add(p, q):
    """Of Ed25519, RFC 8032, section 5.1, in extended coordinates."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        total, point, scalar = add(total, point) if scalar & 1 else total, add(point, point), scalar >> 1
    return total


def point(encoded):
    sign, y = divmod(int.from_bytes(encoded, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and not (x == 0 and sign), "no point of the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def signed(key, message, signature):
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    scalar = int.from_bytes(signature[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(scalar, base), add(point(signature[:32]), times(challenge, point(key)))
    equal = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    need(len(signature) == 64 and scalar < L and equal, "a signature that the key did not make")


class Policy:
    def __init__(self, text):
        self.logs, self.witnesses, self.names, quorum = [], [], {"none": lambda _: True}, []
        for fields in (line.split() for line in text.splitlines() if not line.strip().startswith("#")):
            if fields[:1] == ["log"]:
                self.logs.append(Policy.key(fields[1], 1))
            elif fields[:1] == ["witness"]:
                self.witnesses.append(Policy.key(fields[2], 4))
                self.names[fields[1]] = lambda known, key=self.witnesses[-1]: key in known
            elif fields[:1] == ["group"]:
                least = {"any": 1, "all": len(fields) - 3}.get(fields[2]) or int(fields[2])
                members = [self.names[name] for name in fields[3:]]
                self.names[fields[1]] = lambda known, members=members, least=least: sum(m(known) for m in members) >= least
            elif fields[:1] == ["quorum"]:
                quorum.append(self.names[fields[1]])
        (self.quorum,) = quorum

    def key(vkey, kind):
        name, key_id, encoded = vkey.split("+", 2)
        key = unbase64(encoded)
        need(key[0] == kind and sha(name.encode(), b"\n", key)[:4].hex() == key_id, "a key of the policy")
        return name, bytes.fromhex(key_id), key[1:]

    def checkpoint(self, content, needs_quorum):
        note = content.decode()
        text, empty, lines = note.rpartition("\n\n")
        need(empty and lines.endswith("\n") and not re.search("[\x00-\x09\x0b-\x1f]", note), "this is no signed note")
        signatures = {}
        for line in lines[:-1].split("\n"):
            match = re.fullmatch(r"\u2014 ([^\s+]+) (\S+)", line)
            need(match, "a line of a signature")
            signatures[match[1], unbase64(match[2])[:4]] = unbase64(match[2])[4:]
        match = re.fullmatch(rf"([^\n]+)\n{NUMBER}\n([^\n]+)((?:\n[^\n]+)*)", text)
        need(match and len(unbase64(match[3])) == 32, "this is no checkpoint")
        message, known = (text + "\n").encode(), []
        logs = [log for log in self.logs if log[0] == match[1] and log[:2] in signatures]
        need(logs, "the log has not signed it")
        for name, key_id, key in logs:
            signed(key, message, signatures[name, key_id])
        for witness in (witness for witness in self.witnesses if witness[:2] in signatures):
            time, signature = int.from_bytes(signatures[witness[:2]][:8], "big"), signatures[witness[:2]][8:]
            signed(witness[2], b"cosignature/v1\ntime %d\n" % time + message, signature)
            known.append(witness)
        need(not needs_quorum or self.quorum(known), "too few witnesses")
        return int(match[2]), unbase64(match[3])


def root(hashes):
    """RFC 6962, section 2.1, of a row of hashes of equal subtrees: pairs first, the odd one goes up as it is."""
    while len(hashes) > 1:
        pairs = [sha(b"\x01", *hashes[at:at + 2]) for at in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(hashes) & ~1:]
    return hashes[0] if hashes else sha()


def tile_path(level, index, width):
    groups = f"{index:,}".split(",")
    groups = [f"x{group:>03}" for group in groups[:-1]] + [f"{groups[-1]:>03}"]
    return f"tile/{level}/" + "/".join(groups) + (f".p/{width}" if width < 256 else "")


def read_leaves(folder, size):
    for index in range(-(-size // 256)):
        width = min(256, size - 256 * index)
        content, at = (folder / tile_path("entries", index, width)).read_bytes(), 0
        for number in range(width):
            length = int.from_bytes(content[at:at + 2], "big")
            need(len(content) >= at + 2 + length, "a bundle that is cut")
            yield f"entry {256 * index + number}:", content[at + 2:at + 2 + length]
            at += 2 + length
        need(at == len(content), "a bundle that is too long")


def is_cause(cause):
    text = urllib.parse.unquote_to_bytes(cause).decode()
    quoted = urllib.parse.quote(text, safe="_.-/:+=@#").replace("~", "%7E")
    return cause in ("-", {"-": "%2D"}.get(quoted, quoted)) and len(text) <= 200


def verify(folder, policy):
    size, head = policy.checkpoint((folder / "checkpoint").read_bytes(), True)
    hashes, ids, balances, sequence, epoch, found = [], set(), {}, 0, None, None
    for where, content in read_leaves(folder, size):
        hashes.append(sha(b"\x00", content))
        line = content.decode()
        if match := TRANSFER.fullmatch(line):
            number, id_, book, _, _, debit, credit, amount, cause = match.groups()
            sequence, amount = sequence + 1, int(amount)
            need(found is not None and int(number) == sequence and id_ not in ids, where, line)
            need(0 < amount < 2**63 and debit != credit and is_cause(cause), where, line)
            ids.add(id_)
            for account, change in (debit, -amount), (credit, amount):
                balances[book, account] = balances.get((book, account), 0) + change
            free = debit == "outside" or (book == "track" and debit.startswith(("payer/", "bucket/")))
            need(free or balances[book, debit] >= 0, where, debit, "gives more than it has")
            found = found[0] + 1, found[1] + amount
        elif match := BEGIN.fullmatch(line):
            need(found is None and epoch in (None, int(match[1]) - 1), where, "an epoch begins out of turn")
            epoch, found, inputs = int(match[1]), (0, 0), (folder / "inputs" / match[1]).read_bytes()
            need(sha(inputs).hex() == match[2] and len(inputs) == int(match[3]), where, "other inputs")
        else:
            match = END.fullmatch(line)
            need(match and found is not None and [*map(int, match.groups())] == [epoch, *found], where, line)
            kept, found = policy.checkpoint((folder / "checkpoints" / str(len(hashes))).read_bytes(), False), None
            need(kept == (len(hashes), root(hashes)), where, "another root in its checkpoint")
    need(found is None and root(hashes) == head and len(hashes) == size, "the end")
    for level in range(8):
        for index in range(-(-len(hashes) // 256)):
            row = hashes[256 * index:256 * index + 256]
            need((folder / tile_path(level, index, len(row))).read_bytes() == b"".join(row), "tile", level, index)
        hashes = [root(hashes[at:at + 256]) for at in range(0, len(hashes) - 255, 256)]
    return f"good: {size} leaves, {sequence} transfers, {len(balances)} accounts"


if __name__ == "__main__":
    trusted, is_wrong = Policy(pathlib.Path(sys.argv[1]).read_text()), False
    for name in sys.argv[2:]:
        try:
            print(verify(pathlib.Path(name), trusted))
        except (OSError, ValueError) as error:
            print(f"WRONG: {error}")
            is_wrong = True
    sys.exit(is_wrong)
