"""The hook: Headrace as a program, by a connection of the type ``headrace``."""

import os
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from headrace_provider.program import HeadraceError, Program, program_of


class HeadraceHook(BaseHook):
    """Headrace in an environment of its own.

    Args:
        headrace_conn_id: Connection of the type ``headrace``.
    """

    conn_name_attr = "headrace_conn_id"
    default_conn_name = "headrace_default"
    conn_type = "headrace"
    hook_name = "Headrace"

    def __init__(self, headrace_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.headrace_conn_id = headrace_conn_id

    def get_conn(self) -> Program:
        """Return the program of the connection.

        Raises:
            HeadraceError: If the connection's fields cannot be used.
        """
        return _program(self.get_connection(self.headrace_conn_id))

    async def aget_conn(self) -> Program:
        """Return the program of the connection, in an event loop."""
        return _program(await self.aget_connection(self.headrace_conn_id))

    def test_connection(self) -> tuple[bool, str]:
        """Return whether Headrace starts and Kubeflow Pipelines, if it is named, answers; with a sentence."""
        try:
            program = self.get_conn()
            found = program.run("--version", seconds=60).strip()
            if "HEADRACE_KFP_ENDPOINT" in program.environment:
                program.run("runs", "--limit", "1", "--json", seconds=60)
                found += f"; {program.environment['HEADRACE_KFP_ENDPOINT']} answers"
        except HeadraceError as error:
            return False, str(error)
        return True, found


def _program(connection: Any) -> Program:
    token, extra = connection.password or "", connection.extra_dejson
    for secret in (token, extra.get("s3_secret_key")):
        if secret:
            mask_secret(secret)
    return program_of(extra, token, os.environ)
