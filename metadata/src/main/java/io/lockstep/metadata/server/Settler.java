package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SettleOrphans;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the master agent. Settles objects after unclean ends (P1): one for lockd, all dirty
 * ones of a closed set, and those that nobody's lease covers.
 */
final class Settler {
  private static final Logger LOG = LoggerFactory.getLogger(Settler.class);
  private static final int AT_ONCE_MAX = 16;
  private static final int WAITING_MAX = 1 << 17;
  private static final int MARKS_PER_PAGE = 512;
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Ports ports;
  private final Namespace namespace;
  private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
  private SetBoard board;
  private int running;

  Settler(Ports ports, Namespace namespace) {
    this.ports = ports;
    this.namespace = namespace;
  }

  /** The sets, which in turn ask this to settle closed ones. */
  void wire(SetBoard sets) {
    board = sets;
  }

  /**
   * Settles one object of an open set; tries again over changes of the configuration until the
   * deadline. A member that does not answer becomes ERR.
   */
  void settleInode(long inode, long set, Token token, long deadlineNs, Consumer<Reply> then) {
    SetConfig config = board.config(set);
    if (config == null || ports.read(state -> namespace.attributes(state, inode)) == null) {
      then.accept(Replies.OK);
    } else if (!config.open()) {
      retryInode(inode, set, token, deadlineNs, ErrorCode.SET_CLOSED, then);
    } else {
      enqueue(
          () ->
              new ObjectSettling(
                      ports,
                      namespace,
                      config,
                      config.writers(),
                      inode,
                      token,
                      result -> {
                        leave();
                        onResult(inode, config, token, deadlineNs, result, then);
                      })
                  .start(),
          then);
    }
  }

  private void onResult(
      long inode,
      SetConfig config,
      Token token,
      long deadlineNs,
      ObjectSettling.Result result,
      Consumer<Reply> then) {
    if (result.code().isOk()) {
      then.accept(Replies.OK);
    } else if (result.code() == ErrorCode.STALE_TOKEN) {
      then.accept(
          Replies.failure(
              ErrorCode.STALE_TOKEN, "inode " + inode + " has a newer token than " + token));
    } else if (result.failed() == null) {
      retryInode(inode, config.set(), token, deadlineNs, result.code(), then);
    } else {
      Member failed = result.failed();
      LOG.info(
          "settling inode {} of set {}: member {} answered {}",
          inode,
          config.set(),
          failed.id(),
          result.code());
      board.onReport(
          config.set(),
          config.epoch(),
          failed.id(),
          failed.incarnation(),
          result.code(),
          reply -> retryInode(inode, config.set(), token, deadlineNs, result.code(), then));
    }
  }

  private void retryInode(
      long inode, long set, Token token, long deadlineNs, ErrorCode code, Consumer<Reply> then) {
    if (ports.nowNs() - deadlineNs >= 0) {
      then.accept(Replies.failure(code, "inode " + inode + " is not settled yet"));
    } else {
      ports.after(RETRY_NS, () -> settleInode(inode, set, token, deadlineNs, then));
    }
  }

  /** Settles what is dirty in a closed set among {@code members} (P3). */
  void settleAll(SetConfig config, List<Member> members, Consumer<Boolean> then) {
    listDirty(
        config,
        members,
        silent -> {},
        dirty -> {
          if (dirty == null) {
            then.accept(false);
            return;
          }
          LOG.info("set {}: {} objects to settle before it opens", config.set(), dirty.size());
          settleEach(config, members, dirty, then);
        });
  }

  private void settleEach(
      SetConfig config, List<Member> members, Set<Long> dirty, Consumer<Boolean> then) {
    if (dirty.isEmpty()) {
      then.accept(true);
      return;
    }
    int[] left = {dirty.size()};
    boolean[] complete = {true};
    Consumer<Boolean> one =
        settled -> {
          complete[0] &= settled;
          left[0]--;
          if (left[0] == 0) {
            then.accept(complete[0]);
          }
        };
    for (long inode : dirty) {
      enqueue(
          () ->
              new ObjectSettling(
                      ports,
                      namespace,
                      config,
                      members,
                      inode,
                      Token.NONE,
                      result -> {
                        leave();
                        if (!result.code().isOk()) {
                          LOG.warn("inode {} is not settled: {}", inode, result);
                        }
                        one.accept(result.code().isOk());
                      })
                  .start(),
          reply -> one.accept(false));
    }
  }

  /** Settles every dirty object that no lease covers, set after set. */
  void settleOrphans(SettleOrphans request, long deadlineNs, Consumer<Reply> then) {
    Set<Long> covered = new HashSet<>();
    request.getCoveredList().forEach(each -> covered.add(each.getInode()));
    ArrayDeque<SetConfig> sets = new ArrayDeque<>(board.configs());
    nextSet(sets, covered, Convert.token(request.getSeal()), deadlineNs, Replies.OK, then);
  }

  private void nextSet(
      ArrayDeque<SetConfig> sets,
      Set<Long> covered,
      Token seal,
      long deadlineNs,
      Reply worst,
      Consumer<Reply> then) {
    SetConfig config = sets.poll();
    if (config == null) {
      then.accept(worst);
      return;
    }
    if (!config.open()) {
      // It is settled whole before it opens.
      nextSet(sets, covered, seal, deadlineNs, worst, then);
      return;
    }
    listDirty(
        config,
        config.writers(),
        silent -> blame(config, silent),
        dirty -> {
          if (dirty == null) {
            Reply failure = Replies.failure(ErrorCode.BUSY, "a member did not list its marks");
            nextSet(sets, covered, seal, deadlineNs, failure, then);
            return;
          }
          dirty.removeAll(covered);
          settleOrphansOf(
              config.set(),
              dirty,
              seal,
              deadlineNs,
              reply ->
                  nextSet(
                      sets, covered, seal, deadlineNs, Replies.isOk(reply) ? worst : reply, then));
        });
  }

  private void settleOrphansOf(
      long set, Set<Long> dirty, Token seal, long deadlineNs, Consumer<Reply> then) {
    if (dirty.isEmpty()) {
      then.accept(Replies.OK);
      return;
    }
    LOG.info("set {}: {} objects with marks of ended leases to settle", set, dirty.size());
    int[] left = {dirty.size()};
    Reply[] worst = {Replies.OK};
    for (long inode : dirty) {
      settleInode(
          inode,
          set,
          seal,
          deadlineNs,
          reply -> {
            // A newer token means a new holder, who will clear the mark.
            if (!Replies.isOk(reply) && Replies.code(reply) != ErrorCode.STALE_TOKEN) {
              worst[0] = reply;
            }
            left[0]--;
            if (left[0] == 0) {
              then.accept(worst[0]);
            }
          });
    }
  }

  /** Inodes that are dirty on one of the members; null if one did not answer. */
  /**
   * A member of an open set that does not answer is out of step: or every later sweep would wait.
   */
  private void blame(SetConfig config, Member silent) {
    board.onReport(
        config.set(),
        config.epoch(),
        silent.id(),
        silent.incarnation(),
        ErrorCode.TIMED_OUT,
        reply -> {});
  }

  /**
   * The objects that are dirty on one of {@code members}, or null if not all could be asked.
   *
   * @param onSilent takes each member that gave no answer at all
   */
  private void listDirty(
      SetConfig config, List<Member> members, Consumer<Member> onSilent, Consumer<Set<Long>> then) {
    Set<Long> dirty = new TreeSet<>();
    int[] left = {members.size()};
    boolean[] complete = {true};
    for (Member member : members) {
      listDirty(
          config,
          member,
          0,
          dirty,
          code -> {
            complete[0] &= code.isOk();
            if (code == ErrorCode.TIMED_OUT || code == ErrorCode.DISCONNECTED) {
              onSilent.accept(member);
            }
            left[0]--;
            if (left[0] == 0) {
              then.accept(complete[0] ? dirty : null);
            }
          });
    }
  }

  private void listDirty(
      SetConfig config, Member member, long cursor, Set<Long> dirty, Consumer<ErrorCode> then) {
    Request request =
        Request.newBuilder()
            .setListMarks(
                ListMarks.newBuilder()
                    .setSet(config.set())
                    .setEpoch(config.epoch())
                    .setCursor(cursor)
                    .setEntriesMax(MARKS_PER_PAGE))
            .build();
    ports.ask(
        member.daemon(),
        request,
        ports.times().memberCallNs(),
        reply -> {
          if (!Replies.isOk(reply)) {
            LOG.info(
                "set {}: member {} lists no marks: {} {}",
                config.set(),
                member.id(),
                Replies.code(reply),
                reply.getMessage());
            then.accept(Replies.code(reply));
            return;
          }
          ListMarksReply marks = reply.getListMarks();
          for (ObjectState state : marks.getObjectsList()) {
            if (state.getDirty()) {
              dirty.add(state.getInode());
            }
          }
          if (marks.getEnd() || marks.getObjectsCount() == 0) {
            then.accept(ErrorCode.OK);
          } else {
            long last = marks.getObjects(marks.getObjectsCount() - 1).getInode();
            listDirty(config, member, last, dirty, then);
          }
        });
  }

  private void enqueue(Runnable start, Consumer<Reply> onFull) {
    if (running < AT_ONCE_MAX) {
      running++;
      start.run();
    } else if (waiting.size() < WAITING_MAX) {
      waiting.add(start);
    } else {
      onFull.accept(Replies.failure(ErrorCode.BUSY, "too many objects wait to be settled"));
    }
  }

  private void leave() {
    Runnable next = waiting.poll();
    if (next == null) {
      running--;
    } else {
      next.run();
    }
  }
}
