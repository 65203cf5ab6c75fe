package io.lockstep.simulation.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Outcome;
import io.lockstep.replication.store.RowStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;

/**
 * Confined to its test. One case that follows from a seed: batches, reads, and ends of runs of
 * every kind, against a sorted map.
 */
final class RowCase {
  private static final int STEPS = 120;

  private final long seed;
  private final Random random;
  private final RowMedium medium;
  private NavigableMap<byte[], byte[]> now = map();

  /** As the rows stood after each write since the last synced one, which is the first. */
  private final List<NavigableMap<byte[], byte[]>> since = new ArrayList<>();

  private RowStore rows;
  private int losses;

  RowCase(long seed, RowMedium medium) {
    this.seed = seed;
    this.random = new Random(seed);
    this.medium = medium;
  }

  private static NavigableMap<byte[], byte[]> map() {
    return new TreeMap<>(Arrays::compareUnsigned);
  }

  private static NavigableMap<byte[], byte[]> copy(NavigableMap<byte[], byte[]> of) {
    NavigableMap<byte[], byte[]> copied = map();
    copied.putAll(of);
    return copied;
  }

  /** How many losses of power lost something. */
  int run() throws IOException, Outcome {
    rows = medium.open();
    since.add(map());
    try {
      for (int step = 0; step < STEPS; step++) {
        int dice = random.nextInt(100);
        if (dice < 60) {
          write();
        } else if (dice < 75) {
          get();
        } else if (dice < 93) {
          scan();
        } else {
          endRun(dice);
        }
      }
      compare(everything(), now, "the end");
      return losses;
    } finally {
      rows.close();
    }
  }

  private byte[] key() {
    byte[] key = new byte[random.nextInt(4)];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) (random.nextInt(6) - 3);
    }
    return key;
  }

  private void write() throws IOException {
    boolean sync = random.nextInt(4) == 0;
    NavigableMap<byte[], byte[]> next = copy(now);
    try (RowStore.Batch batch = rows.newBatch()) {
      for (int i = random.nextInt(6); i >= 0; i--) {
        change(batch, next);
      }
      rows.write(batch, sync);
    }
    now = next;
    if (sync) {
      since.clear();
    }
    since.add(now);
  }

  private void change(RowStore.Batch batch, NavigableMap<byte[], byte[]> next) {
    byte[] key = key();
    int dice = random.nextInt(10);
    if (dice < 6) {
      byte[] value = new byte[random.nextInt(40)];
      random.nextBytes(value);
      batch.put(key, value);
      next.put(key, value);
    } else if (dice < 8) {
      batch.delete(key);
      next.remove(key);
    } else {
      byte[] other = key();
      boolean inOrder = Arrays.compareUnsigned(key, other) <= 0;
      byte[] from = inOrder ? key : other;
      byte[] to = inOrder ? other : key;
      batch.deleteRange(from, to);
      next.subMap(from, true, to, false).clear();
    }
  }

  private void get() throws IOException {
    byte[] key = key();
    assertThat(rows.get(key)).as("seed %d: %s", seed, text(key)).isEqualTo(now.get(key));
  }

  private void scan() throws IOException, Outcome {
    byte[] from = key();
    byte[] to = key();
    int most = 1 + random.nextInt(30);
    List<String> expected = new ArrayList<>();
    now.tailMap(from, true)
        .forEach(
            (key, value) -> {
              if (Arrays.compareUnsigned(key, to) < 0 && expected.size() < most) {
                expected.add(text(key) + "=" + text(value));
              }
            });
    assertThat(seen(from, to, most)).as("seed %d", seed).isEqualTo(expected);
  }

  private List<String> seen(byte[] from, byte[] to, int most) throws IOException, Outcome {
    List<String> seen = new ArrayList<>();
    rows.scan(
        from,
        to,
        (key, value) -> {
          seen.add(text(key) + "=" + text(value));
          return seen.size() < most;
        });
    return seen;
  }

  private List<String> everything() throws IOException, Outcome {
    return seen(new byte[0], new byte[] {-1, -1, -1, -1, -1}, Integer.MAX_VALUE);
  }

  private void compare(List<String> found, NavigableMap<byte[], byte[]> expected, String when) {
    assertThat(found).as("seed %d, after %s", seed, when).isEqualTo(lines(expected));
  }

  private static List<String> lines(NavigableMap<byte[], byte[]> of) {
    List<String> lines = new ArrayList<>();
    of.forEach((key, value) -> lines.add(text(key) + "=" + text(value)));
    return lines;
  }

  private void endRun(int dice) throws IOException, Outcome {
    if (dice < 95) {
      rows.close();
      rows = medium.open();
      compare(everything(), now, "close");
    } else if (dice < 97) {
      medium.kill(rows);
      rows = medium.open();
      compare(everything(), now, "kill");
    } else {
      medium.losePower(rows, random);
      rows = medium.open();
      List<String> found = everything();
      losses += lines(now).equals(found) ? 0 : 1;
      now =
          since.stream()
              .filter(state -> lines(state).equals(found))
              .findFirst()
              .orElseThrow(
                  () ->
                      new AssertionError(
                          "seed "
                              + seed
                              + ": what a loss of power left is no state since the last sync: "
                              + found));
      since.clear();
      since.add(now);
    }
  }

  private static String text(byte[] bytes) {
    return new String(bytes, ISO_8859_1);
  }
}
