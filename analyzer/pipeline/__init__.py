"""The only place that wires the stages: from a source, through the stages, to what a report needs."""
