"""ceph/s3-tests: left out are tests that the suite itself says Amazon fails, and those that need Keycloak or S3 Select."""
import os
import subprocess

from gateway import HERE, Gateway, free_port, make_certificate, make_kms_keys, read_report

MARKS = "not fails_on_aws and not webidentity_test and not keycloak and not s3select"
PACKAGES = ["pytest-xdist", "pytest-timeout"]
MODULES = ["test_s3.py", "test_headers.py"]
# These tidy away all users of their account, those of other tests too: one after the other.
LONELY_MODULES = ["test_iam.py", "test_sts.py", "test_sns.py"]
# It counts all buckets of its user: nobody else may make any meanwhile.
ALONE = "test_list_buckets_paginated"
# Seconds of a "day" in lifecycle rules, as the suite and the gateway are told.
DAY = 10


def run(suite, python, folder, transport, expression, workers):
    """Names of the tests that passed, and of those that ran."""
    port = free_port()
    with Gateway(folder, settings(folder, port, transport), ["main", "alt", "tenant"]) as gateway:
        environment = {**os.environ, "S3TEST_CONF": str(suite_configuration(gateway, port, transport)), "PYTHONWARNINGS": "ignore"}
        if transport == "https":
            # Some tests verify certificates although the suite is told not to.
            authority = str(folder / "certificate.pem")
            environment |= {"SSL_CERT_FILE": authority, "REQUESTS_CA_BUNDLE": authority}
        return run_in_turns(suite, python, folder, environment, expression, workers)


def settings(folder, port, transport):
    text = f'[s3]\nlisten = "127.0.0.1:{port}"\nbase_domains = ["localhost"]\n'
    # The suite is older than buckets without access lists.
    text += 'default_ownership = "ObjectWriter"\n'
    # And older than owners without names.
    text += "owner_display_names = true\n"
    # It asks a key service for keys of these names; none is the default, which it expects too.
    make_kms_keys(folder, ["testkey-1", "testkey-2"])
    text += '[kms]\nfile = "kms-keys.toml"\n'
    # Settings that only this suite needs, in files beside this one so that each feature brings its own.
    text += "".join(path.read_text() for path in sorted(HERE.glob("*.toml")))
    if transport == "https":
        make_certificate(folder, ["DNS:localhost", "DNS:*.localhost", "IP:127.0.0.1"])
        text += '[tls]\ncertificate = "certificate.pem"\nkey = "key.pem"\n'
    return text


def suite_configuration(gateway, port, transport):
    text = f"[DEFAULT]\nhost = localhost\nport = {port}\nis_secure = {transport == 'https'}\nssl_verify = False\n"
    text += "[fixtures]\nbucket prefix = t-{random}-\niam name prefix = s3-tests-\niam path prefix = /s3-tests/\n"
    text += section(gateway.users["main"], "s3 main", api_name="eu-central-1", lc_debug_interval=DAY)
    text += section(gateway.users["alt"], "s3 alt")
    text += section(gateway.users["tenant"], "s3 tenant", tenant="testx")
    # STS names accounts by their numbers, and those are given in turn: root, main, alt.
    text += section(gateway.root, "iam") + section(gateway.users["main"], "iam root", user_id=f"{2:012}")
    text += section(gateway.users["alt"], "iam alt root")
    text += "[webidentity]\n" + "".join(f"{key} = x\n" for key in
                                        ("token", "aud", "sub", "azp", "user_token", "thumbprint", "KC_REALM"))
    path = gateway.folder / "s3tests.conf"
    path.write_text(text)
    return path


def section(user, title, **more):
    lines = {"display_name": user.name, "user_id": user.id, "email": f"{user.name}@example.com",
             "access_key": user.access_key, "secret_key": user.secret_key, **more}
    return f"[{title}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


def run_in_turns(suite, python, folder, environment, expression, workers):
    tests = suite / "s3tests/functional"
    passed, ran = set(), set()
    turns = [(MODULES, ALONE, 1), (MODULES, f"not {ALONE}", workers), (LONELY_MODULES, f"not {ALONE}", 1)]
    for number, (modules, chosen, workers) in enumerate(turns):
        modules = [str(tests / module) for module in modules if (tests / module).exists()]
        parallel = ["-n", str(workers)] if workers > 1 else []
        chosen = f"({chosen}) and ({expression})" if expression else chosen
        report = folder / f"report-{number}.xml"
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "120", "--tb=line", "-m", MARKS, "-k", chosen,
                   f"--junitxml={report}", *parallel, *modules]
        with open(folder / f"pytest-{number}.txt", "wb") as output:
            subprocess.run(command, cwd=suite, env=environment, stdout=output, stderr=output)
        more_passed, more_ran = read_report(report)
        passed |= more_passed
        ran |= more_ran
    return passed, ran
