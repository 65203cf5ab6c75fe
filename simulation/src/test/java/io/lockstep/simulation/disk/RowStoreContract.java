package io.lockstep.simulation.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.store.RowStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What every {@link RowStore} keeps, the one in RocksDB and the model of it: what the simulator
 * finds out about production stands on this.
 */
@Timeout(120)
abstract class RowStoreContract {
  private static final int SEEDS = 6;

  private RowMedium medium;
  private RowStore rows;

  /** A new, empty one. */
  abstract RowMedium medium() throws IOException;

  @BeforeEach
  void open() throws IOException {
    medium = medium();
    rows = medium.open();
  }

  @AfterEach
  void close() {
    rows.close();
  }

  static byte[] bytes(String text) {
    return text.getBytes(ISO_8859_1);
  }

  private void put(boolean sync, String... pairs) throws IOException {
    try (RowStore.Batch batch = rows.newBatch()) {
      for (int i = 0; i < pairs.length; i += 2) {
        batch.put(bytes(pairs[i]), bytes(pairs[i + 1]));
      }
      rows.write(batch, sync);
    }
  }

  private List<String> scan(String from, String to) throws IOException, Outcome {
    List<String> seen = new ArrayList<>();
    rows.scan(
        bytes(from),
        bytes(to),
        (key, value) ->
            seen.add(new String(key, ISO_8859_1) + "=" + new String(value, ISO_8859_1)));
    return seen;
  }

  @Test
  void generatedCasesEndAsTheLawSays() throws Exception {
    long first = Long.getLong("seed", 1);
    int losses = 0;
    for (long seed = first; seed < first + (Long.getLong("seed") == null ? SEEDS : 1); seed++) {
      losses += new RowCase(seed, medium()).run();
    }
    assertThat(losses).as("losses of power that lost something").isPositive();
  }

  @Test
  void changesOfABatchAreMadeInTheirOrder() throws Exception {
    put(false, "b", "0", "d", "0");
    try (RowStore.Batch batch = rows.newBatch()) {
      assertThat(batch.isEmpty()).isTrue();
      batch.put(bytes("a"), bytes("1"));
      batch.deleteRange(bytes("a"), bytes("c"));
      batch.put(bytes("b"), bytes("2"));
      batch.put(bytes("d"), bytes("3"));
      batch.delete(bytes("d"));
      assertThat(batch.isEmpty()).isFalse();
      rows.write(batch, false);
    }
    assertThat(scan("", "~")).containsExactly("b=2");
  }

  @Test
  void rangesHaveTheirBeginAndNotTheirEnd() throws Exception {
    put(false, "a", "1", "b", "2", "c", "3", "d", "4");
    assertThat(scan("b", "d")).containsExactly("b=2", "c=3");
    assertThat(scan("bb", "cc")).containsExactly("c=3");
    assertThat(scan("c", "c")).isEmpty();
    assertThat(scan("d", "a")).isEmpty();
    try (RowStore.Batch batch = rows.newBatch()) {
      batch.deleteRange(bytes("b"), bytes("d"));
      batch.deleteRange(bytes("d"), bytes("d"));
      rows.write(batch, false);
    }
    assertThat(scan("", "~")).containsExactly("a=1", "d=4");
  }

  @Test
  void keysAreOrderedAsUnsignedBytes() throws Exception {
    put(
        false,
        "\u0080",
        "high",
        "\u007f",
        "low",
        "\u0000",
        "zero",
        "",
        "none",
        "\u007f\u0000",
        "x");
    assertThat(scan("", "\u00ff"))
        .containsExactly("=none", "\u0000=zero", "\u007f=low", "\u007f\u0000=x", "\u0080=high");
  }

  @Test
  void valueMayBeEmptyAndIsTheCallers() throws Exception {
    byte[] key = bytes("key");
    byte[] value = bytes("value");
    try (RowStore.Batch batch = rows.newBatch()) {
      batch.put(key, value);
      batch.put(bytes("empty"), new byte[0]);
      key[0] = 'x';
      value[0] = 'x';
      rows.write(batch, false);
    }
    rows.get(bytes("key"))[0] = 'x';
    assertThat(rows.get(bytes("key"))).isEqualTo(bytes("value"));
    assertThat(rows.get(bytes("empty"))).isNotNull().isEmpty();
    assertThat(rows.get(bytes("absent"))).isNull();
  }

  @Test
  void failureOfAVisitorEndsItsScanOnly() throws Exception {
    put(false, "a", "1", "b", "2");
    assertThatThrownBy(
            () ->
                rows.scan(
                    bytes("a"),
                    bytes("z"),
                    (key, value) -> {
                      throw new Outcome(ErrorCode.CORRUPT, "this row");
                    }))
        .isInstanceOf(Outcome.class);
    assertThatThrownBy(
            () ->
                rows.scan(
                    bytes("a"),
                    bytes("z"),
                    (key, value) -> {
                      throw new IOException("this row");
                    }))
        .isInstanceOf(IOException.class)
        .hasMessage("this row");
    List<String> nested = new ArrayList<>();
    rows.scan(
        bytes("a"),
        bytes("z"),
        (key, value) -> {
          nested.addAll(scan("a", "z"));
          return rows.get(bytes("b")) != null;
        });
    assertThat(nested).containsExactly("a=1", "b=2", "a=1", "b=2");
  }

  @Test
  void closedOneRefusesEverything() throws Exception {
    put(true, "a", "1");
    RowStore closed = rows;
    try (RowStore.Batch batch = closed.newBatch()) {
      batch.put(bytes("b"), bytes("2"));
      closed.close();
      closed.close();
      assertThatThrownBy(() -> closed.write(batch, false)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> closed.write(batch, true)).isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> closed.get(bytes("a"))).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> closed.scan(bytes(""), bytes("~"), (key, value) -> true))
        .isInstanceOf(IOException.class);
    rows = medium.open();
    assertThat(scan("", "~")).containsExactly("a=1");
    assertThatThrownBy(() -> closed.get(bytes("a"))).isInstanceOf(IOException.class);
  }

  /** What was there before can be read; what was refused may be there after the next start. */
  @Test
  void failedWriteIsTheLastOfItsRun() throws Exception {
    put(true, "a", "1");
    rows.close();
    RowMedium.Failed failed = medium.failWrites(bytes("b"));
    assertThat(failed.readAfter()).isTrue();
    assertThat(failed.laterWrites()).as("writes that succeeded after the failed one").isZero();
    rows = medium.open();
    assertThat(rows.get(bytes("a"))).isEqualTo(bytes("1"));
    int left = 0;
    for (int i = 0; i < failed.acknowledged(); i++) {
      left += rows.get(RowMedium.numbered(bytes("b"), i)) == null ? 0 : 1;
    }
    assertThat(left).isEqualTo(failed.acknowledged());
    assertThat(rows.get(RowMedium.numbered(bytes("b"), failed.acknowledged() + 1))).isNull();
  }
}
