package io.lockstep.metadata.kv;

/**
 * A batch in the making: reads see what it has written. All of it is committed at once, or nothing.
 */
public interface KvTransaction extends KvReader {
  void put(byte[] key, byte[] value);

  void delete(byte[] key);
}
