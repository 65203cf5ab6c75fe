package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.server.RequestOperation.Call;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.ClearPending;
import io.lockstep.wire.message.DeleteObjects;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListObjects;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Immutable but for a counter of tasks. Makes the operation of each request on objects. */
final class RequestDispatch {
  /** Of a request that names none. */
  private static final long DEFAULT_TIMEOUT_NS = 4_000_000_000L;

  /** Objects that one request names at most. */
  private static final int ITEMS_MAX = 65_536;

  /**
   * Immutable. Where a request belongs.
   *
   * @param hasEpoch whether it follows a configuration
   */
  record Scope(long set, boolean hasEpoch, long epoch) {}

  /** Work that a page gives. */
  private interface PageSource {
    ListMarksReply page() throws IOException, Outcome;
  }

  private final DaemonContext context;
  private final Listings listings;
  private final AtomicLong settleTasks = new AtomicLong();

  RequestDispatch(DaemonContext context, Listings listings) {
    this.context = context;
    this.listings = listings;
  }

  long timeoutNs(Request request) {
    int timeoutMs = request.getTimeoutMs();
    return timeoutMs <= 0 ? DEFAULT_TIMEOUT_NS : timeoutMs * 1_000_000L;
  }

  /** Null for a kind that is not of objects. */
  @Nullable Scope scope(Request r) {
    return switch (r.getBodyCase()) {
      case WRITE_OBJECT -> scope(r.getWriteObject().getContext());
      case PRE_OP -> scope(r.getPreOp().getContext());
      case TRUNCATE_OBJECT -> scope(r.getTruncateObject().getContext());
      case ALLOCATE_OBJECT -> scope(r.getAllocateObject().getContext());
      case READ_OBJECT -> scope(r.getReadObject().getContext());
      case SYNC_OBJECTS -> at(r.getSyncObjects().getSet(), r.getSyncObjects().getEpoch());
      case CLEAR_DIRTY -> at(r.getClearDirty().getSet(), r.getClearDirty().getEpoch());
      case SEAL_OBJECT -> at(r.getSealObject().getSet(), r.getSealObject().getEpoch());
      case LIST_MARKS -> at(r.getListMarks().getSet(), r.getListMarks().getEpoch());
      case SETTLE_OBJECT -> at(r.getSettleObject().getSet(), r.getSettleObject().getEpoch());
      case CLEAR_PENDING -> at(r.getClearPending().getSet(), r.getClearPending().getEpoch());
      case DELETE_OBJECTS -> at(r.getDeleteObjects().getSet(), r.getDeleteObjects().getEpoch());
      case STAT_OBJECT -> new Scope(r.getStatObject().getSet(), false, 0);
      case LIST_OBJECTS -> new Scope(r.getListObjects().getSet(), false, 0);
      case HASH_OBJECT -> new Scope(r.getHashObject().getSet(), false, 0);
      case PULL_OBJECT -> new Scope(r.getPullObject().getSet(), false, 0);
      case FORGET_TOMBSTONES -> new Scope(r.getForgetTombstones().getSet(), false, 0);
      default -> null;
    };
  }

  private static Scope scope(ObjectContext c) {
    return at(c.getSet(), c.getEpoch());
  }

  private static Scope at(long set, long epoch) {
    return new Scope(set, true, epoch);
  }

  /** On any thread. The operation checks the epoch again, where it is decided. */
  void run(Request r, Call call) {
    switch (r.getBodyCase()) {
      case WRITE_OBJECT ->
          submit(
              r.getWriteObject().getContext(),
              Changes.write(call, r.getWriteObject(), context.counters()));
      case PRE_OP -> submit(r.getPreOp().getContext(), Changes.preOp(call, r.getPreOp()));
      case TRUNCATE_OBJECT ->
          submit(r.getTruncateObject().getContext(), Changes.truncate(call, r.getTruncateObject()));
      case ALLOCATE_OBJECT ->
          submit(r.getAllocateObject().getContext(), Changes.allocate(call, r.getAllocateObject()));
      case READ_OBJECT ->
          submit(r.getReadObject().getContext(), Reads.read(call, r.getReadObject()));
      case SEAL_OBJECT -> submit(r.getSealObject().getInode(), Reads.seal(call, r.getSealObject()));
      case STAT_OBJECT -> submit(r.getStatObject().getInode(), Reads.stat(call, r.getStatObject()));
      case HASH_OBJECT -> submit(r.getHashObject().getInode(), Reads.hash(call, r.getHashObject()));
      case PULL_OBJECT -> submit(r.getPullObject().getInode(), Reads.pull(call, r.getPullObject()));
      case SETTLE_OBJECT -> settle(r, call);
      case LIST_MARKS -> listMarks(r.getListMarks(), call);
      case LIST_OBJECTS -> listObjects(r.getListObjects(), call);
      default -> runItems(r, call);
    }
  }

  private void submit(ObjectContext where, DiskOperation operation) {
    submit(where.getInode(), operation);
  }

  private void submit(long inode, DiskOperation operation) {
    context.disk(inode).submit(operation);
  }

  private void settle(Request r, Call call) {
    long task = settleTasks.decrementAndGet();
    context.toControl(() -> new SettleRunner(context, call, r.getSettleObject(), task).start());
  }

  private void runItems(Request r, Call call) {
    call.payload().release();
    switch (r.getBodyCase()) {
      case SYNC_OBJECTS -> sync(r.getSyncObjects(), call);
      case CLEAR_DIRTY -> clearDirty(r.getClearDirty(), call);
      case CLEAR_PENDING -> clearPending(r.getClearPending(), call);
      case DELETE_OBJECTS -> delete(r.getDeleteObjects(), call);
      case FORGET_TOMBSTONES -> {
        Gather gather = gather(call, r.getForgetTombstones().getInodesCount(), false);
        if (gather != null) {
          r.getForgetTombstones()
              .getInodesList()
              .forEach(i -> submit(i, ItemOperation.forget(call.replica(), i, gather)));
        }
      }
      default -> call.responder().fail(ErrorCode.BAD_REQUEST, "not served: " + r.getBodyCase());
    }
  }

  /** Null if the request names too many, and is refused. */
  private @Nullable Gather gather(Call call, int count, boolean failWhole) {
    if (count > ITEMS_MAX) {
      context.counters().badRequests.increment();
      call.responder().fail(ErrorCode.BAD_REQUEST, count + " objects in one request");
      return null;
    }
    return new Gather(call.replica(), call.responder(), count, failWhole);
  }

  private void sync(SyncObjects request, Call call) {
    Gather gather = gather(call, request.getInodesCount(), false);
    if (gather == null) {
      return;
    }
    for (long inode : request.getInodesList()) {
      submit(inode, ItemOperation.sync(call.replica(), request, inode, gather));
    }
  }

  private void clearDirty(ClearDirty request, Call call) {
    Gather gather = gather(call, request.getItemsCount(), true);
    if (gather == null) {
      return;
    }
    for (ClearDirty.Item item : request.getItemsList()) {
      submit(
          item.getInode(),
          ItemOperation.clearDirty(
              call.replica(),
              request.getEpoch(),
              item.getInode(),
              Convert.token(item.getToken()),
              item.getCycle(),
              request.getAbsentList(),
              gather));
    }
  }

  private void clearPending(ClearPending request, Call call) {
    Gather gather = gather(call, request.getItemsCount(), true);
    if (gather == null) {
      return;
    }
    for (ClearPending.Item item : request.getItemsList()) {
      submit(
          item.getInode(),
          ItemOperation.clearPending(
              call.replica(),
              request.getEpoch(),
              item.getInode(),
              request.getMember(),
              item.getVersion(),
              gather));
    }
  }

  private void delete(DeleteObjects request, Call call) {
    Gather gather = gather(call, request.getInodesCount(), true);
    if (gather == null) {
      return;
    }
    for (long inode : request.getInodesList()) {
      submit(
          inode,
          ItemOperation.delete(
              call.replica(),
              request.getEpoch(),
              inode,
              Convert.token(request.getToken()),
              gather));
    }
  }

  private void listMarks(ListMarks request, Call call) {
    page(
        call,
        () -> {
          call.replica().checkEpoch(request.getEpoch());
          return listings.marked(
              request.getSet(),
              request.getCursor(),
              request.getForMember(),
              request.getEntriesMax());
        });
  }

  private void listObjects(ListObjects request, Call call) {
    page(call, () -> listings.all(request.getSet(), request.getCursor(), request.getEntriesMax()));
  }

  private void page(Call call, PageSource source) {
    call.payload().release();
    if (!context.onIo(() -> answerPage(call, source))) {
      call.responder().fail(ErrorCode.CLOSING, "the storage daemon is closing");
    }
  }

  private static void answerPage(Call call, PageSource source) {
    Reply reply;
    try {
      reply = Reply.newBuilder().setListMarks(source.page()).build();
    } catch (IOException e) {
      reply = RequestOperation.failure(call.replica(), ErrorCode.IO_ERROR, e.getMessage());
    } catch (Outcome e) {
      reply = RequestOperation.failure(call.replica(), e.code(), e.getMessage());
    }
    call.responder().reply(reply);
  }
}
