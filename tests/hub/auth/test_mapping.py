"""Names of principals from names of certificates."""

import pytest
from cmf_hub.auth.mapping import PrincipalMapping

NAME = "CN=Duke,OU=ServiceUsers,O=Unknown,L=Unknown,ST=Unknown,C=Unknown"


@pytest.mark.parametrize(
    ("rules", "name", "result"),
    [
        ("DEFAULT", NAME, NAME),
        (r"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/", NAME, "Duke"),
        (r"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L", NAME, "duke"),
        (r"RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/U", NAME, "DUKE@SERVICEUSERS"),
        (r"RULE:^CN=nobody$/x/, RULE:^CN=(.*?),.*$/$1/ ,DEFAULT", NAME, "Duke"),
        (r"RULE:^CN=nobody$/x/,DEFAULT", NAME, NAME),
        (r"RULE:^CN=nobody$/x/", NAME, None),
        (r"RULE:CN=Duke/x/", NAME, None),  # has to fit the whole name
        (r"RULE:^CN=(a)?b$/<$1>/", "CN=b", "<>"),
        (r"RULE:spiffe:\/\/(.*)/$1/", "spiffe://acme/flink", "acme/flink"),
    ],
)
def test_the_first_rule_that_fits_decides(rules: str, name: str, result: str | None) -> None:
    assert PrincipalMapping(rules).apply(name) == result


@pytest.mark.parametrize(
    "rules", ["", ",", "default", "RULE:a", "RULE:a/b", "RULE:(/b/", "RULE:a/$1/", "DEFAULT;DEFAULT"]
)
def test_what_is_no_rule_is_refused(rules: str) -> None:
    with pytest.raises(ValueError, match=r"rule|RULE|expression|group"):
        PrincipalMapping(rules)
