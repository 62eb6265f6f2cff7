"""The rules under Prometheus' own ``promtool``: each alert fires and resolves at its minute, gaps or not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.core.base.errors import InputError
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.service.service_objectives import AlertSeverity, ServiceObjective
from headrace.monitoring.rules.alert_rules import COVERED_BY_SERVERS, make_alert_rules
from headrace.monitoring.rules.rule_files import make_groups, render_prometheus_rule, render_rules
from tests.real.prometheus import promtool

DAY = (
    ServiceObjective("availability", "availability", 0.99, period_days=1),
    ServiceObjective("latency", "latency", 0.95, threshold_seconds=1.0),
)
TARGET = 'job="models",instance="10.0.0.7:8080",namespace="shop",pod="tumours-1"'
INFO = f'headrace_model_info{{{TARGET},name="tumours",digest="abc"}}'
WORKER = 'job="streams",instance="10.0.0.8:9466",namespace="shop",pod="headrace-stream-0"'
MODEL = {"namespace": "shop", "model": "tumours"}


def test_every_monitor_has_an_alert() -> None:
    """By its gauge, or by the servers' counters."""
    expressions = " ".join(rule.expression for rule in make_alert_rules(()) if "violated" in rule.expression)
    without = [name for name in MONITORS if name not in COVERED_BY_SERVERS and name not in expressions]
    assert without == []


def test_no_alert_has_a_clock_that_a_gap_resets() -> None:
    """``for`` begins again after a failed scrape (Prometheus 2.42); the operator's object has the same rules."""
    rules = [rule for group in make_groups()["groups"] for rule in group["rules"]]
    assert [rule for rule in rules if "for" in rule] == []
    shipped = yaml.safe_load(render_prometheus_rule())
    assert shipped["spec"] == yaml.safe_load(render_rules())
    assert "&id" not in render_rules()


def test_a_threshold_that_no_server_counts_is_refused() -> None:
    """Below 0.3 seconds nobody knows how many requests there are."""
    with pytest.raises(InputError, match=r"one of 0.0001, .*, 10.0 seconds, the edges"):
        render_rules((ServiceObjective("latency", "latency", 0.99, threshold_seconds=0.3),))


def run_promtool(
    folder: Path, series: dict[str, str], moments: dict[str, list[dict[str, str]]], interval: str = "30s"
) -> None:
    """Test the rules with a sample of each series every 15 seconds.

    What fires is read from ``ALERTS``, so that at each moment all alerts are compared, not those of one name.

    Args:
        folder: Where the files are written.
        series: Values of series by their name, in promtool's notation.
        moments: Labels of all alerts that fire, by moment; ``name`` is the alert's.
        interval: How often rules are evaluated.
    """
    severity = {rule.name: rule.severity for rule in reversed(make_alert_rules(DAY))}
    tests = [
        {
            "expr": "ALERTS",
            "eval_time": moment,
            "exp_samples": [{"labels": write_labels(severity[alert["name"]], **alert), "value": 1} for alert in alerts],
        }
        for moment, alerts in moments.items()
    ]
    query_rules(folder, series, tests, interval)


def query_rules(folder: Path, series: dict[str, str], tests: list[dict[str, Any]], interval: str = "30s") -> None:
    """Compare what queries return with what they should, as promtool's ``promql_expr_test``."""
    (folder / "rules.yaml").write_text(render_rules(DAY))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": interval,
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    (folder / "tests.yaml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", folder / "tests.yaml")


def write_labels(usual: AlertSeverity, *, name: str, **more: str) -> str:
    """The series of an alert that fires."""
    labels = {"alertname": name, "alertstate": "firing", "severity": usual, **MODEL, **more}
    return f"ALERTS{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"


@pytest.mark.prometheus
def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    """Those with the defaults too; its linter finds no two rules for one series."""
    (tmp_path / "rules.yaml").write_text(render_rules())
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", tmp_path / "rules.yaml")


GOOD = f'headrace_requests_total{{{TARGET},protocol="v1",code="200"}}'
BAD = f'headrace_requests_total{{{TARGET},protocol="v1",code="503"}}'
BURN = {"name": "HeadraceErrorBudgetBurn", "objective": "availability"}
HOUR, SIX_HOURS = {**BURN, "window": "1h"}, {**BURN, "window": "6h"}
SPENT = {"name": "HeadraceErrorBudgetSpent", "objective": "availability"}
MONITORED = 'headrace_monitor_last_run_timestamp_seconds{job="monitor",namespace="shop",model="tumours"}'


@pytest.mark.prometheus
@pytest.mark.parametrize("gap", [False, True], ids=["scraped", "gap"])
def test_a_burnt_budget_is_reported_at_its_minute(tmp_path: Path, *, gap: bool) -> None:
    """From the 60th to the 80th minute 0.5 of 10.5 requests per second fail, of which 1 % may over a day.

    Then 1.04 % of 80 minutes' requests were bad: the budget of what is known of the day is spent. The limits are
    0.48 % over an hour and 0.2 % over six. A rate over five minutes lags 2.5 minutes behind, so that the
    hour has (t - 62.5) / 60 * 4.76 % at minute t: beyond 0.48 % from minute 68.5 on. Two and a half minutes without a
    scrape delay it by one minute, for rates are low in a gap; a ``for`` would have begun again.
    """
    infos, goods, bads = "1x480", "0+150x480", "0x240 7.5+7.5x79 600x159"
    if gap:
        infos, goods = "1x249 _x10 1x220", "0+150x249 _x10 39000+150x220"
        bads = "0x240 7.5+7.5x8 _x10 150+7.5x60 600x159"
    run_promtool(
        tmp_path,
        {INFO: infos, GOOD: goods, BAD: bads, MONITORED: "0+15x480"},
        {
            "60m": [],
            "64m": [],
            "68m": [SIX_HOURS],
            "70m": [HOUR, SIX_HOURS],
            "83m": [HOUR, SIX_HOURS, SPENT],
            "85m": [SIX_HOURS, SPENT],
            "115m": [],
        },
    )


@pytest.mark.prometheus
def test_a_slow_model_burns_its_budget_too(tmp_path: Path) -> None:
    """All requests need more than the second that 95 % of them may: within minutes 20 times as fast as allowed."""
    durations = "headrace_request_duration_seconds"
    labels = f'{{{TARGET},protocol="v1"'
    run_promtool(
        tmp_path,
        {
            INFO: "1x480",
            f"{durations}_count{labels}}}": "0+150x480",
            f'{durations}_bucket{labels},le="1.0"}}': "0+150x240 36000x239",
            f'{durations}_bucket{labels},le="+Inf"}}': "0+150x480",
            MONITORED: "0+15x480",
        },
        {
            "60m": [],
            "115m": [
                {**BURN, "objective": "latency", "window": "1h"},
                {**BURN, "objective": "latency", "window": "6h"},
                {**BURN, "objective": "latency", "window": "3d", "severity": "warning"},
                {**SPENT, "objective": "latency"},
            ],
        },
    )


@pytest.mark.prometheus
def test_a_few_errors_of_few_requests_are_no_alert(tmp_path: Path) -> None:
    """Three requests in an hour, one of which fails, burn a third of the budget of a day; nobody is woken for one."""
    run_promtool(
        tmp_path,
        {INFO: "1x480", GOOD: "0x100 1x300 2x79", BAD: "0x240 1x239", MONITORED: "0+15x480"},
        {"62m": [], "64m": [], "100m": []},
    )


@pytest.mark.prometheus
def test_a_model_without_servers_is_down_after_three_minutes(tmp_path: Path) -> None:
    """Two minutes without a scrape are none; at the fourth the alert fires, until it answers again."""
    run_promtool(
        tmp_path,
        {INFO: "1x40 _x8 1x40 stale _x40 1x40", MONITORED: "0+15x240"},
        {"12m": [], "22m": [], "24m30s": [], "25m30s": [{"name": "HeadraceModelDown"}], "34m": []},
    )


def results(monitor: str, status: str) -> str:
    """A gauge of the monitor."""
    labels = f'job="monitor",namespace="shop",model="tumours",monitor="{monitor}",status="{status}"'
    return f"headrace_monitor_results{{{labels}}}"


@pytest.mark.prometheus
def test_results_of_monitors_fire_through_a_gap(tmp_path: Path) -> None:
    """From the first scrape to ten minutes after the last, though the monitor is not scraped for five minutes."""
    drift = {"name": "HeadraceDrift", "monitor": "input_drift"}
    fault = {"name": "HeadraceDataFault", "monitor": "contract_violations"}
    worse = {"name": "HeadracePerformance", "monitor": "degradation"}
    run_promtool(
        tmp_path,
        {
            results("input_drift", "violated"): "0x40 2x10 _x20 2x10 0x80",
            results("contract_violations", "data_fault"): "0x80 1x10 0x80",
            results("degradation", "violated"): "0x120 1x40",
            MONITORED: "0+15x160",
        },
        {
            "10m": [],
            "10m30s": [drift],
            "17m": [drift],
            "20m30s": [drift, fault],
            "29m": [drift, fault],
            "31m": [worse, fault],
            "34m": [worse],
        },
    )


@pytest.mark.prometheus
def test_a_monitor_that_is_missing_or_late_is_reported(tmp_path: Path) -> None:
    """Served for an hour without a monitor; then one that stops running: three runs of ten minutes are missing."""
    interval = MONITORED.replace("last_run_timestamp", "interval")
    run_promtool(
        tmp_path,
        {
            INFO: "1x640",
            MONITORED: "_x260 3900+15x60 4800x320",
            interval: "_x260 600x380",
        },
        {
            "59m": [],
            "61m": [{"name": "HeadraceMonitorAbsent"}],
            "66m": [],
            "109m": [],
            "111m": [{"name": "HeadraceMonitorLate"}],
        },
    )


@pytest.mark.prometheus
def test_a_monitor_that_sees_nothing_is_reported_after_six_hours(tmp_path: Path) -> None:
    """One report in between that knows the availability begins the six hours again."""
    run_promtool(
        tmp_path,
        {results("availability", "unknown"): "1x1444 0x20", MONITORED: "0+15x1465"},
        {"355m": [], "360m": [{"name": "HeadraceMonitorBlind"}], "365m": []},
        interval="5m",
    )


@pytest.mark.prometheus
def test_what_servers_count_is_reported(tmp_path: Path) -> None:
    """Refused requests, lost entries of the log, a refused version, and the third restart within an hour."""
    refused = f'headrace_rejected_requests_total{{{TARGET},reason="category"}}'
    lost, start = f"headrace_log_entries_dropped_total{{{TARGET}}}", f"process_start_time_seconds{{{TARGET}}}"
    failed = f'headrace_model_reloads_total{{{TARGET},result="refused"}}'
    run_promtool(
        tmp_path,
        {
            INFO: "1x480",
            GOOD: "0+10x480",
            refused: "0x80 1+1x39 40x360",
            lost: "0x80 1x400",
            failed: "0x80 1x400",
            start: "100x19 200x20 300x20 400x420",
            MONITORED: "0+15x480",
        },
        {
            "10m": [],
            "14m": [],
            "15m30s": [{"name": "HeadraceRestarts"}],
            "21m": [
                {"name": "HeadraceRestarts"},
                {"name": "HeadraceLogEntriesLost"},
                {"name": "HeadraceReloadFailed"},
            ],
            "30m": [
                {"name": "HeadraceRestarts"},
                {"name": "HeadraceLogEntriesLost"},
                {"name": "HeadraceReloadFailed"},
                {"name": "HeadraceRefusedRequests"},
            ],
            "50m": [{"name": "HeadraceRestarts"}],
            "100m": [],
        },
    )


@pytest.mark.prometheus
def test_what_streams_count_is_reported(tmp_path: Path) -> None:
    """A worker that is behind through a gap, many dead letters, deleted events, and at last no worker at all."""
    stream = f'headrace_stream_model_info{{{WORKER},model="tumours",version="%s",digest="%s"}}'
    counts = {name: f"headrace_stream_{name}{{{WORKER}}}" for name in ("ready", "events_total", "lost_offsets_total")}
    run_promtool(
        tmp_path,
        {
            stream % ("1", "abc"): "1x100 _x380",
            stream % ("2", "def"): "_x101 1x99 _x280",
            counts["ready"]: "1x19 0x19 _x4 0x22 1x134",
            counts["events_total"]: "0+100x200",
            counts["lost_offsets_total"]: "0x119 7x80",
            f'headrace_stream_rejects_total{{{WORKER},reason="type"}}': "0x79 0+10x39 400x80",
        },
        {
            "10m": [],
            "15m30s": [{"name": "HeadraceStreamBehind"}],
            "17m": [],
            "29m": [{"name": "HeadraceStreamRejects"}],
            "31m": [{"name": "HeadraceStreamRejects"}, {"name": "HeadraceStreamEventsLost"}],
            "54m": [{"name": "HeadraceStreamDown"}],
        },
    )


@pytest.mark.prometheus
def test_servers_are_counted_by_the_model_that_they_serve(tmp_path: Path) -> None:
    """Two servers of one model, of which one ends; a third that serves a model of another name from minute 20 on.

    For five minutes its rate counts for both names, because it belongs to both; nothing is an error.
    """
    second, third = TARGET.replace("tumours-1", "tumours-2"), TARGET.replace("tumours-1", "other")
    counted = 'headrace_requests_total{%s,protocol="v1",code="200"}'
    info = 'headrace_model_info{%s,name="%s",digest="abc"}'
    rate = "model:headrace_requests:rate5m"

    def expect(moment: str, **rates: float) -> dict[str, Any]:
        labels = {model: f'{rate}{{namespace="shop",model="{model}"}}' for model in rates}
        samples = [{"labels": labels[model], "value": value} for model, value in rates.items()]
        return {"expr": rate, "eval_time": moment, "exp_samples": samples}

    query_rules(
        tmp_path,
        {
            INFO: "1x240",
            GOOD: "0+150x240",
            info % (second, "tumours"): "1x120 stale",
            counted % second: "0+150x120 stale",
            info % (third, "old"): "1x79 stale",
            info % (third, "new"): "_x80 1x160",
            counted % third: "0+30x240",
        },
        [
            expect("10m", old=2, tumours=20),
            expect("22m", old=2, new=2, tumours=20),
            expect("30m", new=2, tumours=20),
            expect("40m", new=2, tumours=10),
        ],
    )


@pytest.mark.prometheus
def test_latency_and_the_budget_that_is_left(tmp_path: Path) -> None:
    """90 of 100 requests within 0.1 s, the others within 1 s; half of the budget of the hour is used up."""
    bucket = f'headrace_request_duration_seconds_bucket{{{TARGET},protocol="v1",le="%s"}}'
    labels = '{namespace="shop",model="tumours"}'
    query_rules(
        tmp_path,
        {
            INFO: "1x240",
            bucket % "0.1": "0+90x240",
            bucket % "1.0": "0+100x240",
            bucket % "+Inf": "0+100x240",
            GOOD: "0+199x240",
            BAD: "0+1x240",
        },
        [
            {
                "expr": "round(model:headrace_request_duration_seconds:p99_5m, 0.001)",
                "eval_time": "1h",
                "exp_samples": [{"labels": labels, "value": 0.91}],
            },
            {
                "expr": 'round(model:headrace_objective_budget:left{objective="availability"}, 0.001)',
                "eval_time": "1h",
                "exp_samples": [
                    {"labels": '{namespace="shop",model="tumours",objective="availability"}', "value": 0.5}
                ],
            },
        ],
    )
