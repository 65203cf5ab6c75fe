package io.lockstep.replication.heal;

/** Immutable. Bytes from {@code from}, inclusive, to {@code to}, exclusive. */
public record Range(long from, long to) {
  public long length() {
    return to - from;
  }
}
