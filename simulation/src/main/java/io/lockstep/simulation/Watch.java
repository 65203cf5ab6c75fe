package io.lockstep.simulation;

import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.replication.marks.MarksFormat;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.simulation.check.LockHistory;
import io.lockstep.simulation.check.LockHistory.Fence;
import io.lockstep.simulation.check.Violation;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.simulation.cluster.StorageNode;
import io.lockstep.simulation.world.VirtualTime;
import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Durability;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.TokenMessage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Confined to the thread of the simulation. Invariants, watched at every answer of a storage
 * daemon, before anybody hears of it:
 *
 * <ul>
 *   <li>I1: no member takes a write of an older token than the newest it took for that object.
 *   <li>I4: a read is answered by a member that the log calls RW at the epoch that the read
 *       carries.
 *   <li>I5: when a write is answered, its dirty mark is durable: the member would show it after a
 *       loss of power at this instant.
 *   <li>P2: and a pending mark for each member that the write names as absent, or that the log
 *       calls out of step at the epoch that the write carries.
 * </ul>
 *
 * <p>At every proposal of the master P8 ({@link ReportWatch}).
 *
 * <p>And after every event I9: whoever read a state of the master has let go of it, and did not
 * read on (for mounts and sessions, see {@link Convergence}: nothing is left of them).
 *
 * <p>Production watches the others itself, at every event, and a broken one ends the seed: I2
 * ({@code EagerLock.checkInvariant}), I6 and I7 ({@code ReplicaRegistry}). I8 does not exist yet.
 */
final class Watch {
  private static final int VIOLATIONS_MAX = 20;

  /** The kind of a row of marks, see the package documentation of the store. */
  private static final byte MARKS = 'O';

  private static final int CHECKSUM_BYTES = 4;

  private final LockHistory locks;
  private final Map<Long, SetConfig> configs = new HashMap<>();
  private final Map<String, Violation> violations = new LinkedHashMap<>();
  private Cluster cluster;
  private VirtualTime time;
  private ReportWatch reports;
  private int reads;
  private int writes;

  Watch(LockHistory locks) {
    this.locks = locks;
  }

  void begin(Cluster built) {
    cluster = built;
    time = built.time();
    reports = new ReportWatch(built, this::violated);
    time.watch(this::afterEvent);
  }

  List<Violation> violations() {
    return new ArrayList<>(violations.values());
  }

  /** I9: nothing in the master reads a state for longer than an event. */
  private void afterEvent() {
    if (cluster.master().pinned() > 0) {
      violated("master", "I9 a state is still pinned after the event that read it");
    }
  }

  /** How many answers were looked at. */
  int seen() {
    return reads + writes;
  }

  private void violated(String object, String what) {
    if (violations.size() < VIOLATIONS_MAX) {
      violations.putIfAbsent(object + what.substring(0, 2), new Violation(object, what));
      time.note("watch", object + ": " + what);
    }
  }

  /** Stands between the master and its log. */
  ReplicatedLog watching(ReplicatedLog log) {
    return reports.watching(log);
  }

  /** Stands before a storage daemon, or the master. */
  RequestHandler watching(String host, RequestHandler handler) {
    return new RequestHandler() {
      @Override
      public void onRequest(Request request, Payload payload, Responder responder) {
        handler.onRequest(request, payload, new Watching(host, request, responder));
      }

      @Override
      public void onDisconnected(PeerIdentity peer) {
        handler.onDisconnected(peer);
      }
    };
  }

  private final class Watching implements Responder {
    private final String host;
    private final Request request;
    private final Responder responder;
    private final long arrivedNs = time.nowNs();

    Watching(String host, Request request, Responder responder) {
      this.host = host;
      this.request = request;
      this.responder = responder;
    }

    @Override
    public void reply(Reply reply, Payload payload) {
      if (Replies.isOk(reply)) {
        onDone(host, request);
        if (request.hasDaemonHeartbeat() && !reply.getDaemonHeartbeat().getRegister()) {
          reports.onHeard(request.getDaemonHeartbeat(), arrivedNs);
        }
      }
      responder.reply(reply, payload);
    }

    @Override
    public PeerIdentity peer() {
      return responder.peer();
    }
  }

  private void onDone(String host, Request request) {
    switch (request.getBodyCase()) {
      case READ_OBJECT -> onRead(host, request.getReadObject().getContext());
      case WRITE_OBJECT -> {
        // An answer that waited for a sync says nothing of the order in which it was executed.
        if (request.getWriteObject().getDurability() == Durability.RECEIVED) {
          onWritten(host, request.getWriteObject().getContext());
        }
      }
      case TRUNCATE_OBJECT -> onWritten(host, request.getTruncateObject().getContext());
      case SEAL_OBJECT ->
          locks.accepted(
              host,
              object(request.getSealObject().getInode()),
              fence(request.getSealObject().getToken()),
              false,
              time.nowNs());
      default -> {}
    }
  }

  private static String object(long inode) {
    return "inode " + inode;
  }

  private static Fence fence(TokenMessage token) {
    return new Fence(token.getTerm(), token.getSequence());
  }

  /** As far as it was seen. */
  private SetConfig configAt(long epoch) {
    SetConfig now = cluster.master().config();
    if (now != null) {
      configs.put(now.epoch(), now);
    }
    return configs.get(epoch);
  }

  /** I4. */
  private void onRead(String host, ObjectContext context) {
    reads++;
    SetConfig then = configAt(context.getEpoch());
    Member member = then == null ? null : then.memberOn(node(host).id());
    if (then != null && (member == null || member.mode() != MemberMode.RW)) {
      violated(
          object(context.getInode()),
          "I4 "
              + host
              + " answered a read at epoch "
              + context.getEpoch()
              + ", at which it is "
              + (member == null ? "no member" : member.mode()));
    }
  }

  /** I1 and I5. */
  private void onWritten(String host, ObjectContext context) {
    writes++;
    String object = object(context.getInode());
    locks.accepted(host, object, fence(context.getToken()), true, time.nowNs());
    byte[] row = node(host).disk().durableRow(marksKey(context.getSet(), context.getInode()));
    ObjectMarks marks = decode(row);
    if (marks == null || marks.dirty() == null) {
      violated(object, "I5 " + host + " answered a write without a durable dirty mark");
    }
    Set<Integer> missing = new TreeSet<>(context.getAbsentList());
    SetConfig then = configAt(context.getEpoch());
    if (then != null) {
      missing.addAll(then.absent());
    }
    for (int absent : missing) {
      if (marks != null && !marks.hasPendingFor(absent)) {
        violated(object, "P2 " + host + " has no durable pending mark for member " + absent);
      }
    }
  }

  private static byte[] marksKey(long set, long inode) {
    return ByteBuffer.allocate(17).put(MARKS).putLong(set).putLong(inode).array();
  }

  private static ObjectMarks decode(byte[] row) {
    try {
      // Behind it stands a checksum.
      return row == null
          ? null
          : MarksFormat.decode(Arrays.copyOf(row, row.length - CHECKSUM_BYTES));
    } catch (Outcome e) {
      throw new AssertionError(e);
    }
  }

  private StorageNode node(String host) {
    return cluster.storages().stream()
        .filter(node -> node.host().name().equals(host))
        .findFirst()
        .orElseThrow();
  }
}
