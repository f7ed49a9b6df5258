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


def test_the_variables_of_confluents_command_line_are_understood_after_ours() -> None:
    theirs = {
        "CONFLUENT_CMF_URL": "https://theirs",
        "CONFLUENT_CMF_CLIENT_CERT_PATH": "/crt",
        "CONFLUENT_CMF_CLIENT_KEY_PATH": "/key",
        "CONFLUENT_CMF_CERTIFICATE_AUTHORITY_PATH": "/ca",
    }
    client = Settings.read(lambda _: None, theirs).client()
    found = (client.url, client.client_certificate, client.client_key, client.ca)
    assert found == ("https://theirs", Path("/crt"), Path("/key"), Path("/ca"))
    assert Settings.read(lambda _: None, {**theirs, "CMF_URL": "https://ours"}).url == "https://ours"


def test_client_credentials_reach_the_client_and_no_text() -> None:
    oauth = {
        **URL,
        "cmf:oauthTokenUrl": "https://issuer/token",
        "cmf:oauthClientId": "pulumi",
        "cmf:oauthClientSecret": "TOPSECRET",
    }
    settings = Settings.read(oauth.get, {})
    credentials = settings.client().credentials
    assert credentials is not None
    assert (credentials.token_url, credentials.client_id) == ("https://issuer/token", "pulumi")
    assert credentials.client_secret == "TOPSECRET"
    assert "TOPSECRET" not in repr(settings) + repr(settings.client())


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
        ({**URL, "cmf:token": "t", "cmf:tokenFile": "/token"}, "keep one"),
        ({**URL, "cmf:oauthTokenUrl": "https://issuer", "cmf:oauthClientId": "i"}, "set all three"),
        ({**URL, "cmf:kubeconfigSecret": "kubeconfigs"}, "NAMESPACE/NAME"),
        ({**URL, "cmf:kubeconfigSecret": "a/b", "cmf:kubeconfigDirectory": "/d"}, "keep one"),
    ],
)
def test_a_wrong_setting_is_one_sentence(configured: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.read(configured.get, {})
