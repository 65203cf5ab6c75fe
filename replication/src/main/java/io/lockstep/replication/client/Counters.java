package io.lockstep.replication.client;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** Guarded by the adders it is made of. How often each phase of the client's work was done. */
final class Counters {
  /** What is counted. */
  enum Phase {
    BUFFERED_WRITES,
    DIRECT_WRITES,
    READS,
    QUICK_READS,
    READS_FROM_BUFFER,
    LEASES_ASKED,
    LEASES_GRANTED,
    LEASES_RIDDEN,
    LEASES_RELEASED,
    LEASES_LOST,
    RECALLS,
    SLOW_DROPS,
    LATE_DROPS,
    FLUSHES,
    SYNCS,
    REFRESHES,
    POST_OPS,
    REPORTS,
    LOSSES
  }

  private final Map<Phase, LongAdder> counts = new EnumMap<>(Phase.class);

  Counters() {
    for (Phase phase : Phase.values()) {
      counts.put(phase, new LongAdder());
    }
  }

  void add(Phase phase) {
    counts.get(phase).increment();
  }

  Map<String, Long> snapshot() {
    Map<String, Long> all = new TreeMap<>();
    counts.forEach((phase, count) -> all.put(phase.name().toLowerCase(Locale.ROOT), count.sum()));
    return all;
  }
}
