package io.lockstep.tools.stress;

import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;

/** Guarded by its own counters. What the threads of one run did. */
final class Tally {
  final LongAdder writes = new LongAdder();
  final LongAdder reads = new LongAdder();
  final LongAdder closes = new LongAdder();
  final LongAdder syncs = new LongAdder();
  final LongAdder checked = new LongAdder();
  final LongAdder bad = new LongAdder();
  final LongAdder errors = new LongAdder();
  private final LongAccumulator longestNs = new LongAccumulator(Math::max, 0);
  private final AtomicReference<String> problem = new AtomicReference<>("");

  void took(long fromNs) {
    longestNs.accumulate(System.nanoTime() - fromNs);
  }

  void bad(String what) {
    bad.increment();
    problem.compareAndSet("", what);
  }

  void error(String what) {
    errors.increment();
    problem.compareAndSet("", what);
  }

  StressReport report(long hanging) {
    return new StressReport(
        writes.sum(),
        reads.sum(),
        closes.sum(),
        syncs.sum(),
        checked.sum(),
        bad.sum(),
        errors.sum(),
        hanging,
        longestNs.get() / 1_000_000,
        hanging > 0 && problem.get().isEmpty() ? "a system call does not return" : problem.get());
  }
}
