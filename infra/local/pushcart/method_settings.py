"""Limits of one method, by the path as API Gateway documents it.

A stage's setting for one method names the path with its slashes written as ``~1``, after a
slash of its own: ``/~1store~1carts~1{id}~1complete``. MiniStack takes the text as it stands,
so such a setting would hold for no method, and one with a plain path would, which nobody
promises for AWS. :func:`install` reads the documented form and passes over the other. It is for
the pinned MiniStack; tests/local/test_method_settings.py fails, saying so, once MiniStack no
longer needs it.
"""

from typing import Any

from ministack.services.cloudformation import provisioners

Settings = dict[str, Any]


def install() -> None:
    """Read methods' settings as documented, in this process, before it serves anything."""
    read_alone = provisioners._apigw_method_settings

    def method_settings(raw: Any) -> Settings:
        if not isinstance(raw, list):
            of_others: Settings = read_alone(raw)
            return of_others
        settings: Settings = read_alone([as_served(each) for each in raw if _is_documented(each)])
        return settings

    provisioners._apigw_method_settings = method_settings


def as_served(setting: Settings) -> Settings:
    """Give a method's setting with the path that requests have."""
    path = setting.get("ResourcePath", "/*").replace("/~1", "/", 1).replace("~1", "/")
    return {**setting, "ResourcePath": path}


def _is_documented(setting: Settings) -> bool:
    return "/" not in setting.get("ResourcePath", "/*")[1:]
