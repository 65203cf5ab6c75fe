package io.lockstep.replication.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.DiskSpace;
import io.lockstep.replication.store.ObjectTable;
import io.lockstep.replication.store.ReplicaDb;
import io.lockstep.replication.store.StoreFailure;
import io.lockstep.replication.store.StoredObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Confined to its agent, but for the inbox, which is guarded by its own lock. Owns a share of the
 * daemon's objects: drains its inbox, decides everything drained, commits all their marks as one
 * durable batch, then executes and answers.
 *
 * <p>Syncs run on the I/O executor, one at a time per object; their completions come through the
 * inbox, where only requests are bounded.
 */
final class DiskAgent {
  /** Told when a sync ended. */
  interface SyncListener {
    /** {@code code} OK, or why the object stopped. */
    void onSynced(ErrorCode code, String message);
  }

  /** What its operations use. */
  record Tools(
      ReplicaDb db,
      DiskSpace space,
      MarkRules markRules,
      HealRules healRules,
      DaemonCounters counters,
      Executor io,
      Map<Long, Replica> replicas) {}

  private static final int INBOX_MAX = 4096;
  private static final int DRAIN_MAX = 256;

  private static final class SyncJob {
    List<SyncListener> served = new ArrayList<>();
    List<SyncListener> next = new ArrayList<>();
    boolean nextTimes;
  }

  private final Agent agent;
  private final ObjectTable table;
  private final Tools tools;
  private final Map<StoredObject, SyncJob> syncs = new HashMap<>();
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final ArrayDeque<DiskOperation> inbox = new ArrayDeque<>();

  @GuardedBy("lock")
  private boolean scheduled;

  DiskAgent(Agent agent, ObjectTable table, Tools tools) {
    this.agent = agent;
    this.table = table;
    this.tools = tools;
  }

  /** A request: BUSY if the inbox is full. Any thread. */
  void submit(DiskOperation operation) {
    if (!offer(operation, INBOX_MAX)) {
      tools.counters().busy.increment();
      operation.onFailed(ErrorCode.BUSY, "the disk agent's inbox is full");
    }
  }

  /** The continuation of something that was admitted before: never refused. Any thread. */
  void resume(DiskOperation operation) {
    offer(operation, Integer.MAX_VALUE);
  }

  private boolean offer(DiskOperation operation, int max) {
    lock.lock();
    try {
      if (inbox.size() >= max) {
        return false;
      }
      inbox.add(operation);
      if (scheduled) {
        return true;
      }
      scheduled = true;
    } finally {
      lock.unlock();
    }
    // At most one drain is under way, so that this cannot fill the agent's own inbox.
    if (!agent.execute(this::drain)) {
      agent.schedule(0, this::drain);
    }
    return true;
  }

  ObjectTable table() {
    return table;
  }

  ReplicaDb db() {
    return tools.db();
  }

  DiskSpace space() {
    return tools.space();
  }

  MarkRules markRules() {
    return tools.markRules();
  }

  HealRules healRules() {
    return tools.healRules();
  }

  DaemonCounters counters() {
    return tools.counters();
  }

  long nowNs() {
    return agent.clock().nowNs();
  }

  /** New marks of an object: into the batch and into memory. */
  void putMarks(
      Replica replica,
      StoredObject object,
      ObjectMarks marks,
      DbBatch batch,
      boolean mustBeDurable) {
    batch.putMarks(object.key(), marks, mustBeDurable);
    replica.onMarks(object.key().inode(), object.marks(), marks);
    object.setMarks(marks);
  }

  private List<DiskOperation> take() {
    lock.lock();
    try {
      int count = Math.min(DRAIN_MAX, inbox.size());
      List<DiskOperation> taken = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        taken.add(inbox.poll());
      }
      return taken;
    } finally {
      lock.unlock();
    }
  }

  private void drain() {
    try {
      runBatch(take());
    } finally {
      boolean more;
      lock.lock();
      try {
        more = !inbox.isEmpty();
        scheduled = more;
      } finally {
        lock.unlock();
      }
      if (more && !agent.execute(this::drain)) {
        agent.schedule(0, this::drain);
      }
    }
  }

  private void runBatch(List<DiskOperation> operations) {
    List<DiskOperation> admitted = new ArrayList<>(operations.size());
    try (DbBatch batch = tools.db().batch()) {
      for (DiskOperation operation : operations) {
        try {
          if (operation.onDecide(this, batch)) {
            admitted.add(operation);
          }
        } catch (Outcome e) {
          operation.onFailed(e.code(), e.getMessage());
        } catch (IOException e) {
          operation.onFailed(StoreFailure.code(e), e.getMessage());
        }
      }
      if (!commit(batch, admitted)) {
        return;
      }
    }
    for (DiskOperation operation : admitted) {
      try {
        operation.onCommitted(this);
      } catch (Outcome e) {
        operation.onFailed(e.code(), e.getMessage());
      } catch (IOException e) {
        operation.onFailed(StoreFailure.code(e), e.getMessage());
      }
    }
  }

  /** The first failure stops the database, so marks in memory that are not on it serve nobody. */
  private boolean commit(DbBatch batch, List<DiskOperation> admitted) {
    try {
      if (batch.isDurable()) {
        tools.counters().markCommits.increment();
      }
      tools.db().commit(batch);
      return true;
    } catch (IOException e) {
      admitted.forEach(operation -> operation.onFailed(ErrorCode.IO_ERROR, e.getMessage()));
      return false;
    }
  }

  /** Tells when everything that was written to the object so far is durable, but for its times. */
  void sync(StoredObject object, SyncListener listener) {
    sync(object, false, listener);
  }

  /** The same, with {@code times} also for when it was written. */
  void sync(StoredObject object, boolean times, SyncListener listener) {
    SyncJob running = syncs.get(object);
    if (running != null) {
      running.next.add(listener);
      running.nextTimes |= times;
      return;
    }
    startSync(object, times, List.of(listener));
  }

  boolean isSyncing(StoredObject object) {
    return syncs.containsKey(object);
  }

  private void startSync(StoredObject object, boolean times, List<SyncListener> listeners) {
    StoredObject.Sync sync;
    try {
      sync = object.beginSync(times);
    } catch (Outcome e) {
      listeners.forEach(l -> l.onSynced(e.code(), e.getMessage()));
      return;
    }
    if (sync == null) {
      listeners.forEach(l -> l.onSynced(ErrorCode.OK, ""));
      return;
    }
    tools.counters().syncs.increment();
    SyncJob job = new SyncJob();
    job.served = listeners;
    syncs.put(object, job);
    try {
      tools.io().execute(() -> runSync(object, sync));
    } catch (RejectedExecutionException e) {
      onSynced(object, sync, new IOException("the daemon is closing"));
    }
  }

  private void runSync(StoredObject object, StoredObject.Sync sync) {
    IOException failure = null;
    try {
      sync.run();
    } catch (IOException e) {
      failure = e;
    }
    IOException problem = failure;
    resume(
        new DiskOperation() {
          /** That the bytes are lost is durable before anybody hears of it. */
          @Override
          boolean onDecide(DiskAgent owner, DbBatch batch) {
            boolean lost = problem != null && owner.maybeMarkLost(object, batch);
            if (!lost) {
              owner.onSynced(object, sync, problem);
            }
            return lost;
          }

          @Override
          void onCommitted(DiskAgent owner) {
            owner.onSynced(object, sync, problem);
          }

          @Override
          void onFailed(ErrorCode code, String message) {
            onSynced(object, sync, problem);
          }
        });
  }

  private boolean maybeMarkLost(StoredObject object, DbBatch batch) {
    Replica replica = tools.replicas().get(object.key().set());
    Decision.Admit lost = (Decision.Admit) markRules().onSyncFailed(object.marks());
    boolean marks = replica != null && lost.persist();
    if (marks) {
      putMarks(replica, object, lost.marks(), batch, true);
    }
    return marks;
  }

  private void onSynced(
      StoredObject object, StoredObject.Sync sync, @Nullable IOException problem) {
    SyncJob job = syncs.remove(object);
    object.onSynced(sync, problem);
    String failure = object.failure();
    ErrorCode code = failure == null ? ErrorCode.OK : ErrorCode.IO_ERROR;
    job.served.forEach(l -> l.onSynced(code, failure == null ? "" : failure));
    if (!job.next.isEmpty()) {
      startSync(object, job.nextTimes, job.next);
    }
  }
}
