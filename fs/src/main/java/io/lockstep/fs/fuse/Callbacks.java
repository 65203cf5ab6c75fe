package io.lockstep.fs.fuse;

import jnr.ffi.annotations.Delegate;

/**
 * Immutable. The shapes of the functions that libfuse calls: the request first, then addresses,
 * nodes, sizes and offsets as {@code long}, and what is {@code int} or {@code mode_t} in C as
 * {@code int}.
 */
public final class Callbacks {
  private Callbacks() {}

  /** One argument. */
  public interface With1 {
    @Delegate
    void call(long a);
  }

  /** What sends a reply: its parts as {@code struct iovec}. */
  public interface Send {
    @Delegate
    int call(long channel, long vectors, long count);
  }

  /** Two. */
  public interface With2 {
    @Delegate
    void call(long request, long a);
  }

  /** Three. */
  public interface With3 {
    @Delegate
    void call(long request, long a, long b);
  }

  /** Three, an int at the end. */
  public interface With3Int {
    @Delegate
    void call(long request, long a, int b);
  }

  /** Four. */
  public interface With4 {
    @Delegate
    void call(long request, long a, long b, long c);
  }

  /** Four, an int at the end. */
  public interface With4Int {
    @Delegate
    void call(long request, long a, long b, int c);
  }

  /** Four, an int in the third place. */
  public interface With4IntThird {
    @Delegate
    void call(long request, long a, int b, long c);
  }

  /** Five. */
  public interface With5 {
    @Delegate
    void call(long request, long a, long b, long c, long d);
  }

  /** Five, an int at the end. */
  public interface With5Int {
    @Delegate
    void call(long request, long a, long b, long c, int d);
  }

  /** Five, an int in the fourth place. */
  public interface With5IntFourth {
    @Delegate
    void call(long request, long a, long b, int c, long d);
  }

  /** Six. */
  public interface With6 {
    @Delegate
    void call(long request, long a, long b, long c, long d, long e);
  }

  /** Six, an int at the end. */
  public interface With6Int {
    @Delegate
    void call(long request, long a, long b, long c, long d, int e);
  }

  /** Six, an int in the third place. */
  public interface With6IntThird {
    @Delegate
    void call(long request, long a, int b, long c, long d, long e);
  }
}
