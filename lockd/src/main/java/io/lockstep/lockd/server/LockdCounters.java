package io.lockstep.lockd.server;

import java.util.Map;
import java.util.TreeMap;

/** Confined to the lockd agent. How often each thing was done since the start of the process. */
final class LockdCounters {
  private final Map<String, Long> counts = new TreeMap<>();

  void add(String name) {
    counts.merge(name, 1L, Long::sum);
  }

  /** Keeps the largest. */
  void max(String name, long value) {
    counts.merge(name, value, Math::max);
  }

  Map<String, Long> all() {
    return counts;
  }
}
