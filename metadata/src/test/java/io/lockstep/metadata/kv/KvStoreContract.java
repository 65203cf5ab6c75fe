package io.lockstep.metadata.kv;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.Check;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every {@link KvStore} keeps; each implementation's test extends it. */
public abstract class KvStoreContract {
  private static final int FUZZ_ROUNDS = 300;

  private KvStore store;

  /** A new, empty store. */
  protected abstract KvStore open() throws Exception;

  @BeforeEach
  void openStore() throws Exception {
    store = open();
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  @Test
  void absentKeyIsNull() {
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      assertThat(snapshot.get(bytes("absent"))).isNull();
    }
  }

  @Test
  void committedPairIsRead() {
    commit("a", "1");
    assertThat(pairs()).containsExactly("a=1");
  }

  @Test
  void emptyValueIsNotAbsence() {
    commit("a", "");
    assertThat(pairs()).containsExactly("a=");
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      assertThat(snapshot.get(bytes("a"))).isNotNull().isEmpty();
    }
  }

  @Test
  void batchReadsItsOwnWrites() {
    commit("a", "1", "b", "2");
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes("c"), bytes("3"));
      batch.put(bytes("a"), bytes("4"));
      batch.delete(bytes("b"));
      assertThat(batch.get(bytes("a"))).isEqualTo(bytes("4"));
      assertThat(batch.get(bytes("b"))).isNull();
      assertThat(pairs(batch, bytes(""), null)).containsExactly("a=4", "c=3");
    }
  }

  @Test
  void lastWriteOfABatchWins() {
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes("a"), bytes("1"));
      batch.delete(bytes("a"));
      batch.put(bytes("b"), bytes("1"));
      batch.put(bytes("b"), bytes("2"));
      batch.commit();
    }
    assertThat(pairs()).containsExactly("b=2");
  }

  @Test
  void uncommittedBatchLeavesNothing() {
    commit("a", "1");
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes("b"), bytes("2"));
      batch.delete(bytes("a"));
    }
    assertThat(pairs()).containsExactly("a=1");
  }

  @Test
  void openBatchIsNotSeenByOthers() {
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes("a"), bytes("1"));
      assertThat(pairs()).isEmpty();
      batch.commit();
    }
    assertThat(pairs()).containsExactly("a=1");
  }

  @Test
  void snapshotKeepsItsState() {
    commit("a", "1", "b", "2");
    try (KvStore.Snapshot before = store.snapshot()) {
      commit("a", "9", "c", "3");
      delete("b");
      assertThat(pairs(before, bytes(""), null)).containsExactly("a=1", "b=2");
      assertThat(before.get(bytes("b"))).isEqualTo(bytes("2"));
      assertThat(before.get(bytes("c"))).isNull();
    }
    assertThat(pairs()).containsExactly("a=9", "c=3");
  }

  @Test
  void keysAreOrderedAsUnsignedBytes() {
    commit("\u0080", "high", "\u007f", "low", "\u0000", "zero", "\u00ff\u00ff", "top", "a", "mid");
    assertThat(pairs())
        .containsExactly("\u0000=zero", "a=mid", "\u007f=low", "\u0080=high", "\u00ff\u00ff=top");
  }

  @Test
  void prefixComesBeforeWhatItBegins() {
    commit("aa", "2", "a", "1", "a\u0000", "0");
    assertThat(pairs()).containsExactly("a=1", "a\u0000=0", "aa=2");
  }

  @Test
  void scanIncludesFromAndExcludesTo() {
    commit("a", "1", "b", "2", "c", "3", "d", "4");
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      assertThat(pairs(snapshot, bytes("b"), bytes("d"))).containsExactly("b=2", "c=3");
      assertThat(pairs(snapshot, bytes("bb"), bytes("cc"))).containsExactly("c=3");
      assertThat(pairs(snapshot, bytes("c"), null)).containsExactly("c=3", "d=4");
      assertThat(pairs(snapshot, bytes("c"), bytes("c"))).isEmpty();
      assertThat(pairs(snapshot, bytes("d"), bytes("a"))).isEmpty();
    }
  }

  @Test
  void scanStopsWhenTheVisitorSaysSo() {
    commit("a", "1", "c", "3");
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes("b"), bytes("2"));
      batch.put(bytes("d"), bytes("4"));
      for (int limit = 1; limit <= 4; limit++) {
        List<String> seen = new ArrayList<>();
        int most = limit;
        batch.scan(
            bytes(""),
            null,
            (key, value) -> {
              seen.add(text(key));
              return seen.size() < most;
            });
        assertThat(seen).isEqualTo(List.of("a", "b", "c", "d").subList(0, limit));
      }
    }
  }

  @Test
  void scanMayReadTheSameTransaction() {
    commit("a", "b", "b", "c");
    List<String> values = new ArrayList<>();
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes("c"), bytes("d"));
      batch.scan(
          bytes("a"),
          bytes("c"),
          (key, value) -> {
            values.add(text(batch.get(value)));
            batch.scan(value, null, (k, v) -> values.add(text(v)));
            return true;
          });
    }
    assertThat(values).containsExactly("c", "c", "d", "d", "d");
  }

  @Test
  void onlyOneBatchIsOpen() {
    try (KvStore.Batch batch = store.begin()) {
      assertThat(batch).isNotNull();
      assertThatThrownBy(store::begin).isInstanceOf(Check.BrokenInvariant.class);
    }
    store.begin().close();
  }

  @Test
  void behavesLikeASortedMapUnderRandomBatches() {
    long seed = Long.getLong("seed", 20240611L);
    System.out.println(getClass().getSimpleName() + " seed " + seed);
    Random random = new Random(seed);
    TreeMap<byte[], byte[]> model = new TreeMap<>(Arrays::compareUnsigned);
    for (int round = 0; round < FUZZ_ROUNDS; round++) {
      TreeMap<byte[], byte[]> changed = new TreeMap<>(model);
      try (KvStore.Batch batch = store.begin();
          KvStore.Snapshot before = store.snapshot()) {
        change(random, batch, changed);
        compareRange(random, batch, changed);
        compareRange(random, before, model);
        if (random.nextInt(4) != 0) {
          batch.commit();
          model = changed;
        }
        assertThat(model).isNotNull();
      }
      try (KvStore.Snapshot after = store.snapshot()) {
        compareRange(random, after, model);
      }
    }
  }

  private static void change(Random random, KvTransaction batch, Map<byte[], byte[]> model) {
    for (int i = random.nextInt(20); i > 0; i--) {
      byte[] key = randomKey(random);
      if (random.nextInt(3) == 0) {
        batch.delete(key);
        model.remove(key);
      } else {
        byte[] value = new byte[random.nextInt(4)];
        random.nextBytes(value);
        batch.put(key, value);
        model.put(key, value);
      }
    }
  }

  private static void compareRange(
      Random random, KvReader reader, NavigableMap<byte[], byte[]> model) {
    byte[] from = randomKey(random);
    byte[] to = random.nextInt(3) == 0 ? null : randomKey(random);
    List<String> expected = new ArrayList<>();
    model
        .tailMap(from, true)
        .forEach(
            (key, value) -> {
              if (to == null || Arrays.compareUnsigned(key, to) < 0) {
                expected.add(text(key) + "=" + text(value));
              }
            });
    assertThat(pairs(reader, from, to)).isEqualTo(expected);
    assertThat(reader.get(from)).isEqualTo(model.get(from));
  }

  private static byte[] randomKey(Random random) {
    byte[] key = new byte[random.nextInt(4)];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) (random.nextInt(6) - 3);
    }
    return key;
  }

  private void commit(String... pairs) {
    try (KvStore.Batch batch = store.begin()) {
      for (int i = 0; i < pairs.length; i += 2) {
        batch.put(bytes(pairs[i]), bytes(pairs[i + 1]));
      }
      batch.commit();
    }
  }

  private void delete(String key) {
    try (KvStore.Batch batch = store.begin()) {
      batch.delete(bytes(key));
      batch.commit();
    }
  }

  private List<String> pairs() {
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      return pairs(snapshot, bytes(""), null);
    }
  }

  private static List<String> pairs(KvReader reader, byte[] from, byte[] to) {
    List<String> pairs = new ArrayList<>();
    reader.scan(from, to, (key, value) -> pairs.add(text(key) + "=" + text(value)));
    return pairs;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(ISO_8859_1);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, ISO_8859_1);
  }
}
