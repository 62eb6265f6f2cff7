"""Where a registry or a catalogue is stored, and what its libraries raise."""
