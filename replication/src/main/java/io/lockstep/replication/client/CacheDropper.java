package io.lockstep.replication.client;

/** What the mount does before a lease goes: the kernel's pages of the file are dropped (P12). */
public interface CacheDropper {
  /** No kernel caches. */
  CacheDropper NONE = (inode, dropped) -> dropped.run();

  /**
   * Called on the agent, which it must not block; {@code dropped} is run once, on any thread. After
   * a deadline of its own the client goes on without.
   */
  void drop(long inode, Runnable dropped);
}
