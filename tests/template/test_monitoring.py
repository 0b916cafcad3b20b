"""The alarms watch what the shop really counts."""

from __future__ import annotations

import re
from typing import Any

from samcli.yamlhelper import yaml_parse

from cloud_in_memory import ROOT, template


def monitoring() -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse((ROOT / "infra/monitoring.yaml").read_text())
    return document


def alarms() -> list[dict[str, Any]]:
    resources = monitoring()["Resources"].values()
    return [one["Properties"] for one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]


def test_every_metric_of_ours_that_an_alarm_watches_is_counted_by_a_function() -> None:
    watched = {alarm["MetricName"] for alarm in alarms() if alarm["Namespace"] == "Pushcart"}
    code = "\n".join(path.read_text() for path in (ROOT / "functions").glob("*/*.py"))
    assert watched
    assert watched <= set(re.findall(r'count\("(\w+)"', code))


def test_every_alarm_tells_somebody_and_says_what_to_do() -> None:
    for alarm in alarms():
        assert alarm["AlarmActions"] == [{"Ref": "Alerts"}]
        assert len(alarm["AlarmDescription"]) > 40
        assert alarm["TreatMissingData"] == "notBreaching"


def test_the_stack_gives_monitoring_every_parameter_it_needs() -> None:
    given = template()["Resources"]["Monitoring"]["Properties"]["Parameters"]
    assert given.keys() == monitoring()["Parameters"].keys()
