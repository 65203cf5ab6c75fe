package io.lockstep.simulation;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.replication.eagerlock.TimerKind;
import io.lockstep.replication.transaction.Transaction;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.RecallNotMine;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import io.lockstep.wire.message.WriteObject;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Confined to the thread of the test. One mount with one open file: the production eager lock and
 * transactions, wired to the simulated network. A block is 8 bytes and holds one number.
 *
 * <p>What the network loses is sent again with the same sequence after a while, as a connection
 * that is made anew would (P11).
 */
final class SimClient {
  private static final long RETRY_NS = 60_000_000;
  private static final long IDLE_NS = 300_000_000;
  private static final long DRAIN_NS = 200_000_000;

  final long session;

  private final VirtualTime.Host host;
  private final Peer master;
  private final List<Peer> members;
  private final SetConfig config;
  private final EagerLock lock = new EagerLock(0);
  private final Map<Long, Operation> operations = new HashMap<>();
  private long inode;
  private long lastTx;
  private long sequence;
  private long sizeBytes;
  private Token token = Token.NONE;

  private record Operation(int block, long value, Transaction transaction, LongConsumer onEnd) {}

  SimClient(
      VirtualTime.Host host,
      SimNetwork network,
      long session,
      List<String> memberAddresses,
      SetConfig config) {
    this.host = host;
    this.session = session;
    this.config = config;
    this.master = network.peer(host, "master", session, this::onPush);
    this.members =
        memberAddresses.stream().map(a -> network.peer(host, a, session, push -> {})).toList();
  }

  void open(long fileInode) {
    inode = fileInode;
  }

  EagerLock lock() {
    return lock;
  }

  /** Asks again, with the same sequence, until there is an answer. */
  void insist(Peer peer, Request.Builder request, byte[] payload, Peer.ReplyHandler onReply) {
    request.setSession(session).setSequence(++sequence);
    insist(peer, request.build(), payload, onReply);
  }

  private void insist(Peer peer, Request request, byte[] payload, Peer.ReplyHandler onReply) {
    peer.call(
        request,
        Payload.of(payload),
        RETRY_NS,
        (reply, bytes) -> {
          switch (Replies.code(reply)) {
            case TIMED_OUT, DISCONNECTED, BUSY ->
                host.schedule(RETRY_NS / 4, () -> insist(peer, request, payload, onReply));
            default -> onReply.onReply(reply, bytes);
          }
        });
  }

  Peer master() {
    return master;
  }

  /** Writes {@code value}; {@code onEnd} gets it, or 0 after a failure. */
  void write(int block, long value, LongConsumer onEnd) {
    long tx = ++lastTx;
    operations.put(tx, new Operation(block, value, new Transaction(config), onEnd));
    run(lock.onArrive(tx, Kind.WRITE, new Range(block * 8L, block * 8L + 8)));
  }

  /** Reads; {@code onEnd} gets the value, or -1 after a failure. */
  void read(int block, LongConsumer onEnd) {
    long tx = ++lastTx;
    operations.put(tx, new Operation(block, 0, null, onEnd));
    run(lock.onArrive(tx, Kind.READ, Range.NONE));
  }

  void requestPostOp() {
    run(lock.onPostOpRequested());
  }

  private void onPush(Push push) {
    RecallLease recall = push.getRecallLease();
    if (recall.getInode() == inode && lock.knows(recall.getLease())) {
      run(lock.onRecall(recall.getLease()));
      return;
    }
    master.call(
        Request.newBuilder()
            .setSession(session)
            .setRecallNotMine(
                RecallNotMine.newBuilder().setInode(recall.getInode()).setLease(recall.getLease()))
            .build(),
        RETRY_NS,
        (reply, payload) -> {});
  }

  private void run(List<Effect> effects) {
    lock.checkInvariant();
    for (Effect effect : effects) {
      if (effect instanceof Effect.SendAcquire acquire) {
        acquire(acquire);
      } else if (effect instanceof Effect.Start start) {
        start(start);
      } else if (effect instanceof Effect.Fail fail) {
        Operation operation = operations.remove(fail.tx());
        operation.onEnd.accept(operation.transaction == null ? -1 : 0);
      } else if (effect instanceof Effect.ArmTimer timer) {
        host.schedule(
            timer.kind() == TimerKind.IDLE ? IDLE_NS : DRAIN_NS,
            () -> run(lock.onTimer(timer.timer())));
      } else if (effect instanceof Effect.PostOp postOp) {
        postOp(postOp);
      } else if (effect instanceof Effect.SendRelease release) {
        release(release);
      }
    }
  }

  private void acquire(Effect.SendAcquire acquire) {
    LeaseMode mode = acquire.mode() == Mode.SHARED ? LeaseMode.SHARED : LeaseMode.EXCLUSIVE;
    insist(
        master,
        Request.newBuilder()
            .setAcquireLease(
                AcquireLease.newBuilder()
                    .setInode(inode)
                    .setLease(acquire.lease())
                    .setMode(mode)
                    .setSet(SimMaster.SET)),
        new byte[0],
        (reply, payload) -> {
          ErrorCode code = Replies.code(reply);
          LeaseGrant grant = reply.getLeaseGrant();
          if (code == ErrorCode.LEASE_TIMEOUT) {
            // Its time on the wire was over before its turn came; the same id goes on waiting.
            acquire(acquire);
          } else if (code.isOk()) {
            token = Convert.token(grant.getToken());
            sizeBytes = Math.max(sizeBytes, grant.getAttributes().getSize());
            run(lock.onGranted(acquire.lease(), token, grant.getEpoch()));
          } else {
            run(lock.onRefused(acquire.lease(), code));
          }
        });
  }

  private void start(Effect.Start start) {
    Operation operation = operations.get(start.tx());
    if (operation.transaction != null) {
      act(operation, start, operation.transaction.begin());
      return;
    }
    int source = (int) (start.tx() % members.size());
    insist(
        members.get(source),
        Request.newBuilder()
            .setReadObject(
                ReadObject.newBuilder()
                    .setContext(ObjectContext.newBuilder().setInode(inode))
                    .setLength(SimMember.OBJECT_BYTES)),
        new byte[0],
        (reply, payload) -> {
          operations.remove(start.tx());
          long value = ByteBuffer.wrap(payload.toByteArray()).getLong(operation.block * 8);
          operation.onEnd.accept(value);
          run(lock.onDone(start.tx(), Result.OK));
        });
  }

  private void act(
      Operation operation,
      Effect.Start start,
      List<io.lockstep.replication.transaction.Effect> effects) {
    for (io.lockstep.replication.transaction.Effect effect : effects) {
      if (effect instanceof io.lockstep.replication.transaction.Effect.Send send) {
        send(operation, start, send);
      } else if (effect instanceof io.lockstep.replication.transaction.Effect.Done done) {
        operations.remove(start.tx());
        sizeBytes = Math.max(sizeBytes, operation.block * 8L + 8);
        operation.onEnd.accept(done.code().isOk() ? operation.value : 0);
        Result failed = done.leaseLost() ? Result.LEASE_LOST : Result.FAILED;
        run(lock.onDone(start.tx(), done.code().isOk() ? Result.OK : failed));
      }
    }
  }

  private void send(
      Operation operation,
      Effect.Start start,
      io.lockstep.replication.transaction.Effect.Send send) {
    ObjectContext context =
        ObjectContext.newBuilder()
            .setSet(SimMaster.SET)
            .setInode(inode)
            .setEpoch(send.epoch())
            .setToken(Convert.message(start.token()))
            .setCycle(start.cycle())
            .addAllAbsent(send.absent())
            .build();
    insist(
        members.get(send.member() - 1),
        Request.newBuilder()
            .setWriteObject(
                WriteObject.newBuilder().setContext(context).setOffset(operation.block * 8L)),
        ByteBuffer.allocate(8).putLong(operation.value).array(),
        (reply, payload) ->
            act(
                operation,
                start,
                operation.transaction.onReply(
                    send.round(), send.member(), Replies.code(reply), null)));
  }

  private void postOp(Effect.PostOp postOp) {
    Request.Builder sync =
        Request.newBuilder()
            .setSyncObjects(
                SyncObjects.newBuilder()
                    .setSet(SimMaster.SET)
                    .setEpoch(config.epoch())
                    .addInodes(inode));
    Request.Builder clear =
        Request.newBuilder()
            .setClearDirty(
                ClearDirty.newBuilder()
                    .setSet(SimMaster.SET)
                    .setEpoch(config.epoch())
                    .addItems(
                        ClearDirty.Item.newBuilder()
                            .setInode(inode)
                            .setToken(Convert.message(postOp.token()))
                            .setCycle(postOp.cycle())));
    toAll(sync, () -> toAll(clear, () -> run(lock.onPostOpDone(postOp.cycle()))));
  }

  private void toAll(Request.Builder request, Runnable then) {
    int[] left = {members.size()};
    for (Peer member : members) {
      insist(
          member,
          request.clone(),
          new byte[0],
          (reply, payload) -> {
            left[0]--;
            if (left[0] == 0) {
              then.run();
            }
          });
    }
  }

  private void release(Effect.SendRelease release) {
    RefreshInodes.Update size =
        RefreshInodes.Update.newBuilder()
            .setInode(inode)
            .setToken(Convert.message(token))
            .setSize(sizeBytes)
            .build();
    Request.Builder ended =
        Request.newBuilder()
            .setReleaseLease(
                ReleaseLease.newBuilder()
                    .setInode(inode)
                    .setLease(release.lease())
                    .setClean(release.clean()));
    insist(
        master,
        Request.newBuilder().setRefreshInodes(RefreshInodes.newBuilder().addUpdates(size)),
        new byte[0],
        (refreshed, none) ->
            insist(
                master,
                ended,
                new byte[0],
                (reply, payload) -> run(lock.onReleased(release.lease()))));
  }
}
