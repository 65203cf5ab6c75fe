package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.DaemonHeartbeat;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PendingMark;
import io.lockstep.wire.message.RegisterDaemon;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SyncObjectsReply;
import io.lockstep.wire.message.Timestamp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Guarded by its own monitor. The part of a storage daemon that the master sees: replicas,
 * configurations and marks, without bytes. It can be away, and lists every request it was sent.
 */
final class FakeDaemon implements Peer {
  final UUID id;
  final String address;
  final long freeBytes;
  long incarnation = 1;

  private final Map<Long, TreeMap<Long, ObjectState.Builder>> replicas = new HashMap<>();
  private final Map<Long, SetConfigMessage> configs = new HashMap<>();
  private final Set<Long> healing = new HashSet<>();
  private final List<Request> requests = new ArrayList<>();
  private boolean away;

  FakeDaemon(int number, long freeBytes) {
    this.id = new UUID(7, number);
    this.address = "127.0.0.1:" + (9000 + number);
    this.freeBytes = freeBytes;
  }

  synchronized void setAway(boolean isAway) {
    away = isAway;
  }

  /** A new run: what it was told to heal is forgotten. */
  synchronized void restart() {
    incarnation++;
    healing.clear();
    away = false;
  }

  Request registration() {
    return Request.newBuilder()
        .setRegisterDaemon(
            RegisterDaemon.newBuilder()
                .setDaemon(Convert.message(id))
                .setIncarnation(incarnation)
                .setAddress(address)
                .setVersion("test")
                .setCapacityBytes(1000)
                .setFreeBytes(freeBytes))
        .build();
  }

  Request heartbeat() {
    return Request.newBuilder()
        .setDaemonHeartbeat(
            DaemonHeartbeat.newBuilder()
                .setDaemon(Convert.message(id))
                .setIncarnation(incarnation)
                .setCapacityBytes(1000)
                .setFreeBytes(freeBytes))
        .build();
  }

  synchronized boolean isAway() {
    return away;
  }

  synchronized boolean hasReplica(long set) {
    return replicas.containsKey(set);
  }

  synchronized boolean isHealing(long set) {
    return healing.contains(set);
  }

  synchronized long epoch(long set) {
    return configs.getOrDefault(set, SetConfigMessage.getDefaultInstance()).getEpoch();
  }

  synchronized List<Request> requests(Request.BodyCase kind) {
    return requests.stream().filter(request -> request.getBodyCase() == kind).toList();
  }

  /** An object of this size without a mark, written after all else. */
  synchronized void clean(long set, long inode, long size) {
    Timestamp late = Timestamp.newBuilder().setSeconds(1L << 33).build();
    object(set, inode).setExists(true).setSize(size).setMtime(late);
  }

  /** A write that no post-op followed. */
  synchronized void dirty(long set, long inode, Token token, long cycle, long size) {
    object(set, inode)
        .setExists(true)
        .setDirty(true)
        .setDirtyToken(Convert.message(token))
        .setDirtyCycle(cycle)
        .setNewestToken(Convert.message(token))
        .setMtime(Convert.timestamp(2_000_000_000_000_000_000L))
        .setSize(size);
  }

  /** Settling began to copy over it, and ended with its source. */
  synchronized void halfRepaired(long set, long inode) {
    object(set, inode).setExists(true).setHalfRepaired(true);
  }

  synchronized ObjectState state(long set, long inode) {
    return object(set, inode).build();
  }

  synchronized boolean hasObject(long set, long inode) {
    TreeMap<Long, ObjectState.Builder> replica = replicas.get(set);
    return replica != null && replica.containsKey(inode);
  }

  private ObjectState.Builder object(long set, long inode) {
    return replicas
        .computeIfAbsent(set, key -> new TreeMap<>())
        .computeIfAbsent(inode, key -> ObjectState.newBuilder().setInode(inode));
  }

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    payload.release();
    Reply reply;
    synchronized (this) {
      requests.add(request);
      reply = away ? Replies.failure(ErrorCode.DISCONNECTED, "away") : serve(request);
    }
    onReply.onReply(reply, Payload.EMPTY);
  }

  /** Set by a test: where SettleObject finds the other copies. */
  private Map<String, FakeDaemon> others = Map.of();

  synchronized void knows(Map<String, FakeDaemon> byAddress) {
    others = byAddress;
  }

  /** The next request of that kind is refused. */
  synchronized void refuseOne(Request.BodyCase kind) {
    refused = kind;
  }

  private Request.BodyCase refused;

  private Reply serve(Request request) {
    if (request.getBodyCase() == refused) {
      refused = null;
      return Replies.failure(ErrorCode.STALE_EPOCH, "a newer configuration came");
    }
    return switch (request.getBodyCase()) {
      case ENSURE_REPLICA -> {
        long set = request.getEnsureReplica().getSet();
        replicas.putIfAbsent(set, new TreeMap<>());
        configs.put(set, request.getEnsureReplica().getConfig());
        yield Replies.OK;
      }
      case DELETE_REPLICA -> {
        replicas.remove(request.getDeleteReplica().getSet());
        yield Replies.OK;
      }
      case ADOPT_CONFIG -> {
        SetConfigMessage config = request.getAdoptConfig().getConfig();
        if (config.getEpoch() >= epoch(config.getSet())) {
          configs.put(config.getSet(), config);
        }
        if (request.getAdoptConfig().getHeal()) {
          healing.add(config.getSet());
        }
        yield Replies.OK;
      }
      case LIST_MARKS -> listMarks(request.getListMarks());
      case SEAL_OBJECT -> {
        ObjectState.Builder object =
            object(request.getSealObject().getSet(), request.getSealObject().getInode());
        Token token = Convert.token(request.getSealObject().getToken());
        if (token.isOlderThan(Convert.token(object.getNewestToken()))) {
          yield Replies.failure(ErrorCode.STALE_TOKEN, "fenced");
        }
        object.setNewestToken(Convert.message(token));
        yield Reply.newBuilder().setObjectState(object).build();
      }
      case STAT_OBJECT ->
          Reply.newBuilder()
              .setObjectState(
                  object(request.getStatObject().getSet(), request.getStatObject().getInode()))
              .build();
      case SETTLE_OBJECT -> {
        long set = request.getSettleObject().getSet();
        long inode = request.getSettleObject().getInode();
        FakeDaemon source = others.get(request.getSettleObject().getSourceAddress());
        ObjectState.Builder object = object(set, inode);
        if (source != this && source.state(set, inode).getHalfRepaired()) {
          yield Replies.failure(ErrorCode.CORRUPT, "half repaired");
        }
        object.setExists(true).setSize(source.state(set, inode).getSize()).setHalfRepaired(false);
        yield Reply.newBuilder().setObjectState(object).build();
      }
      case SYNC_OBJECTS ->
          Reply.newBuilder().setSyncObjects(SyncObjectsReply.getDefaultInstance()).build();
      case PRE_OP -> preOp(request.getPreOp().getContext());
      case CLEAR_DIRTY -> clearDirty(request.getClearDirty());
      case DELETE_OBJECTS -> {
        TreeMap<Long, ObjectState.Builder> replica =
            replicas.get(request.getDeleteObjects().getSet());
        if (replica != null) {
          request.getDeleteObjects().getInodesList().forEach(replica::remove);
        }
        yield Replies.OK;
      }
      case FORGET_TOMBSTONES -> Replies.OK;
      default -> Replies.failure(ErrorCode.NOT_IMPLEMENTED, "fake");
    };
  }

  private Reply preOp(ObjectContext context) {
    ObjectState.Builder object = object(context.getSet(), context.getInode());
    object.setDirty(true).setDirtyToken(context.getToken()).setDirtyCycle(context.getCycle());
    for (int absent : context.getAbsentList()) {
      object.addPending(PendingMark.newBuilder().setMember(absent).setVersion(1));
    }
    return Replies.OK;
  }

  private Reply clearDirty(ClearDirty clear) {
    for (ClearDirty.Item item : clear.getItemsList()) {
      ObjectState.Builder object = object(clear.getSet(), item.getInode());
      boolean stands =
          clear.getAbsentList().stream()
              .allMatch(id -> object.getPendingList().stream().anyMatch(p -> p.getMember() == id));
      if (stands
          && object.getDirtyToken().equals(item.getToken())
          && object.getDirtyCycle() == item.getCycle()) {
        object.setDirty(false).clearDirtyToken().clearDirtyCycle();
      }
    }
    return Replies.OK;
  }

  private Reply listMarks(ListMarks list) {
    ListMarksReply.Builder marks = ListMarksReply.newBuilder().setEnd(true);
    replicas
        .getOrDefault(list.getSet(), new TreeMap<>())
        .tailMap(list.getCursor(), false)
        .values()
        .forEach(
            object -> {
              boolean pending =
                  object.getPendingList().stream()
                      .anyMatch(mark -> mark.getMember() == list.getForMember());
              if (object.getDirty()
                  || object.getHalfRepaired()
                  || (list.getForMember() != 0 && pending)) {
                marks.addObjects(object);
              }
            });
    return Reply.newBuilder().setListMarks(marks).build();
  }

  synchronized void clearPending(long set, long inode) {
    object(set, inode).clearPending();
  }
}
