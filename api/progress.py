"""Lines of progress."""

from headrace.pipelines.local.runner import StepEvent


def describe_event(event: StepEvent) -> str:
    """Describe in one line a step that ended, failed or waits; return an empty text while it works."""
    if event.event in {"start", "progress"}:
        return ""
    if event.event == "waiting":  # not cut off: the text says what to do
        return f"! {event.step or 'the run'}: {event.text}"
    mark = "✓" if event.event == "end" else "✗"
    text = event.text if event.event == "end" or event.kind == "canceled" else ""
    return f"{mark} {event.step:<16}{event.seconds:>7.1f} s  {text}".rstrip()
