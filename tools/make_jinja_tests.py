#!/usr/bin/env python3
"""Fills in what each case of tests/data/jinja/*.json should give, by rendering it with the Python package jinja2.

A case has a name, a template (one string or a list of lines) and vars; this program sets "expect" (the text), or
"fails" when jinja2 fails. Settings and functions are those that chat templates expect. The date is fixed.
"""
import datetime
import glob
import json
import os
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2024, 7, 26, 12, 5, 9, tzinfo=datetime.timezone.utc)


class Generation(jinja2.ext.Extension):
    """{% generation %} only groups."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def raise_exception(message):
    raise jinja2.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def render(template, variables):
    return environment().from_string(template).render(**variables)


def fill(path):
    with open(path, encoding="utf-8") as f:
        cases = json.load(f)
    for case in cases:
        template = case["template"]
        if isinstance(template, list):
            template = "\n".join(template)
        case.pop("expect", None)
        case.pop("fails", None)
        try:
            case["expect"] = render(template, case.get("vars", {}))
        except Exception:
            case["fails"] = True
    with open(path, "w", encoding="utf-8") as f:
        json.dump(cases, f, ensure_ascii=False, indent=1)
        f.write("\n")
    return len(cases)


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "tests", "data", "jinja")
    print(sum(fill(path) for path in sorted(glob.glob(os.path.join(folder, "*.json")))), "cases")
