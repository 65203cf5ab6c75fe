package io.lockstep.metadata.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.Check;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.KvStoreContract;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RocksKvStoreTest extends KvStoreContract {
  @TempDir Path directory;

  @Override
  protected KvStore open() throws IOException {
    return RocksKvStore.open(directory.resolve("contract"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void put(KvStore store, String key, String value) {
    try (KvStore.Batch batch = store.begin()) {
      batch.put(bytes(key), bytes(value));
      batch.commit();
    }
  }

  private static String get(KvStore.Snapshot snapshot, String key) {
    byte[] value = snapshot.get(bytes(key));
    return value == null ? null : new String(value, StandardCharsets.UTF_8);
  }

  @Test
  void reopenedStoreHasWhatWasCommitted() throws IOException {
    Path path = directory.resolve("a");
    try (RocksKvStore store = RocksKvStore.open(path)) {
      put(store, "k", "v");
    }
    try (RocksKvStore store = RocksKvStore.open(path);
        KvStore.Snapshot snapshot = store.snapshot()) {
      assertThat(get(snapshot, "k")).isEqualTo("v");
    }
  }

  @Test
  void readerKeepsAClosedStoreOpen() throws IOException {
    RocksKvStore store = RocksKvStore.open(directory.resolve("a"));
    put(store, "k", "v");
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      store.close();
      store.close();
      assertThat(get(snapshot, "k")).isEqualTo("v");
      assertThat(store.pinCount()).isEqualTo(1);
    }
    assertThat(store.pinCount()).isZero();
    assertThatThrownBy(store::snapshot).isInstanceOf(Check.BrokenInvariant.class);
    // The lock of RocksDB is free again: the native handle is closed.
    RocksKvStore.open(directory.resolve("a")).close();
  }

  @Test
  void closedSnapshotIsNotRead() throws IOException {
    try (RocksKvStore store = RocksKvStore.open(directory.resolve("a"))) {
      KvStore.Snapshot snapshot = store.snapshot();
      snapshot.close();
      snapshot.close();
      assertThatThrownBy(() -> snapshot.get(bytes("k"))).isInstanceOf(Check.BrokenInvariant.class);
      assertThat(store.pinCount()).isEqualTo(1);
    }
  }

  @Test
  void checkpointIsTheStateOfItsInstant() throws IOException {
    Path copy = directory.resolve("copy");
    try (RocksKvStore store = RocksKvStore.open(directory.resolve("a"))) {
      put(store, "k", "before");
      store.checkpoint(copy);
      put(store, "k", "after");
    }
    try (RocksKvStore store = RocksKvStore.open(copy);
        KvStore.Snapshot snapshot = store.snapshot()) {
      assertThat(get(snapshot, "k")).isEqualTo("before");
    }
  }

  @Test
  void publishedGenerationIsReadAndTheFormerClosesWithItsLastReader() throws IOException {
    RocksKvStore former = RocksKvStore.open(directory.resolve("1"));
    put(former, "k", "old");
    RocksKvStore next = RocksKvStore.open(directory.resolve("2"));
    put(next, "k", "new");
    try (Generations generations = new Generations()) {
      assertThat(generations.snapshot()).isNull();
      generations.publish(former);
      try (KvStore.Snapshot reader = generations.snapshot()) {
        generations.publish(next);
        assertThat(get(reader, "k")).isEqualTo("old");
        assertThat(former.pinCount()).isEqualTo(1);
        try (KvStore.Snapshot late = generations.snapshot()) {
          assertThat(get(late, "k")).isEqualTo("new");
        }
      }
      assertThat(former.pinCount()).isZero();
    }
    assertThat(next.pinCount()).isZero();
  }

  @Test
  void damagedStoreIsRefusedWithItsName() throws IOException {
    Path path = directory.resolve("a");
    RocksKvStore.open(path).close();
    Files.writeString(path.resolve("CURRENT"), "nonsense");
    assertThatThrownBy(() -> RocksKvStore.open(path))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(path.toString());
  }
}
