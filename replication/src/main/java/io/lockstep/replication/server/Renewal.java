package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.StoredObject;

/**
 * Confined to one disk agent. Makes room for what a client sends to an object that was lost on a
 * member that is being healed: the file goes, the heal knows that it has to bring all of it, and
 * the client's operation goes on.
 *
 * <p>Otherwise the client's word would be refused, and the member blamed anew, until heal has come
 * to the object; or it would be taken, and heal, coming later, would throw it away with the rest.
 */
final class Renewal extends DiskOperation {
  private final Replica replica;
  private final StoredObject object;
  private final DiskOperation next;

  private Renewal(Replica replica, StoredObject object, DiskOperation next) {
    this.replica = replica;
    this.object = object;
    this.next = next;
  }

  /** Whether {@code next} has to wait: it is resumed when the object is renewed. */
  static boolean holds(DiskAgent agent, Replica replica, StoredObject object, DiskOperation next) {
    if (!isDue(replica, object)) {
      return false;
    }
    if (agent.isSyncing(object)) {
      // How that ends is no news of a lost object.
      agent.sync(object, (code, message) -> agent.resume(next));
    } else {
      agent.resume(new Renewal(replica, object, next));
    }
    return true;
  }

  /** Not over what clients wrote at this epoch: the sources may get it later. */
  private static boolean isDue(Replica replica, StoredObject object) {
    Replica.View view = replica.view();
    return object.isLost()
        && view.mode() == MemberMode.WO
        && !object.marks().tombstone()
        && !object.repair().taken(view.epoch()).isTouched();
  }

  @Override
  boolean onDecide(DiskAgent agent, DbBatch batch) {
    if (object.hasAdmitted()) {
      agent.resume(this);
      return false;
    }
    if (!isDue(replica, object) || agent.isSyncing(object)) {
      agent.resume(next);
      return false;
    }
    Decision.Admit part = agent.markRules().onRenewal(object.marks());
    if (part.persist()) {
      agent.putMarks(replica, object, part.marks(), batch, true);
    }
    return true;
  }

  @Override
  void onCommitted(DiskAgent agent) throws Outcome {
    if (object.isLost()) {
      object.renew();
    }
    agent.resume(next);
  }

  @Override
  void onFailed(ErrorCode code, String message) {
    next.onFailed(code, message);
  }
}
