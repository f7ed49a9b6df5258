"""Provider: a CMF of its own beside the one of the stack's configuration."""

from __future__ import annotations

import pulumi
from pulumi import Input

from pulumi_cmf.lifecycle.settings import NAMESPACE
from pulumi_cmf.resources.base import uses_plugin


class Provider(pulumi.ProviderResource):
    """Where a CMF is, for the resources that name it in `opts=pulumi.ResourceOptions(provider=...)`.

    One program can so manage several CMFs. Only with the plugin (`pulumi config set cmf:plugin true`): dynamic
    resources all use the stack's configuration.
    """

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        url: Input[str] | None = None,
        token: Input[str] | None = None,
        token_file: Input[str] | None = None,
        oauth_token_url: Input[str] | None = None,
        oauth_client_id: Input[str] | None = None,
        oauth_client_secret: Input[str] | None = None,
        oauth_scope: Input[str] | None = None,
        client_certificate: Input[str] | None = None,
        client_key: Input[str] | None = None,
        ca: Input[str] | None = None,
        request_timeout_seconds: Input[float] | None = None,
        kubeconfig_directory: Input[str] | None = None,
        kubeconfig_secret: Input[str] | None = None,
        kubeconfig_secret_kubeconfig: Input[str] | None = None,
        foretell: Input[bool] | None = None,
    ) -> None:
        """Describe a CMF. What is not given comes from the environment, as the settings' page says.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            url: base address, such as `http://cmf:8080`.
            token: bearer token. A secret.
            token_file: file with a bearer token, read for every request.
            oauth_token_url: token endpoint of an OAuth issuer.
            oauth_client_id: name of the client there.
            oauth_client_secret: its secret. A secret.
            oauth_scope: scope to ask for.
            client_certificate: PEM file for mutual TLS.
            client_key: PEM file of its key; default: in the certificate's file.
            ca: PEM file of the authority of CMF's certificate; default: the system's.
            request_timeout_seconds: seconds of one request; default 30.
            kubeconfig_directory: the directory that CMF watches for kubeconfig files (C10, C17).
            kubeconfig_secret: NAMESPACE/NAME of the Kubernetes Secret that is mounted there (C18).
            kubeconfig_secret_kubeconfig: kubeconfig file of the cluster that holds this Secret.
            foretell: whether a preview asks CMF what it would refuse; default true.

        Raises:
            pulumi.RunError: the stack's resources are dynamic ones.
        """
        if not uses_plugin():
            raise pulumi.RunError(
                "pulumi_cmf.Provider needs the plugin: run `pulumi config set cmf:plugin true`, which moves the "
                "stack's resources to it without replacing them"
            )
        inputs = {
            "url": url,
            "token": None if token is None else pulumi.Output.secret(token),
            "tokenFile": token_file,
            "oauthTokenUrl": oauth_token_url,
            "oauthClientId": oauth_client_id,
            "oauthClientSecret": None if oauth_client_secret is None else pulumi.Output.secret(oauth_client_secret),
            "oauthScope": oauth_scope,
            "clientCertificate": client_certificate,
            "clientKey": client_key,
            "ca": ca,
            "requestTimeoutSeconds": request_timeout_seconds,
            "kubeconfigDirectory": kubeconfig_directory,
            "kubeconfigSecret": kubeconfig_secret,
            "kubeconfigSecretKubeconfig": kubeconfig_secret_kubeconfig,
            "foretell": foretell,
        }
        super().__init__(NAMESPACE, resource_name, inputs, opts)
