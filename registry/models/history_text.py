"""Describes entries of a history in a few words."""

from headrace.registry.models.events import JournalEntry
from headrace.registry.models.state import ModelState


def describe_entry(entry: JournalEntry, state: ModelState) -> str:
    """Describe an action as a clause.

    Args:
        entry: The entry.
        state: The model.
    """
    version = state.number(entry.version)
    name = version.version if version else str(entry.version)
    before = state.number(int(entry.facts.get("instead_of", 0)))
    instead = f" instead of {before.version}" if before else ""
    return {
        "register": f"registered {name}",
        "promote": f"promoted {name} to {entry.stage}{instead}",
        "rollback": f"rolled {entry.stage} back to {name}{instead}",
        "approve": f"approved {'the pull-out of ' if entry.facts.get('decision') else ''}{name}",
        "archive": f"archived {name}",
        "restore": f"brought {name} back",
        "rollout": f"rolled {name} out to {entry.facts.get('endpoint', '')}: {_describe_ending(entry)}",
        "policy": "changed the policy",
        "decision": f"decided about {name}: {_describe_decision(entry)}",
        "pull_out": f"pulled {name} out of {entry.stage}: {_describe_pull_out(entry, state)}",
    }[entry.action]


def _describe_ending(entry: JournalEntry) -> str:
    """Describe how a rollout ended."""
    return str(entry.facts.get("status", "")).replace("_", " ")


def _describe_pull_out(entry: JournalEntry, state: ModelState) -> str:
    """Describe what took over, and why."""
    successor = state.number(int(entry.facts.get("successor", 0)))
    cause = "by the decision of the monitoring" if entry.facts.get("decision") else "by a person"
    return f"{successor.version if successor else 'another version'} took over ({entry.facts.get('plan', '')}), {cause}"


def _describe_decision(entry: JournalEntry) -> str:
    """Describe what was decided after which window of the monitoring."""
    outcome = str(entry.facts.get("outcome", "")).replace("_", " ")
    return f"{outcome}, after the window until {entry.facts.get('window', {}).get('end', '')}"
