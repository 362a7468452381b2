"""Recordings of Amazon: LocalStack's snapshot tests and moto's tests marked `aws_verified`, in their mode for the real cloud.

The tests speak to names below amazonaws.com, over the real ports; `loopback.py`, a plugin of pytest, leads them to the gateway.
"""
import os
import subprocess

from gateway import HERE, Gateway, free_port, make_certificate, make_kms_keys, read_report

REGIONS = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-central-1", "ap-southeast-1", "ap-south-1"]
SERVICES = ["s3", "iam", "sts", "s3-control", "kms", "sns", "sqs", "events"]

# Of each suite: the folder of its tests, what pytest is asked besides, the variable that chooses the real cloud, packages to install.
SUITES = {
    "localstack": {
        "tests": "tests/aws/services/s3",
        "options": ["--tb=short", "--color=no"],
        "environment": {"TEST_TARGET": "AWS_CLOUD"},
        "packages": ["localstack-core[base-runtime]", "localstack-snapshot", "cbor2<6", "moto-ext", "pytest-httpserver",
                     "pytest-rerunfailures", "pytest-split"],
    },
    "moto": {
        "tests": "tests/test_s3",
        # S3 Select is not offered; the other two test moto's own workings and need all of its tests.
        "options": ["-m", "aws_verified", "--tb=short", "--color=no", "--ignore=tests/test_s3/test_s3_select.py",
                    "--ignore=tests/test_s3/test_s3_lambda_integration.py", "--ignore=tests/test_s3/test_s3_eventbridge_integration.py"],
        "environment": {"MOTO_TEST_ALLOW_AWS_REQUEST": "true"},
        "packages": ["moto[s3,server]", "freezegun"],
    },
}


def run(name, suite, python, folder, expression, workers):
    """Names of the tests that passed, and of those that ran."""
    chosen = SUITES[name]
    ports = {"http": free_port(), "https": free_port(), "website": free_port()}
    # The first account, 000000000002, is nobody's: LocalStack's tests take that number for somebody else.
    with Gateway(folder, settings(folder, ports), ["first", "main", "alt"]) as gateway:
        report = folder / "report.xml"
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "loopback", "--timeout", "120", *chosen["options"],
                   "-n", str(workers), f"--junitxml={report}", chosen["tests"]]
        command += ["-k", expression] if expression else []
        environment = {**environment_of(gateway, suite, ports), **chosen["environment"]}
        with open(folder / "pytest.txt", "wb") as output:
            subprocess.run(command, cwd=suite, env=environment, stdout=output, stderr=output)
        return read_report(report)


def settings(folder, ports):
    domains = [f"s3.{region}.amazonaws.com" for region in REGIONS]
    text = f'[s3]\nlisten = "127.0.0.1:{ports["http"]}"\nbase_domains = {["s3.amazonaws.com", *domains]}\n'
    text += f'[website]\nlisten = "127.0.0.1:{ports["website"]}"\nbase_domains = ["s3-website-us-east-1.amazonaws.com"]\n'
    make_kms_keys(folder, ["aws-s3"], default="aws-s3")
    text += '[kms]\nfile = "kms-keys.toml"\n'
    names = [f"{wild}{service}{region}.amazonaws.com" for service in SERVICES for wild in ("", "*.")
             for region in ["", *(f".{region}" for region in REGIONS)]]
    make_certificate(folder, [f"DNS:{name}" for name in names])
    text += f'[tls]\ncertificate = "certificate.pem"\nkey = "key.pem"\nlisten = "127.0.0.1:{ports["https"]}"\n'
    return text


def environment_of(gateway, suite, ports):
    main, alt, authority = gateway.users["main"], gateway.users["alt"], str(gateway.folder / "certificate.pem")
    credentials = gateway.folder / "credentials"
    credentials.write_text(f"[alt]\naws_access_key_id = {alt.access_key}\naws_secret_access_key = {alt.secret_key}\nregion = us-east-1\n")
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": main.access_key,
        "AWS_SECRET_ACCESS_KEY": main.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "SECONDARY_TEST_AWS_PROFILE": "alt",
        "AWS_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "REQUESTS_CA_BUNDLE": authority,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HAULOUT_LOOPBACK_PORTS": " ".join(f"{name}={port}" for name, port in ports.items()),
        "PYTHONPATH": f"{HERE}:{suite}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
    }
