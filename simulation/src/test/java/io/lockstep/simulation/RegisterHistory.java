package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to the thread of the test. What clients wrote to and read from blocks, with the times at
 * which each operation began and ended, and the question whether a reader ever saw a value that was
 * overwritten before it began to read, or one that was not written yet.
 */
final class RegisterHistory {
  private static final class Write {
    final long value;
    final long startNs;
    long endNs = Long.MAX_VALUE;

    Write(long value, long startNs) {
      this.value = value;
      this.startNs = startNs;
    }
  }

  private record Read(long value, long startNs, long endNs) {}

  private final List<Map<Long, Write>> writes = new ArrayList<>();
  private final List<List<Read>> reads = new ArrayList<>();

  RegisterHistory(int blocks) {
    for (int i = 0; i < blocks; i++) {
      writes.add(new HashMap<>());
      reads.add(new ArrayList<>());
      Write zero = new Write(0, -1);
      zero.endNs = -1;
      writes.get(i).put(0L, zero);
    }
  }

  void begin(int block, long value, long startNs) {
    writes.get(block).put(value, new Write(value, startNs));
  }

  void end(int block, long value, long endNs) {
    writes.get(block).get(value).endNs = endNs;
  }

  void read(int block, long value, long startNs, long endNs) {
    reads.get(block).add(new Read(value, startNs, endNs));
  }

  int reads() {
    return reads.stream().mapToInt(List::size).sum();
  }

  void check() {
    for (int block = 0; block < writes.size(); block++) {
      for (Read read : reads.get(block)) {
        String problem = problem(writes.get(block), read);
        assertThat(problem).as("block %d: %s", block, read).isNull();
      }
    }
  }

  private static String problem(Map<Long, Write> writes, Read read) {
    Write seen = writes.get(read.value);
    if (seen == null || seen.startNs > read.endNs) {
      return "nobody had written it";
    }
    for (Write later : writes.values()) {
      if (seen.endNs < later.startNs && later.endNs < read.startNs) {
        return later.value + " had overwritten it before the read began";
      }
    }
    return null;
  }

  /** For the test of the checker itself. */
  boolean isRefuted() {
    for (int block = 0; block < writes.size(); block++) {
      for (Read read : reads.get(block)) {
        if (problem(writes.get(block), read) != null) {
          return true;
        }
      }
    }
    return false;
  }
}
