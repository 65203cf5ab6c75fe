package io.lockstep.metadata.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.raft.GroupCommit;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.CreateInodeReply;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.NamesGrant;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock, but for {@link #touched}, which is confined to the log's updater thread.
 * Changes of the namespace on their way from the request over the log to the answer.
 *
 * <p>A change is executed, then others drop what they keep of its directories, then it is answered
 * (P14). A repeat of the request meanwhile waits for the same answer: executed again it would ask
 * for the directories as they are by then.
 */
final class Mutations {
  /** Longer than a lease lives: by then every holder has let go or is no more. */
  private static final long NAMES_NS = TimeUnit.SECONDS.toNanos(30);

  private static final int REPEATS_MAX = 16;

  private record Id(long session, long sequence) {}

  private final GroupCommit commit;
  private final ReplicatedLog raft;
  private final Namespace namespace;
  private final Sessions sessions;
  private final OpenTable openTable;
  private final NameGrants names;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Id, List<Responder>> answering = new HashMap<>();

  /** Of the entry that was executed last: the directories of each of its mutations. */
  private Map<Id, Set<Long>> touched = Map.of();

  Mutations(
      GroupCommit commit,
      ReplicatedLog raft,
      Namespace namespace,
      Sessions sessions,
      OpenTable openTable,
      NameGrants names) {
    this.commit = commit;
    this.raft = raft;
    this.namespace = namespace;
    this.sessions = sessions;
    this.openTable = openTable;
    this.names = names;
  }

  /** On any thread. */
  void onRequest(Request request, Responder responder) {
    Id id = new Id(request.getSession(), request.getSequence());
    if (id.session == 0 || id.sequence == 0) {
      responder.fail(ErrorCode.BAD_REQUEST, "a change needs a session and a sequence number");
      return;
    }
    if (isRepeat(id, responder)) {
      return;
    }
    LogOperation.Builder operation =
        LogOperation.newBuilder()
            .setSession(id.session)
            .setSequence(id.sequence)
            .setLowWater(request.getLowWater())
            .setMutation(
                request.toBuilder()
                    .clearCall()
                    .clearSession()
                    .clearSequence()
                    .clearLowWater()
                    .clearTimeoutMs()
                    .clearNamesLease()
                    .clearFoundNamesLease()
                    .clearFileLease()
                    .clearFileLeaseMode());
    if (request.hasCreateInode()) {
      operation.setSet(sessions.set(id.session));
    }
    commit.submit(operation, reply -> onDone(id, request, reply));
  }

  private boolean isRepeat(Id id, Responder responder) {
    Responder surplus = null;
    lock.lock();
    try {
      List<Responder> first = answering.get(id);
      if (first == null) {
        List<Responder> waiting = new ArrayList<>();
        waiting.add(responder);
        answering.put(id, waiting);
        return false;
      }
      first.add(responder);
      surplus = first.size() > REPEATS_MAX ? first.remove(0) : null;
    } finally {
      lock.unlock();
    }
    if (surplus != null) {
      surplus.fail(ErrorCode.BUSY, "the request was repeated too often");
    }
    return true;
  }

  // ---- executed

  /** On the updater thread, before the mutations of the entry are answered. */
  void onApplied(LogEntry entry, List<Reply> replies) {
    touched = Map.of();
    Map<Id, Set<Long>> found = new HashMap<>();
    try (KvStore.Snapshot after = raft.snapshot()) {
      for (int i = 0; i < replies.size() && after != null; i++) {
        LogOperation operation = entry.getOperations(i);
        if (operation.hasMutation() && Replies.isOk(replies.get(i))) {
          Set<Long> directories = namespace.touched(after, operation.getMutation(), replies.get(i));
          found.put(new Id(operation.getSession(), operation.getSequence()), directories);
        }
      }
    }
    addMoves(entry, replies, found);
    touched = found;
  }

  /**
   * A file may have been elsewhere between two mutations of one entry: those of its attributes
   * concern every directory where it was.
   */
  private static void addMoves(LogEntry entry, List<Reply> replies, Map<Id, Set<Long>> found) {
    Map<Long, Set<Long>> moves = new HashMap<>();
    for (int i = 0; i < replies.size(); i++) {
      Request mutation = entry.getOperations(i).getMutation();
      long moved = moved(mutation, replies.get(i));
      if (moved != 0) {
        moves.computeIfAbsent(moved, inode -> new HashSet<>()).addAll(placesOf(mutation));
      }
    }
    for (int i = 0; i < replies.size() && !moves.isEmpty(); i++) {
      LogOperation operation = entry.getOperations(i);
      Set<Long> directories = found.get(new Id(operation.getSession(), operation.getSequence()));
      Set<Long> places = moves.get(changed(operation.getMutation()));
      if (directories != null && places != null) {
        Set<Long> all = new LinkedHashSet<>(directories);
        all.addAll(places);
        found.put(new Id(operation.getSession(), operation.getSequence()), all);
      }
    }
  }

  private static long moved(Request mutation, Reply reply) {
    return switch (mutation.getBodyCase()) {
      case RENAME_ENTRY -> reply.getRenameEntry().getMoved().getInode();
      case REMOVE_ENTRY -> reply.getRemoveEntry().getAttributes().getInode();
      case LINK_INODE -> mutation.getLinkInode().getInode();
      default -> 0;
    };
  }

  private static Set<Long> placesOf(Request mutation) {
    return switch (mutation.getBodyCase()) {
      case RENAME_ENTRY ->
          new HashSet<>(
              List.of(
                  mutation.getRenameEntry().getParent(), mutation.getRenameEntry().getNewParent()));
      case REMOVE_ENTRY -> Set.of(mutation.getRemoveEntry().getParent());
      default -> Set.of(mutation.getLinkInode().getNewParent());
    };
  }

  /** The inode whose attributes a mutation changes by its id; 0 = none. */
  private static long changed(Request mutation) {
    return switch (mutation.getBodyCase()) {
      case SET_ATTRIBUTES -> mutation.getSetAttributes().getInode();
      case SET_XATTR -> mutation.getSetXattr().getInode();
      case REMOVE_XATTR -> mutation.getRemoveXattr().getInode();
      case LINK_INODE -> mutation.getLinkInode().getInode();
      default -> 0;
    };
  }

  /** On the updater thread if it was executed. */
  private void onDone(Id id, Request request, Reply reply) {
    if (!Replies.isOk(reply)) {
      answer(id, reply);
      return;
    }
    CreateInodeReply created = reply.getCreateInode();
    if (request.getCreateInode().getOpen()
        && openTable.open(id.session, created.getAttributes().getInode())
            == OpenTable.Opening.REFUSED) {
      answer(
          id,
          Replies.failure(
              ErrorCode.STALE_HANDLE,
              "inode " + created.getAttributes().getInode() + " is gone already"));
      return;
    }
    Set<Long> directories = touched.getOrDefault(id, Set.of());
    Attributes made =
        created.getCreated() ? created.getAttributes() : Attributes.getDefaultInstance();
    Reply full = withNames(request, reply);
    names.ride(
        request,
        made,
        lease -> {
          Reply last = lease.hasAttributes() ? full.toBuilder().setFileLease(lease).build() : full;
          names.changed(
              id.session,
              directories,
              NAMES_NS,
              others -> answer(id, Replies.isOk(others) ? last : others));
        });
  }

  private void answer(Id id, Reply reply) {
    List<Responder> all;
    lock.lock();
    try {
      all = answering.remove(id);
    } finally {
      lock.unlock();
    }
    all.forEach(responder -> responder.reply(reply));
  }

  // ---- what rides along

  private Reply withNames(Request request, Reply reply) {
    NamesGrant.Builder grant = NamesGrant.newBuilder();
    CreateInodeReply created = reply.getCreateInode();
    long made =
        created.getCreated() && request.getCreateInode().getType() == FileType.DIRECTORY
            ? created.getAttributes().getInode()
            : 0;
    grant.setFound(names.tryGrant(request.getSession(), made, request.getFoundNamesLease()));
    Reply.Builder full = reply.toBuilder();
    try (KvStore.Snapshot after = raft.snapshot()) {
      if (after == null) {
        return reply;
      }
      for (long directory : entriesChangedBy(request)) {
        Attributes attributes = namespace.attributes(after, directory);
        if (attributes != null) {
          grant.addDirectories(attributes);
        }
      }
      Attributes now = grant.getFound() ? namespace.attributes(after, made) : null;
      if (now != null) {
        // Read under the lease.
        full.getCreateInodeBuilder().setAttributes(now);
        grant.setFoundEmpty(namespace.isEmpty(after, made));
      } else {
        grant.setFound(false);
      }
    }
    grant.setForeign(isForeign(request.getSession(), reply));
    return full.setNames(grant).build();
  }

  private static Set<Long> entriesChangedBy(Request request) {
    return switch (request.getBodyCase()) {
      case CREATE_INODE -> Set.of(request.getCreateInode().getParent());
      case REMOVE_ENTRY -> Set.of(request.getRemoveEntry().getParent());
      case LINK_INODE -> Set.of(request.getLinkInode().getNewParent());
      case RENAME_ENTRY -> placesOf(request);
      default -> Set.of();
    };
  }

  /** Whether the file that the answer shows is another session's to change. */
  private boolean isForeign(long session, Reply reply) {
    Attributes shown =
        switch (reply.getBodyCase()) {
          case ATTRIBUTES -> reply.getAttributes().getAttributes();
          case RENAME_ENTRY -> reply.getRenameEntry().getMoved();
          case CREATE_INODE -> reply.getCreateInode().getAttributes();
          default -> Attributes.getDefaultInstance();
        };
    return shown.getType() == FileType.REGULAR
        && !names.foreign(session, List.of(shown.getInode())).isEmpty();
  }
}
