"""Settings of how SQL is planned and run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from cmf_hub.settings.group import Group


class Sql(Group):
    """SQL."""

    sql_gateway_url: str = ""
    """Address of a Flink SQL gateway beside the hub (`http://127.0.0.1:8083`) that plans statements and answers DDL,
    SHOW and DESCRIBE. It needs no cluster behind it, and does what statements tell it: give it no rights. Empty:
    statements of SHARED pools are planned by the pool's own gateway, those of DEDICATED pools by nobody."""

    sql_gateway_port: int = Field(default=8083, ge=0, le=65535)
    """TCP port of the SQL gateway that runs beside the JobManager of a session cluster (Flink 1.17 and later), reached
    through the API server; 0: session clusters have none, so no statement of theirs is planned and no query runs."""

    sql_gateway_timeout_seconds: float = Field(default=60.0, gt=0)
    """Seconds until a SQL gateway must have planned or answered a statement."""

    sql_runner: Literal["jar", "driver"] = "jar"
    """What runs a statement on a DEDICATED pool. jar: CMF_STATEMENT_JAR_URI with two arguments, the statement and the
    encrypted script of its catalogs and tables. driver: the SqlDriver that Flink ships since 2.0, which takes
    everything as one readable argument, so not where catalogs need secrets."""

    sql_driver_jar_uri: str = "local:///opt/flink/opt/flink-sql-gateway.jar"
    """Jar with Flink's SqlDriver, for `driver`: in Flink's images it has the version in its name."""

    sql_catalog_ddl: str = "CREATE CATALOG {catalog} WITH ('type'='generic_in_memory', 'default-database'={default})"
    """Statement that makes a KafkaCatalog known to Flink. {catalog} is its name, quoted; {default} the name of its
    first database, as text; {options} its connectionConfig and secret as `'key' = 'value', ...`. The default keeps
    tables in memory; the hub makes them anew in each session by the DDL that completed before. Of a template without
    generic_in_memory the hub remembers no DDL: such a catalog keeps its tables itself."""

    sql_database_ddl: str = "CREATE DATABASE IF NOT EXISTS {catalog}.{database}"
    """Statement that makes a database known, once a database; also with {database}, and {options} of the database."""

    @field_validator("sql_gateway_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        return url
