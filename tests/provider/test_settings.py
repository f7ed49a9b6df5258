"""The provider's settings: stack configuration before environment variables, and clear errors."""

from pathlib import Path

import pytest
from pulumi_cmf.lifecycle.settings import Settings, SettingsError

URL = {"cmf:url": "http://cmf:8080/"}
FULL = {
    "CMF_URL": "https://cmf",
    "CMF_TOKEN": "TOPSECRET",
    "CMF_CLIENT_CERTIFICATE": "/tls/crt",
    "CMF_CLIENT_KEY": "/tls/key",
    "CMF_CA": "/tls/ca",
    "CMF_KUBECONFIG_DIRECTORY": "/etc/cmf/kubeconfig",
    "CMF_REQUEST_TIMEOUT_SECONDS": "7.5",
}


def test_everything_can_come_from_the_environment() -> None:
    settings = Settings.read(lambda _: None, FULL)
    client = settings.client()
    assert (client.url, client.token, client.timeout) == ("https://cmf", "TOPSECRET", 7.5)
    assert (client.client_certificate, client.client_key, client.ca) == (
        Path("/tls/crt"),
        Path("/tls/key"),
        Path("/tls/ca"),
    )
    assert settings.kubeconfig_directory == Path("/etc/cmf/kubeconfig")
    assert "TOPSECRET" not in repr(settings) + repr(client)


def test_stack_configuration_wins() -> None:
    configured = {**URL, "cmf:token": "t", "cmf:clientCertificate": "~/crt", "cmf:kubeconfigSecret": "cmf/kubeconfigs"}
    settings = Settings.read(configured.get, {"CMF_URL": "http://other", "CMF_TOKEN": "other"})
    assert (settings.url, settings.token) == ("http://cmf:8080", "t")
    assert settings.client_certificate == Path.home() / "crt"
    assert settings.kubeconfig_secret == ("cmf", "kubeconfigs")


@pytest.mark.parametrize(
    ("configured", "told"),
    [
        ({}, "pulumi config set cmf:url"),
        ({"cmf:url": "cmf:8080"}, "must begin with http:// or https://"),
        ({**URL, "cmf:requestTimeoutSeconds": "soon"}, "positive number of seconds"),
        ({**URL, "cmf:requestTimeoutSeconds": "0"}, "positive number of seconds"),
        ({**URL, "cmf:kubeconfigSecret": "kubeconfigs"}, "NAMESPACE/NAME"),
        ({**URL, "cmf:kubeconfigSecret": "a/b", "cmf:kubeconfigDirectory": "/d"}, "keep one"),
    ],
)
def test_a_wrong_setting_is_one_sentence(configured: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.read(configured.get, {})
