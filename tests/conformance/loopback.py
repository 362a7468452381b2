"""A plugin of pytest: names below amazonaws.com lead to the gateway on loopback, everything else to nowhere."""
import os
import socket

PORTS = {name: int(port) for name, port in (pair.split("=") for pair in os.environ["HAULOUT_LOOPBACK_PORTS"].split())}
resolve = socket.getaddrinfo


def port_of(host, port):
    if ".s3-website" in host:
        return PORTS["website"]
    return PORTS["https"] if port in (443, "443", "https") else PORTS["http"]


def getaddrinfo(host, port, *arguments, **named):
    name = host.decode() if isinstance(host, bytes) else host
    if name and name.rstrip(".").endswith("amazonaws.com"):
        return resolve("127.0.0.1", port_of(name, port), *arguments, **named)
    return resolve(host, port, *arguments, **named)


socket.getaddrinfo = getaddrinfo


def pytest_configure():
    # Clients that ask for the usual authorities trust the gateway's certificate.
    import botocore.httpsession

    botocore.httpsession.where = lambda: os.environ["SSL_CERT_FILE"]
