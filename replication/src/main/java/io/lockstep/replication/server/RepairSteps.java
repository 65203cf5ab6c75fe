package io.lockstep.replication.server;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.replication.heal.HealEffect;
import io.lockstep.replication.heal.SourceState;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ClearPending;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PendingMark;
import io.lockstep.wire.message.PullObject;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.StatObject;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the control agent. Carries out the steps on one object that a healer or settler asks
 * for, at its source and on the disk agent, and gives the answers back on the control agent.
 */
final class RepairSteps {
  /** The state machine that asked. */
  interface Machine {
    void onStat(long task, ErrorCode code, SourceState found);

    void onCompared(long task, ErrorCode code, byte[] source, byte[] local);

    void onDone(long task, ErrorCode code);
  }

  private static final byte[] NO_SUMS = {};

  private final DaemonContext context;
  private final Replica replica;
  private final long epoch;
  private final @Nullable Token seal;
  private final IntFunction<String> addresses;
  private final Machine machine;

  /**
   * @param seal the token of a settling, or null for a heal
   * @param addresses where a member listens, or an empty string
   */
  RepairSteps(
      DaemonContext context,
      Replica replica,
      long epoch,
      @Nullable Token seal,
      IntFunction<String> addresses,
      Machine machine) {
    this.context = context;
    this.replica = replica;
    this.epoch = epoch;
    this.seal = seal;
    this.addresses = addresses;
    this.machine = machine;
  }

  void run(HealEffect effect) {
    if (effect instanceof HealEffect.StatSource stat) {
      stat(stat);
    } else if (effect instanceof HealEffect.Begin begin) {
      submit(
          begin.inode(),
          RepairOperation.begin(
              owner(begin.task()),
              begin.inode(),
              begin.source(),
              begin.sourceDirty(),
              done(begin.task())));
    } else if (effect instanceof HealEffect.DeleteLocal delete) {
      submit(
          delete.inode(),
          RepairOperation.delete(
              owner(delete.task()), delete.inode(), delete.token(), done(delete.task())));
    } else if (effect instanceof HealEffect.Compare compare) {
      new Comparison(compare).start();
    } else if (effect instanceof HealEffect.Copy copy) {
      copy(copy);
    } else if (effect instanceof HealEffect.SyncLocal sync) {
      submit(
          sync.inode(), RepairOperation.sync(owner(sync.task()), sync.inode(), done(sync.task())));
    } else if (effect instanceof HealEffect.ClearPendingAt clear) {
      clearPending(clear);
    } else if (effect instanceof HealEffect.Finish finish) {
      submit(
          finish.inode(),
          RepairOperation.finish(
              owner(finish.task()),
              finish.inode(),
              finish.ownDirty(),
              finish.keepsDirty(),
              done(finish.task())));
    } else {
      throw Check.unreachable("%s is no step on an object", effect);
    }
  }

  /** The half repaired object stays as it is, and counts as whole. */
  void keep(long inode, long task, Consumer<ErrorCode> onEnded) {
    submit(
        inode,
        RepairOperation.keep(
            owner(task),
            inode,
            (code, sums, object) -> context.toControl(() -> onEnded.accept(code))));
  }

  /** The repair failed: the object may be taken by another. */
  void abandon(long inode, long task, Runnable onEnded) {
    submit(
        inode,
        RepairOperation.abandon(
            owner(task), inode, (code, sums, object) -> context.toControl(onEnded)));
  }

  private void submit(long inode, DiskOperation operation) {
    context.disk(inode).submit(operation);
  }

  private RepairOperation.Owner owner(long task) {
    return new RepairOperation.Owner(replica, epoch, task, seal);
  }

  private RepairOperation.Listener done(long task) {
    return (code, sums, object) -> context.toControl(() -> machine.onDone(task, code));
  }

  private void ask(int member, Request.Builder request, Consumer<Reply> onReply) {
    ask(
        member,
        request,
        (reply, payload) -> {
          payload.release();
          context.toControl(() -> onReply.accept(reply));
        });
  }

  private void ask(int member, Request.Builder request, Peer.ReplyHandler onReply) {
    String address = addresses.apply(member);
    if (address.isEmpty()) {
      onReply.onReply(
          Replies.failure(ErrorCode.DISCONNECTED, "member " + member + " is away"), Payload.EMPTY);
      return;
    }
    context.peers().peer(address).call(request.build(), context.options().callTimeoutNs(), onReply);
  }

  private void stat(HealEffect.StatSource effect) {
    ask(
        effect.member(),
        Request.newBuilder()
            .setStatObject(StatObject.newBuilder().setSet(replica.set).setInode(effect.inode())),
        reply -> {
          ObjectState state = reply.getObjectState();
          machine.onStat(
              effect.task(),
              answered(reply, reply.hasObjectState()),
              new SourceState(
                  state.getExists(),
                  state.getTombstone(),
                  Math.max(0, Math.min(state.getSize(), Limits.FILE_BYTES_MAX)),
                  Convert.token(state.getNewestToken()),
                  state.getPendingList().stream()
                      .map(PendingMark::getMember)
                      .collect(Collectors.toSet())));
        });
  }

  /** A peer that says OK without saying what was asked has said nothing. */
  private static ErrorCode answered(Reply reply, boolean complete) {
    ErrorCode code = Replies.code(reply);
    return code.isOk() && !complete ? ErrorCode.BAD_REQUEST : code;
  }

  private void copy(HealEffect.Copy effect) {
    ask(
        effect.member(),
        Request.newBuilder()
            .setPullObject(
                PullObject.newBuilder()
                    .setSet(replica.set)
                    .setInode(effect.inode())
                    .setOffset(effect.offset())
                    .setLength(effect.length())),
        (reply, payload) -> {
          ErrorCode code = Replies.code(reply);
          if (!code.isOk() || payload.sizeBytes() > effect.length()) {
            payload.release();
            ErrorCode failure = code.isOk() ? ErrorCode.BAD_REQUEST : code;
            context.toControl(() -> machine.onDone(effect.task(), failure));
            return;
          }
          submit(
              effect.inode(),
              RepairOperation.write(
                  owner(effect.task()),
                  effect.inode(),
                  effect.offset(),
                  payload,
                  done(effect.task())));
        });
  }

  private void clearPending(HealEffect.ClearPendingAt effect) {
    ask(
        effect.member(),
        Request.newBuilder()
            .setClearPending(
                ClearPending.newBuilder()
                    .setSet(replica.set)
                    .setEpoch(epoch)
                    .setMember(replica.view().member())
                    .addItems(
                        ClearPending.Item.newBuilder()
                            .setInode(effect.inode())
                            .setVersion(effect.version()))),
        reply -> machine.onDone(effect.task(), Replies.code(reply)));
  }

  /** Confined to the control agent. Both halves of a compare, whichever comes first. */
  private final class Comparison {
    private final HealEffect.Compare effect;
    private byte[] source;
    private byte[] local;
    private ErrorCode failure = ErrorCode.OK;
    private int missing = 2;

    Comparison(HealEffect.Compare effect) {
      this.effect = effect;
    }

    void start() {
      ask(
          effect.member(),
          Request.newBuilder()
              .setHashObject(
                  HashObject.newBuilder()
                      .setSet(replica.set)
                      .setInode(effect.inode())
                      .setOffset(effect.offset())
                      .setBlocks(effect.blocks())),
          reply -> {
            ByteString sums = reply.getHashObject().getCrcs();
            source = sums.toByteArray();
            onHalf(answered(reply, reply.hasHashObject()));
          });
      submit(
          effect.inode(),
          RepairOperation.hash(
              owner(effect.task()),
              effect.inode(),
              effect.offset(),
              effect.blocks(),
              (code, sums, object) ->
                  context.toControl(
                      () -> {
                        local = sums;
                        onHalf(code);
                      })));
    }

    private void onHalf(ErrorCode code) {
      missing--;
      failure = failure.isOk() ? code : failure;
      if (missing == 0) {
        machine.onCompared(
            effect.task(),
            failure,
            source == null ? NO_SUMS : source,
            local == null ? NO_SUMS : local);
      }
    }
  }
}
