package io.lockstep.metadata.kv;

final class MemoryKvStoreTest extends KvStoreContract {
  @Override
  protected KvStore open() {
    return new MemoryKvStore();
  }
}
