package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.NamesGrant;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionRecord;
import io.lockstep.wire.message.SetConfigsReply;
import io.lockstep.wire.message.SetRecord;
import io.lockstep.wire.message.SettleAttributes;
import io.lockstep.wire.message.VolumeRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;

/**
 * Guarded by what it uses. Answers queries on a small pool, each from one pinned state.
 *
 * <p>Size and times of a file that another session holds exclusively are that session's: lockd is
 * asked to have them told before they are answered. It says at once if there is no such holder.
 * Since the state was read before lockd was asked, it is read again if anything was executed in
 * between: a holder may have told and let go.
 */
final class Queries {
  private final ReplicatedLog log;
  private final Namespace namespace;
  private final OpenTable openTable;
  private final Peer lockd;
  private final NameGrants names;
  private final AtomicLong applied;
  private final Executor pool;
  private final BiConsumer<String, Throwable> onFailure;

  /**
   * @param applied index of the newest state that can be read
   */
  Queries(
      ReplicatedLog log,
      Namespace namespace,
      OpenTable openTable,
      Peer lockd,
      AtomicLong applied,
      Executor pool,
      BiConsumer<String, Throwable> onFailure) {
    this.log = log;
    this.namespace = namespace;
    this.openTable = openTable;
    this.lockd = lockd;
    this.names = new NameGrants(lockd);
    this.applied = applied;
    this.onFailure = onFailure;
    this.pool = pool;
  }

  /** On any thread. */
  void onQuery(Request request, Responder responder) {
    execute(new Work(request, responder, false));
  }

  private void execute(Work work) {
    try {
      pool.execute(work);
    } catch (RejectedExecutionException e) {
      work.responder.fail(ErrorCode.BUSY, "too many queries");
    }
  }

  /** Immutable. One query on its way through the pool. */
  private final class Work implements Runnable {
    private final Request request;
    private final Responder responder;
    private final boolean settled;

    Work(Request request, Responder responder, boolean settled) {
      this.request = request;
      this.responder = responder;
      this.settled = settled;
    }

    @Override
    public void run() {
      try {
        answer(this);
      } catch (RuntimeException | Error e) {
        responder.fail(ErrorCode.IO_ERROR, "the master failed");
        onFailure.accept("a query of kind " + request.getBodyCase() + " failed", e);
      }
    }
  }

  private void answer(Work work) {
    Request request = work.request;
    if (request.getBodyCase() == Request.BodyCase.OPEN_INODE) {
      open(work);
      return;
    }
    NamesGrant.Builder grant = NamesGrant.newBuilder().setForeign(work.settled);
    grant.setAsked(names.tryGrant(request.getSession(), asked(request), request.getNamesLease()));
    long before = applied.get();
    Reply reply = read(request);
    if (request.getFoundNamesLease() != 0) {
      reply = grantFound(request, reply, grant);
    }
    if (reply.hasReadDirectory()) {
      reply = withoutForeign(request, reply);
    }
    reply = withGrant(reply, grant);
    long inode = work.settled ? 0 : sizeOwned(reply);
    if (request.getGetAttributes().getTaken() && Replies.isOk(reply)) {
      take(work, reply);
    } else if (inode == 0) {
      work.responder.reply(reply);
    } else {
      settle(work, inode, reply, before);
    }
  }

  /** The directory whose lease may ride on the answer, known from the question; 0 = none. */
  private static long asked(Request request) {
    return switch (request.getBodyCase()) {
      case WALK -> request.getWalk().getNamesCount() == 1 ? request.getWalk().getInode() : 0;
      case READ_DIRECTORY -> request.getReadDirectory().getInode();
      default -> 0;
    };
  }

  /** A directory was found: what is told under its lease is read when the lease is there. */
  private Reply grantFound(Request request, Reply reply, NamesGrant.Builder grant) {
    long directory = directoryFound(reply);
    if (directory == 0
        || !names.tryGrant(request.getSession(), directory, request.getFoundNamesLease())) {
      return reply;
    }
    Reply again = read(request);
    grant.setFound(directoryFound(again) == directory);
    return again;
  }

  private static long directoryFound(Reply reply) {
    Attributes last = last(reply);
    return last != null && last.getType() == FileType.DIRECTORY ? last.getInode() : 0;
  }

  private static Reply withGrant(Reply reply, NamesGrant.Builder grant) {
    boolean any = grant.getAsked() || grant.getFound() || grant.getForeign();
    return any ? reply.toBuilder().setNames(grant).build() : reply;
  }

  /** Size and times of files that others are changing are not told along with their names. */
  private Reply withoutForeign(Request request, Reply reply) {
    ReadDirectoryReply page = reply.getReadDirectory();
    List<Long> files = new ArrayList<>();
    for (DirectoryEntry entry : page.getEntriesList()) {
      if (entry.hasAttributes() && entry.getType() == FileType.REGULAR) {
        files.add(entry.getInode());
      }
    }
    Set<Long> foreign = names.foreign(request.getSession(), files);
    if (foreign.isEmpty()) {
      return reply;
    }
    ReadDirectoryReply.Builder told = page.toBuilder();
    for (DirectoryEntry.Builder entry : told.getEntriesBuilderList()) {
      if (foreign.contains(entry.getInode())) {
        entry.clearAttributes();
      }
    }
    return reply.toBuilder().setReadDirectory(told).build();
  }

  /** An exclusive grant: nobody else goes on answering for the file out of a directory lease. */
  private void take(Work work, Reply reply) {
    Set<Long> covering = Set.of();
    try (KvStore.Snapshot state = log.snapshot()) {
      if (state != null) {
        covering = namespace.covering(state, work.request.getGetAttributes().getInode());
      }
    }
    if (covering.isEmpty()) {
      work.responder.reply(reply);
      return;
    }
    names.changed(
        work.request.getSession(),
        covering,
        timeoutNs(work.request),
        answer -> work.responder.reply(Replies.isOk(answer) ? reply : answer));
  }

  private static long timeoutNs(Request request) {
    long timeoutMs = request.getTimeoutMs() == 0 ? 30_000 : request.getTimeoutMs();
    return TimeUnit.MILLISECONDS.toNanos(timeoutMs);
  }

  private Reply read(Request request) {
    try (KvStore.Snapshot state = log.snapshot()) {
      if (state == null) {
        return Replies.failure(ErrorCode.CLOSING, "the master is closed");
      }
      return request.getBodyCase() == Request.BodyCase.GET_SET_CONFIGS
          ? setConfigs(new Catalogue(state), request)
          : namespace.query(state, request);
    }
  }

  /** The regular file whose size the reply tells; 0 = none. */
  private static long sizeOwned(Reply reply) {
    Attributes last = last(reply);
    return last != null && last.getType() == FileType.REGULAR ? last.getInode() : 0;
  }

  private static Attributes last(Reply reply) {
    if (reply.hasAttributes()) {
      return reply.getAttributes().getAttributes();
    }
    int found = reply.getWalk().getFoundCount();
    return found == 0 ? null : reply.getWalk().getFound(found - 1);
  }

  private void settle(Work work, long inode, Reply reply, long before) {
    Request ask =
        Request.newBuilder()
            .setSettleAttributes(
                SettleAttributes.newBuilder()
                    .setInode(inode)
                    .setSession(work.request.getSession())
                    .setSet(last(reply).getSet()))
            .build();
    Thread asking = Thread.currentThread();
    boolean[] returned = {false};
    lockd.call(
        ask,
        timeoutNs(work.request),
        (answer, payload) -> {
          payload.release();
          boolean direct = Thread.currentThread() == asking && !returned[0];
          if (!Replies.isOk(answer)) {
            work.responder.reply(answer.toBuilder().clearBody().build());
          } else if (direct && applied.get() == before) {
            work.responder.reply(reply);
          } else if (direct) {
            answer(new Work(work.request, work.responder, true));
          } else {
            execute(new Work(work.request, work.responder, true));
          }
        });
    returned[0] = true;
  }

  /** The session has it open from before its attributes are read: no collection comes between. */
  private void open(Work work) {
    long session = work.request.getSession();
    long inode = work.request.getOpenInode().getInode();
    OpenTable.Opening opening = openTable.open(session, inode);
    if (opening == OpenTable.Opening.REFUSED) {
      work.responder.fail(ErrorCode.STALE_HANDLE, "inode " + inode + " is gone");
      return;
    }
    Responder responder = new OpenResponder(work.responder, openTable, opening, session, inode);
    Request query =
        work.request.toBuilder()
            .setGetAttributes(GetAttributes.newBuilder().setInode(inode))
            .build();
    if (work.request.getFileLease() == 0) {
      answer(new Work(query, responder, false));
      return;
    }
    names.ride(
        work.request,
        read(query).getAttributes().getAttributes(),
        lease -> {
          if (lease.hasAttributes()) {
            // Those of the grant: nobody else can change them now.
            AttributesReply.Builder opened =
                AttributesReply.newBuilder().setAttributes(lease.getAttributes());
            responder.reply(Reply.newBuilder().setAttributes(opened).setFileLease(lease).build());
          } else {
            pool.execute(new Work(query, responder, false));
          }
        });
  }

  /** Immutable. Takes an opening back that turned out to be of nothing. */
  private record OpenResponder(
      Responder responder, OpenTable openTable, OpenTable.Opening opening, long session, long inode)
      implements Responder {
    @Override
    public void reply(Reply reply, Payload payload) {
      boolean gone =
          Replies.isOk(reply)
              && reply.getAttributes().getAttributes().getNlink() == 0
              && opening == OpenTable.Opening.NEW;
      if (opening == OpenTable.Opening.NEW && (gone || !Replies.isOk(reply))) {
        openTable.close(session, List.of(inode));
      }
      if (gone) {
        responder.fail(ErrorCode.STALE_HANDLE, "inode " + inode + " has no name any more");
      } else {
        responder.reply(reply, payload);
      }
    }

    @Override
    public PeerIdentity peer() {
      return responder.peer();
    }
  }

  private static Reply setConfigs(Catalogue catalogue, Request request) {
    Map<UUID, String> addresses = catalogue.addresses();
    List<Long> asked = request.getGetSetConfigs().getSetsList();
    List<SetRecord> records = new ArrayList<>();
    if (asked.isEmpty()) {
      VolumeRecord volume = volumeOf(catalogue, request.getSession());
      if (volume == null) {
        records.addAll(catalogue.sets());
      } else {
        volume.getSetsList().forEach(set -> records.add(catalogue.set(set)));
      }
    } else {
      asked.forEach(set -> records.add(catalogue.set(set)));
    }
    SetConfigsReply.Builder reply = SetConfigsReply.newBuilder();
    for (SetRecord each : records) {
      if (each != null) {
        reply.addSets(Convert.message(Catalogue.config(each), addresses));
      }
    }
    return Reply.newBuilder().setSetConfigs(reply).build();
  }

  private static VolumeRecord volumeOf(Catalogue catalogue, long session) {
    SessionRecord record = session == 0 ? null : catalogue.session(session);
    return record == null ? null : catalogue.volume(record.getVolume());
  }
}
