"""Whose a pod is, by the name of its node."""

import pytest

from headrace.pipelines.kubeflow.run_pods import task_of

STEPS = ("train", "train-2", "ingest")


@pytest.mark.parametrize(
    ("node", "task"),
    [
        ("wf-1.root.train.executor", "train"),  # 2.16
        ("wf-1(0).root(0).train-2(0).executor(1)", "train-2"),  # 2.17
        ("wf-1(0).root(0).train-driver(0)", "train-driver"),
        ("wf-1(0).root-driver(0)", "root-driver"),
        ("wf-1(0).root(0).for-loop-1(0).iteration-iterations(3:3)(0).iteration-item(0).train(0).executor(0)", "train"),
        ("wf-1/root#0/ingest#2/impl", "ingest"),  # nobody has seen these
        ("ingest:retry(0)", "ingest"),
        ("", ""),
    ],
)
def test_a_pod_is_known_by_the_words_of_its_node(node: str, task: str) -> None:
    """Whatever stands around and behind them, so that a later version is understood too."""
    assert task_of(node, STEPS) == task


def test_without_the_steps_the_last_word_counts() -> None:
    """What is an executor or a number is none."""
    assert task_of("wf-1(0).root(0).any(0).executor(0)", ()) == "any"
