"""The contract as text, for people to read and for git to compare."""

import yaml
from fastapi import FastAPI


class Readable(yaml.SafeDumper):
    """Several lines stay several lines, and nothing refers to what stands elsewhere."""

    def ignore_aliases(self, _: object) -> bool:
        return True

    def text(self, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        if value[2:3] == ":":
            style = "'"  # 22:00 is a number to some who read YAML
        return self.represent_scalar("tag:yaml.org,2002:str", value, style)


Readable.add_representer(str, Readable.text)


def as_yaml(app: FastAPI) -> str:
    """The text of `openapi.yaml`."""
    document = app.openapi()
    return yaml.dump(document, Dumper=Readable, sort_keys=False, allow_unicode=True, width=100)
