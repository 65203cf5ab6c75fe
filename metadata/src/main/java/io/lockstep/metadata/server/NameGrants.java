package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.ForeignFiles;
import io.lockstep.wire.message.GrantNames;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.NamesChanged;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.RideLease;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * Immutable. What the master asks lockd about directory leases (P14). Grants and foreign files are
 * answered on the thread that asks.
 */
final class NameGrants {
  private static final long RIDE_NS = TimeUnit.SECONDS.toNanos(4);
  private static final long AT_ONCE_NS = TimeUnit.SECONDS.toNanos(1);

  private static final Reply NO_ANSWER = Replies.failure(ErrorCode.BUSY, "lockd did not answer");

  private final Peer lockd;

  NameGrants(Peer lockd) {
    this.lockd = lockd;
  }

  /**
   * Whether the session holds the lease from now on. To be asked before that is read which the
   * session may keep under it.
   */
  boolean tryGrant(long session, long directory, long lease) {
    if (session == 0 || lease == 0 || directory == 0) {
      return false;
    }
    GrantNames.Builder grant =
        GrantNames.newBuilder().setSession(session).setDirectory(directory).setLease(lease);
    return Replies.isOk(atOnce(Request.newBuilder().setGrantNames(grant).build()));
  }

  /** Those of the files whose size and times another session may be changing. */
  Set<Long> foreign(long session, Collection<Long> files) {
    if (files.isEmpty()) {
      return Set.of();
    }
    ForeignFiles.Builder asked = ForeignFiles.newBuilder().setSession(session).addAllInodes(files);
    Reply reply = atOnce(Request.newBuilder().setForeignFiles(asked).build());
    return Set.copyOf(Replies.isOk(reply) ? reply.getForeignFiles().getInodesList() : files);
  }

  /**
   * The session has changed the directories.
   *
   * @param then gets OK when nobody else holds a lease on them, on any thread, perhaps before this
   *     returns
   */
  void changed(long session, Set<Long> directories, long timeoutNs, Consumer<Reply> then) {
    if (directories.isEmpty()) {
      then.accept(Replies.OK);
      return;
    }
    NamesChanged.Builder changed =
        NamesChanged.newBuilder().setSession(session).addAllDirectories(List.copyOf(directories));
    lockd.call(
        Request.newBuilder().setNamesChanged(changed).build(),
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          then.accept(reply);
        });
  }

  /**
   * The lease that the request proposes for the file that it makes or opens.
   *
   * @param then gets the lease, or the default instance if it is not to be had at once; on any
   *     thread
   */
  void ride(Request request, Attributes file, Consumer<LeaseGrant> then) {
    boolean wanted = request.getFileLease() != 0 && request.getSession() != 0;
    if (!wanted || file.getType() != FileType.REGULAR || file.getSet() == 0) {
      then.accept(LeaseGrant.getDefaultInstance());
      return;
    }
    RideLease.Builder ride =
        RideLease.newBuilder()
            .setSession(request.getSession())
            .setInode(file.getInode())
            .setLease(request.getFileLease())
            .setMode(request.getFileLeaseMode())
            .setSet(file.getSet());
    lockd.call(
        Request.newBuilder().setRideLease(ride).build(),
        RIDE_NS,
        (reply, payload) -> {
          payload.release();
          then.accept(reply.getLeaseGrant());
        });
  }

  private Reply atOnce(Request request) {
    AtomicReference<Reply> answer = new AtomicReference<>(NO_ANSWER);
    lockd.call(
        request,
        AT_ONCE_NS,
        (reply, payload) -> {
          payload.release();
          answer.set(reply);
        });
    return answer.get();
  }
}
