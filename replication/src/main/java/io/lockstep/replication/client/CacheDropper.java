package io.lockstep.replication.client;

/** What the mount does before a lease goes: the kernel's pages of the file are dropped (P12). */
public interface CacheDropper {
  /** No kernel caches. */
  CacheDropper NONE = (inode, waiting, dropped) -> dropped.run();

  /**
   * Called on the agent, which it must not block; {@code dropped} is run once, on any thread, when
   * no page is left that can be read and does not belong to a request in {@code waiting}. Not at
   * all if there is no place or no thread for it: the caller asks again.
   *
   * @param waiting what will be answered under a later lease only: to wait for its pages would be
   *     to wait for oneself
   */
  void drop(long inode, WaitingRequests waiting, Runnable dropped);
}
