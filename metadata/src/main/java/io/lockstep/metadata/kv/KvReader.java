package io.lockstep.metadata.kv;

/** Reads one consistent state of the store. */
public interface KvReader {
  /** The value, or null. Callers do not change it. */
  byte[] get(byte[] key);

  /**
   * Calls {@code visitor} for each pair with {@code from <= key < to} in order of key, until it
   * returns false. The visitor does not change the transaction that it scans.
   *
   * @param to exclusive; null = to the end
   */
  void scan(byte[] from, byte[] to, Visitor visitor);

  /** Takes one pair. */
  interface Visitor {
    /** Whether to go on. */
    boolean onPair(byte[] key, byte[] value);
  }
}
