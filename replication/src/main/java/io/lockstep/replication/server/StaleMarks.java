package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.Pending;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.StoredObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the control agent. Removes the pending marks of a member that is in step again about
 * others that are in step too. Those were healed from the members that were in step while this one
 * was away, which could not be told; since then its marks speak of nothing.
 *
 * <p>A mark is named by its version, so one that is renewed meanwhile stays (P10). One that is left
 * does no harm: the next heal of the member that it names looks at an object too many.
 */
final class StaleMarks {
  private static final Logger LOG = LoggerFactory.getLogger(StaleMarks.class);

  private record Stale(long inode, int member, long version) {}

  private final DaemonContext context;

  StaleMarks(DaemonContext context) {
    this.context = context;
  }

  /** The replica has become RW at this configuration. */
  void onInStep(Replica replica, Replica.View view) {
    context.onIo(
        () -> {
          List<Stale> stale = new ArrayList<>();
          try {
            list(replica, view, stale);
          } catch (IOException | Outcome e) {
            LOG.warn("set {}: old marks stay: {}", Long.toHexString(replica.set), e.toString());
          }
          stale.forEach(
              mark -> context.disk(mark.inode()).resume(new Clear(replica, view.epoch(), mark)));
        });
  }

  private void list(Replica replica, Replica.View view, List<Stale> stale)
      throws IOException, Outcome {
    context
        .db()
        .scan(
            replica.set,
            0,
            true,
            (key, marks) -> {
              for (Map.Entry<Integer, Pending> mark : marks.pending().entrySet()) {
                Member about = view.config().member(mark.getKey());
                boolean inStep = about != null && about.mode() == MemberMode.RW;
                boolean older = Long.compareUnsigned(mark.getValue().epoch(), view.epoch()) < 0;
                if (inStep && older) {
                  stale.add(new Stale(key.inode(), mark.getKey(), mark.getValue().version()));
                }
              }
              return true;
            });
  }

  /** Confined to the disk agent of its object. */
  private static final class Clear extends DiskOperation {
    private final Replica replica;
    private final long epoch;
    private final Stale mark;

    Clear(Replica replica, long epoch, Stale mark) {
      this.replica = replica;
      this.epoch = epoch;
      this.mark = mark;
    }

    @Override
    boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
      replica.checkEpoch(epoch);
      StoredObject object = agent.table().object(new ObjectKey(replica.set, mark.inode()));
      Decision decision =
          agent.markRules().onClearPending(object.marks(), mark.member(), mark.version());
      if (decision instanceof Decision.Admit admit && admit.persist()) {
        agent.putMarks(replica, object, admit.marks(), batch, false);
      }
      return false;
    }

    @Override
    void onFailed(ErrorCode code, String message) {
      // A newer configuration came; what is still stale then is found when this member is RW again.
    }
  }
}
