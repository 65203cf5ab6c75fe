package io.lockstep.metadata.catalogue;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.metadata.namespace.Collected;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.namespace.Stamp;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.ChangeSet;
import io.lockstep.wire.message.CollectInodes;
import io.lockstep.wire.message.ConfirmDead;
import io.lockstep.wire.message.DaemonRecord;
import io.lockstep.wire.message.DeadRecord;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionRecord;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetConfigsReply;
import io.lockstep.wire.message.SetRecord;
import io.lockstep.wire.message.StartLockdReply;
import io.lockstep.wire.message.VolumeRecord;
import io.lockstep.wire.message.WakeDead;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Immutable. What each operation of the log does to the state: the same on every master and at
 * every replay. Runs on the log's updater thread.
 */
public final class MasterState {
  private final Namespace namespace;
  private final VolumeOperations volumes;

  public MasterState(Namespace namespace) {
    this.namespace = namespace;
    this.volumes = new VolumeOperations(namespace);
  }

  /** Executes an entry; one reply per operation, in order. */
  public List<Reply> apply(KvTransaction state, LogEntry entry, long index) {
    List<Reply> replies = new ArrayList<>(entry.getOperationsCount());
    for (LogOperation operation : entry.getOperationsList()) {
      replies.add(
          operation.getSession() == 0
              ? execute(state, operation, 0, index)
              : once(state, operation, index));
    }
    return replies;
  }

  /** Exactly once (P11). */
  private Reply once(KvTransaction state, LogOperation operation, long index) {
    long session = operation.getSession();
    long sequence = operation.getSequence();
    Reply known = Answers.known(state, session, sequence);
    if (known != null) {
      return known;
    }
    if (!Answers.isWithinWindow(state, session, sequence, operation.getLowWater())) {
      return Replies.failure(ErrorCode.BUSY, "the session has too many requests without an answer");
    }
    long volume = new Catalogue(state).session(session).getVolume();
    Reply reply = execute(state, operation, volume, index);
    Answers.remember(state, session, sequence, operation.getLowWater(), reply);
    return reply;
  }

  private Reply execute(KvTransaction state, LogOperation operation, long volume, long index) {
    long nowNs = operation.getWallTimeNs();
    return switch (operation.getBodyCase()) {
      case MUTATION -> mutate(state, operation, volume);
      case OPEN_SESSION -> openSession(state, operation.getOpenSession(), nowNs);
      case END_SESSION -> endSession(state, operation.getEndSession().getSession());
      case CHANGE_SET -> changeSet(state, operation.getChangeSet());
      case REGISTER_DAEMON -> registerDaemon(state, operation.getRegisterDaemon());
      case ADD_VOLUME -> volumes.add(state, operation.getAddVolume(), nowNs);
      case PUBLISH_VOLUME ->
          volumes.publish(state, operation.getPublishVolume().getVolume(), nowNs);
      case RETIRE_VOLUME -> volumes.retire(state, operation.getRetireVolume());
      case REMOVE_VOLUME -> volumes.remove(state, operation.getRemoveVolume());
      case COLLECT_INODES -> collect(state, operation.getCollectInodes());
      case CONFIRM_DEAD -> confirmDead(state, operation.getConfirmDead());
      case WAKE_DEAD -> wakeDead(state, operation.getWakeDead());
      case START_LOCKD -> startLockd(state, index);
      case BODY_NOT_SET ->
          Replies.failure(ErrorCode.NOT_IMPLEMENTED, "the log holds an operation of a newer kind");
    };
  }

  /** A session changes nothing outside its volume; 0 = the master itself, anywhere. */
  private Reply mutate(KvTransaction state, LogOperation operation, long volume) {
    Request request = operation.getMutation();
    for (long inode : volume == 0 ? List.<Long>of() : named(request)) {
      Attributes attributes = namespace.attributes(state, inode);
      if (attributes != null && attributes.getVolume() != volume) {
        return Replies.failure(
            ErrorCode.CROSS_DEVICE, "inode " + inode + " is not of the volume of the session");
      }
    }
    return namespace.apply(
        state, request, new Stamp(operation.getWallTimeNs(), operation.getSet()));
  }

  /** The inodes that a mutation names; what it reaches by name is of the same volume. */
  private static List<Long> named(Request request) {
    return switch (request.getBodyCase()) {
      case CREATE_INODE -> List.of(request.getCreateInode().getParent());
      case REMOVE_ENTRY -> List.of(request.getRemoveEntry().getParent());
      case RENAME_ENTRY ->
          List.of(request.getRenameEntry().getParent(), request.getRenameEntry().getNewParent());
      case LINK_INODE ->
          List.of(request.getLinkInode().getInode(), request.getLinkInode().getNewParent());
      case SET_ATTRIBUTES -> List.of(request.getSetAttributes().getInode());
      case REFRESH_INODES ->
          request.getRefreshInodes().getUpdatesList().stream()
              .map(RefreshInodes.Update::getInode)
              .toList();
      case SET_XATTR -> List.of(request.getSetXattr().getInode());
      case REMOVE_XATTR -> List.of(request.getRemoveXattr().getInode());
      default -> List.of();
    };
  }

  private static Reply openSession(KvTransaction state, OpenSession open, long nowNs) {
    Catalogue catalogue = new Catalogue(state);
    VolumeRecord volume = catalogue.volume(open.getVolume());
    if (volume == null || volume.getState() != VolumeRecord.State.LIVE) {
      return Replies.failure(
          ErrorCode.NOT_FOUND, "there is no volume named '" + open.getVolume() + "'");
    }
    long id = Catalogue.nextId(state);
    Catalogue.put(
        state,
        SessionRecord.newBuilder()
            .setSession(id)
            .setVolume(volume.getVolume())
            .setHost(open.getHost())
            .setPid(open.getPid())
            .setMountPoint(open.getMountPoint())
            .setReadOnly(open.getReadOnly())
            .setVersion(open.getVersion())
            .setOpenedNs(nowNs)
            .build());
    return Reply.newBuilder()
        .setSession(
            SessionReply.newBuilder()
                .setSession(id)
                .setVolume(volume.getVolume())
                .setRoot(volume.getRoot())
                .addAllSets(catalogue.configs(volume)))
        .build();
  }

  private static Reply endSession(KvTransaction state, long session) {
    state.delete(Keys.of(Keys.SESSION, session));
    Answers.forget(state, session);
    return Replies.OK;
  }

  private static Reply changeSet(KvTransaction state, ChangeSet change) {
    Catalogue catalogue = new Catalogue(state);
    long id = change.getConfig().getSet();
    SetRecord former = catalogue.set(id);
    if (former == null) {
      return Replies.failure(ErrorCode.NOT_FOUND, "there is no replica set " + id);
    }
    boolean matches = former.getConfig().getEpoch() == change.getExpectedEpoch();
    SetRecord now = former;
    if (matches) {
      try {
        SetConfig next = Convert.config(change.getConfig());
        now =
            former.toBuilder()
                .setConfig(Convert.message(next, Map.of()))
                .setReason(change.getReason())
                .build();
      } catch (Outcome e) {
        return Replies.failure(e.code(), e.getMessage());
      }
      Catalogue.put(state, now);
    }
    return Reply.newBuilder()
        .setCode(matches ? 0 : ErrorCode.CONFLICT.number())
        .setSetConfigs(
            SetConfigsReply.newBuilder()
                .addSets(Convert.message(Catalogue.config(now), catalogue.addresses())))
        .build();
  }

  private static Reply registerDaemon(KvTransaction state, DaemonRecord daemon) {
    DaemonRecord former = new Catalogue(state).daemon(Convert.uuid(daemon.getDaemon()));
    if (former != null
        && Long.compareUnsigned(daemon.getIncarnation(), former.getIncarnation()) < 0) {
      return Replies.failure(
          ErrorCode.CONFLICT,
          "a newer run of daemon "
              + Convert.uuid(daemon.getDaemon())
              + " has registered: "
              + former.getIncarnation()
              + ", this one is "
              + daemon.getIncarnation());
    }
    Catalogue.put(state, daemon);
    return Replies.OK;
  }

  private Reply collect(KvTransaction state, CollectInodes collect) {
    for (CollectInodes.Item item : collect.getItemsList()) {
      Collected collected = namespace.collect(state, item.getInode());
      if (collected != null && collected.set() != 0) {
        DeadRecord dead =
            DeadRecord.newBuilder()
                .setInode(item.getInode())
                .setSet(collected.set())
                .setToken(item.getToken())
                .build();
        state.put(Keys.of(Keys.DEAD, dead.getSet(), dead.getInode()), dead.toByteArray());
      }
    }
    return Replies.OK;
  }

  private static Reply confirmDead(KvTransaction state, ConfirmDead confirm) {
    SetRecord set = new Catalogue(state).set(confirm.getSet());
    for (long inode : confirm.getInodesList()) {
      byte[] key = Keys.of(Keys.DEAD, confirm.getSet(), inode);
      DeadRecord dead = Catalogue.read(DeadRecord.parser(), state.get(key));
      if (dead == null) {
        continue;
      }
      state.delete(key);
      TreeSet<Integer> confirmed = new TreeSet<>(dead.getConfirmedList());
      confirmed.addAll(confirm.getMembersList());
      boolean all =
          set == null
              || Catalogue.config(set).members().stream().allMatch(m -> confirmed.contains(m.id()));
      if (!all) {
        DeadRecord waiting = dead.toBuilder().clearConfirmed().addAllConfirmed(confirmed).build();
        state.put(Keys.of(Keys.DEAD_WAITING, confirm.getSet(), inode), waiting.toByteArray());
      }
    }
    return Replies.OK;
  }

  private static Reply wakeDead(KvTransaction state, WakeDead wake) {
    int max = Math.max(1, wake.getRecordsMax());
    List<DeadRecord> waiting =
        Catalogue.some(
            state,
            DeadRecord.parser(),
            Keys.of(Keys.DEAD_WAITING, wake.getSet()),
            Keys.of(Keys.DEAD_WAITING, wake.getSet() + 1),
            max);
    for (DeadRecord dead : waiting) {
      state.delete(Keys.of(Keys.DEAD_WAITING, dead.getSet(), dead.getInode()));
      state.put(Keys.of(Keys.DEAD, dead.getSet(), dead.getInode()), dead.toByteArray());
    }
    return waiting.size() < max ? Replies.OK : Replies.failure(ErrorCode.BUSY, "more wait");
  }

  private static Reply startLockd(KvTransaction state, long index) {
    Catalogue catalogue = new Catalogue(state);
    // The index of the entry; two starts in one entry still get two terms.
    long term = Math.max(index, catalogue.lockdTerm() + 1);
    state.put(Keys.of(Keys.LOCKD_TERM), Keys.number(term));
    StartLockdReply.Builder reply = StartLockdReply.newBuilder().setTerm(term);
    catalogue.sessions().forEach(session -> reply.addSessions(session.getSession()));
    return Reply.newBuilder().setStartLockd(reply).build();
  }
}
