"""A gateway for a suite: on free ports, with the suite's users, and with data that is thrown away."""
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class User:
    """One user of a suite, with keys of this run."""

    def __init__(self, name):
        self.name, self.id = name, ""
        self.access_key, self.secret_key = "S3TESTS" + secrets.token_hex(6).upper(), secrets.token_hex(20)


class Gateway:
    """A running gateway; `settings` is its configuration but for the address of the ops listener, with names of files in `folder`."""

    def __init__(self, folder, settings, user_names):
        self.binary = os.environ.get("HAULOUT_BIN", TARGET / "debug/haulout")
        self.folder, self.ops = folder, free_port()
        self.root = User("root")
        self.users = {name: User(name) for name in user_names}
        self.config = folder / "haulout.toml"
        self.config.write_text(f'data = "data"\n[ops]\nlisten = "127.0.0.1:{self.ops}"\n{settings}')

    def environment(self):
        keys = {"HAULOUT_ROOT_ACCESS_KEY": self.root.access_key, "HAULOUT_ROOT_SECRET_KEY": self.root.secret_key}
        return {**os.environ, **keys}

    def haulout(self, *arguments):
        command = [self.binary, *arguments, "--config", self.config]
        return subprocess.run(command, env=self.environment(), check=True, capture_output=True, text=True).stdout

    def __enter__(self):
        self.log = open(self.folder / "haulout.log", "wb")
        command = [self.binary, "serve", "--config", self.config]
        self.process = subprocess.Popen(command, env=self.environment(), stdout=self.log, stderr=self.log)
        for _ in range(150):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.ops}/health/ready", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        else:
            sys.exit("the gateway does not start:\n" + (self.folder / "haulout.log").read_text())
        for user in self.users.values():
            self.haulout("user", "add", user.name, "--access-key", user.access_key, "--secret-key", user.secret_key)
        ids = dict(line.split()[:2] for line in self.haulout("user", "list").splitlines() if len(line.split()) > 1)
        for user in [self.root, *self.users.values()]:
            user.id = ids.get(user.name, "")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def make_certificate(folder, names):
    """`certificate.pem` and `key.pem` in `folder`, for hosts and addresses written as OpenSSL does: `DNS:localhost`."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
                    folder / "certificate.pem", "-days", "3", "-subj", "/CN=localhost", "-addext", "subjectAltName=" + ",".join(names)],
                   check=True, stderr=subprocess.DEVNULL)


def make_kms_keys(folder, names, default=None):
    """`kms-keys.toml` in `folder`, with keys of these names."""
    text = f'default = "{default}"\n' if default else ""
    text += "".join(f'[[key]]\nname = "{name}"\nversions = {{ 1 = "{secrets.token_hex(32)}" }}\n' for name in names)
    path = folder / "kms-keys.toml"
    path.touch(mode=0o600)
    path.write_text(text)


def read_report(report):
    """Names of the tests that passed, and of those that ran, in pytest's JUnit report."""
    passed, ran = set(), set()
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = case.get("classname").split(".")[-1] + ".py::" + case.get("name")
        if case.find("skipped") is not None:
            continue
        ran.add(name)
        if case.find("failure") is None and case.find("error") is None:
            passed.add(name)
    return passed, ran
