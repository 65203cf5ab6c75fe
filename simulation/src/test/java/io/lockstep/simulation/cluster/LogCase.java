package io.lockstep.simulation.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.metadata.raft.ReplicatedLog;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Confined to its test. One case that follows from a seed: runs of a log that end by being closed
 * or killed, with entries on their way or not; some operations are repeated, as by clients that
 * have lost their answer.
 */
final class LogCase {
  private static final int RUNS = 3;
  private static final int ENTRIES_MAX = 24;

  private final long seed;
  private final Random random;
  private final LogMedium medium;

  /** By sequence: the position that was answered first. */
  private final Map<Long, Long> answered = new HashMap<>();

  /** Entries since the state was looked at, and how many of them are surely in it. */
  private final List<List<Long>> underWay = new ArrayList<>();

  private int landed;

  /** The sequences as they stood in the state when it was looked at. */
  private List<Long> order = List.of();

  private long lastSequence;

  LogCase(long seed, LogMedium medium) {
    this.seed = seed;
    this.random = new Random(seed);
    this.medium = medium;
  }

  void run() throws IOException {
    for (int run = 1; run <= RUNS; run++) {
      LogMachine machine = new LogMachine();
      ReplicatedLog log = medium.open(machine);
      machine.of(log);
      boolean open = true;
      try {
        assertThat(log.snapshot()).as("before the start").isNull();
        log.start();
        medium.await("leading", () -> machine.whenLeading() != null);
        check(machine.whenLeading(), "begin of run " + run);
        work(machine);
        boolean kill = random.nextBoolean();
        if (random.nextInt(3) == 0) {
          medium.await("all answers", machine::isAllAnswered);
          assertThat(log.appliedIndex()).isGreaterThanOrEqualTo(machine.lastIndex());
          note(machine);
          check(machine.order(), "work of run " + run);
        }
        open = false;
        if (kill) {
          note(machine);
          medium.kill(log);
        } else {
          log.close();
          medium.await("answers at the end", machine::isAllAnswered);
          assertThat(log.snapshot()).as("after the end").isNull();
          note(machine);
        }
        assertThat(machine.wrong()).as("seed %d, run %d", seed, run).isEmpty();
      } finally {
        if (open) {
          log.close();
        }
      }
    }
  }

  /** Proposes entries, sometimes waiting for their answers. */
  private void work(LogMachine machine) {
    for (int i = 1 + random.nextInt(ENTRIES_MAX); i > 0; i--) {
      List<Long> sequences = new ArrayList<>();
      for (int k = random.nextInt(3); k >= 0; k--) {
        boolean again = lastSequence > 0 && random.nextInt(5) == 0;
        sequences.add(again ? 1 + (long) random.nextInt((int) lastSequence) : ++lastSequence);
      }
      underWay.add(List.copyOf(sequences));
      machine.propose(underWay.size(), sequences);
      if (random.nextInt(4) == 0) {
        medium.await("all answers", machine::isAllAnswered);
      }
    }
  }

  /** What was answered so far holds from now on. */
  private void note(LogMachine machine) {
    for (int number = 1; number <= underWay.size(); number++) {
      LogMachine.Answer answer = machine.answer(number);
      if (answer == null || answer.positions() == null) {
        continue;
      }
      landed = Math.max(landed, number);
      for (int i = 0; i < answer.positions().size(); i++) {
        long sequence = underWay.get(number - 1).get(i);
        Long first = answered.putIfAbsent(sequence, answer.positions().get(i));
        if (first != null) {
          assertThat(answer.positions().get(i)).as("seed %d: %d", seed, sequence).isEqualTo(first);
        }
      }
    }
  }

  /**
   * All that was there before is, and behind it each operation once of the first entries of the
   * run, in their order: those that were answered, and as many more as there may be.
   */
  private void check(List<Long> found, String when) {
    List<Long> expected = new ArrayList<>(order);
    int entries = 0;
    while (entries < landed || (!expected.equals(found) && entries < underWay.size())) {
      for (long sequence : underWay.get(entries)) {
        if (!expected.contains(sequence)) {
          expected.add(sequence);
        }
      }
      entries++;
    }
    assertThat(found).as("seed %d, %s", seed, when).isEqualTo(expected);
    answered.forEach(
        (sequence, position) ->
            assertThat(found.get((int) (position - 1)))
                .as("seed %d, %s", seed, when)
                .isEqualTo(sequence));
    order = found;
    underWay.clear();
    landed = 0;
  }
}
